/* What callers leave open, and what of it they may not. */
#include "left_open.h"

#include "duration.h"

int64_t or_default(int64_t value, int64_t otherwise)
{
	return value == 0 ? otherwise : value < 0 ? 0 : value;
}

enum reclaim_status check_durations(const int64_t *const *durations, const char *const *names,
				    size_t count, struct reclaim_error *error)
{
	for (size_t i = 0; i < count; i++) {
		if (*durations[i] < -1 || *durations[i] > DURATION_MAX) {
			return fail(error, RECLAIM_INVALID,
				    "%s is %lld microseconds; allowed: 0 (the default), -1 "
				    "(off), or up to %lld",
				    names[i], (long long)*durations[i],
				    (long long)DURATION_MAX);
		}
	}
	return RECLAIM_OK;
}

enum reclaim_status check_duration(const char *name, int64_t duration,
				   struct reclaim_error *error)
{
	const int64_t *const durations[] = { &duration };
	return check_durations(durations, &name, 1, error);
}

enum reclaim_status missing(const char *call, const char *what, struct reclaim_error *error)
{
	return fail(error, RECLAIM_INVALID, "%s: %s is NULL", call, what);
}
