/* What callers of the API leave open: of a duration 0 is the default, and -1 is off. */
#ifndef LIB_LEFT_OPEN_H
#define LIB_LEFT_OPEN_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

/* Off is 0. */
int64_t or_default(int64_t value, int64_t otherwise);
/* -1 is the only negative number that means something. */
enum reclaim_status check_durations(const int64_t *const *durations, const char *const *names,
				    size_t count, struct reclaim_error *error);
enum reclaim_status check_duration(const char *name, int64_t duration,
				   struct reclaim_error *error);
/* INVALID: what can't be left open. */
enum reclaim_status missing(const char *call, const char *what, struct reclaim_error *error);

#endif
