/* The first thing that is wrong with a profile, as one line "FILE:LINE: what; allowed: …". */
#ifndef PROFILE_PROBLEM_H
#define PROFILE_PROBLEM_H

#include "text.h"

struct problem {
	const char *file;
	struct reclaim_error *error;
	enum reclaim_status status; /* OK until there is one; later ones are not kept */
};

/* Both give false. */
bool problem_at(struct problem *problem, int line, const char *format, ...) PRINTF_LIKE(3, 4);
bool problem_list(struct problem *problem, int line, const char *format, va_list list)
	__attribute__((format(printf, 3, 0)));
bool problem_memory(struct problem *problem);

#endif
