/* Keeps the first problem of a profile. */
#include "problem.h"

#include <stdio.h>

bool problem_list(struct problem *problem, int line, const char *format, va_list list)
{
	if (problem->status != RECLAIM_OK) {
		return false;
	}
	char raw[RECLAIM_MESSAGE_SIZE];
	int size = vsnprintf(raw, sizeof(raw), format, list);
	if (size < 0) {
		return problem_memory(problem);
	}
	TEXT_CLEANUP struct text shown = { 0 };
	text_add_visible(&shown, raw,
			 (size_t)size < sizeof(raw) ? (size_t)size : sizeof(raw) - 1);
	problem->status = fail(problem->error, RECLAIM_INVALID, "%s:%d: %s", problem->file,
			       line, text_string(&shown));
	return false;
}

bool problem_at(struct problem *problem, int line, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	problem_list(problem, line, format, list);
	va_end(list);
	return false;
}

bool problem_memory(struct problem *problem)
{
	if (problem->status == RECLAIM_OK) {
		problem->status = fail_no_memory(problem->error);
	}
	return false;
}
