/* What callers give to the verbs: each check says INVALID, and names `what`, the value and what is allowed. */
#ifndef LEDGER_GIVEN_H
#define LEDGER_GIVEN_H

#include "reclaim.h"

#include "timefmt.h"

#include <stddef.h>

/* No time that a sum makes leaves its column. */
#define SPAN_MAX (INT64_C(100) * 365 * 86400 * USEC_PER_SEC)

/* JSON text or NULL; the message tells where it goes wrong. */
enum reclaim_status check_json(const char *what, const char *text, struct reclaim_error *error);
/* A name of 1…255 bytes of UTF-8 without NUL. */
enum reclaim_status check_name(const char *what, const char *name, size_t size,
			       bool may_be_empty, struct reclaim_error *error);
enum reclaim_status check_range(const char *what, int64_t number, int64_t least, int64_t most,
				struct reclaim_error *error);

#endif
