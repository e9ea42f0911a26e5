/* Instants: microseconds since 1970-01-01 in UTC, in an int64_t. NO_TIME stands for NULL. */
#ifndef CORE_TIMEFMT_H
#define CORE_TIMEFMT_H

#include "value.h"

#define NO_TIME INT64_MIN
#define USEC_PER_SEC INT64_C(1000000)

/* How a column keeps an instant; the names in profiles are in brackets. */
enum time_format {
	TIME_AUTO, /* text, read by its shape; numbers are refused */
	TIME_UTC, /* [timestamp-utc] timestamp or text without a zone, in UTC: YYYY-MM-DD HH:MM:SS.ffffff */
	TIME_ZONED, /* [timestamptz] timestamp with time zone; as text YYYY-MM-DDTHH:MM:SS.ffffff+00:00 */
	TIME_RFC3339,  /* [rfc3339] YYYY-MM-DDTHH:MM:SS.ffffffZ */
	TIME_ISO,      /* [iso] YYYY-MM-DDTHH:MM:SS.ffffff */
	TIME_EPOCH,    /* [epoch] seconds */
	TIME_EPOCH_MS, /* [epoch-ms] */
	TIME_EPOCH_US, /* [epoch-us] */
	TIME_NATIVE, /* [native] our own ledger: the engine's own choice, which the plan puts in its place; never reaches a value */
	TIME_FORMAT_COUNT,
};

const char *time_format_name(enum time_format format);
/* Whether the column holds a number. */
bool time_format_is_number(enum time_format format);

/*
 * ISO text: YYYY-MM-DD, 'T', 't' or a space, HH:MM[:SS[.f{0,9}]], then Z, z, ±hh, ±hhmm, ±hh:mm, these three maybe
 * behind a space, or nothing (UTC).
 * Nanoseconds are cut. A leap second (:60) is the next minute's first. A zone by name, and anything else, is refused.
 */
bool time_parse(const char *data, size_t size, int64_t *ret_time);
/* A column's value. NULL gives NO_TIME; false: not a time of that format. */
bool time_from_value(const struct value *value, enum time_format format, int64_t *ret_time);
/* As a host's column of that format keeps it (numbers in decimal). `time` must not be NO_TIME. */
void time_print(struct text *text, int64_t time, enum time_format format);
/* RFC 3339 UTC with microseconds and Z: what people and JSON get. */
void time_print_rfc3339(struct text *text, int64_t time);

#endif
