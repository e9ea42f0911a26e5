/* Tasks from NDJSON, an object a line: all of it is read and checked before the first one is stored. */
#ifndef APP_INTAKE_H
#define APP_INTAKE_H

#include "verbs.h"

struct intake {
	struct arena arena;
	const char *name; /* of the file, for messages */
	struct submission *submissions;
	size_t *lines; /* where each stands, from 1 */
	size_t count, room;
};

/* `name` "-" is stdin. INVALID names file and line. */
enum reclaim_status intake_read(const char *name, const volatile int *cancel,
				struct intake *ret_intake, struct reclaim_error *error);
void intake_finish(struct intake *intake);

#define MAX_ATTEMPTS_DEFAULT 25

#endif
