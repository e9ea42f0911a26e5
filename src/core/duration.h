/* Durations, in microseconds. */
#ifndef CORE_DURATION_H
#define CORE_DURATION_H

#include "text.h"

#define DURATION_MAX (INT64_C(100) * 366 * 86400 * 1000000) /* a hundred years */
#define DURATION_HELP "250ms, 30s, 10m, 6h, 2d, 1h30m, or plain seconds"

/* Each unit once, in falling order; plain numbers are seconds and may have a fraction ("0.5"). No sign, no spaces. */
bool duration_parse(const char *string, int64_t *ret_duration);
/* The shortest form that duration_parse reads back: 250ms, 30s, 1h30m. */
void duration_print(struct text *text, int64_t duration);
/* As plain decimal seconds, exact: 90, 0.25. */
void duration_print_seconds(struct text *text, int64_t duration);
/* For people: 4.2s, 3m 10s, 2h 5m, 3d 4h. Negative ages (a clock ahead of ours) have a minus. */
void duration_print_human(struct text *text, int64_t duration);
/* Go's form, rounded to the second: 45s, 30m0s, 1h0m5s. */
void duration_print_go(struct text *text, int64_t duration);
/* Whole seconds > 0 from an environment value: digits, one leading '+' allowed; at most ten years. */
bool duration_parse_seconds(const char *string, int64_t *ret_duration);

#endif
