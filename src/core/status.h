/* Statuses and the one line that goes with a failure. The list is reclaim.h's. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <reclaim.h>
#include <stdarg.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

/* Writes the message (cut at a whole UTF-8 character when too long), if there is somebody to read it; gives `status` back. */
enum reclaim_status fail(struct reclaim_error *error, enum reclaim_status status,
			 const char *format, ...) PRINTF_LIKE(3, 4);
enum reclaim_status fail_no_memory(struct reclaim_error *error);

#endif
