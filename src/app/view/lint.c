/* The list of findings, and how they are shown. */
#include "lint.h"

#include <stdlib.h>

const char *severity_name(enum severity severity)
{
	static const char *const names[] = { "note", "warning", "error" };
	return names[severity];
}

void lint_finish(struct lint *lint)
{
	arena_finish(&lint->arena);
	free(lint->findings);
	free(lint->grants);
	*lint = (struct lint){ 0 };
}

static struct lint_finding *next_finding(struct lint *lint)
{
	if (lint->count == lint->room) {
		size_t room = lint->room ? lint->room * 2 : 16;
		void *findings = reallocarray(lint->findings, room, sizeof(*lint->findings));
		if (!findings) {
			return NULL;
		}
		lint->findings = findings;
		lint->room = room;
	}
	return &lint->findings[lint->count];
}

void lint_add(struct lint *lint, enum severity severity, const char *subject, const char *fix,
	      const char *format, ...)
{
	char *message = NULL;
	va_list list;
	va_start(list, format);
	int size = vasprintf(&message, format, list);
	va_end(list);
	struct lint_finding *finding = size < 0 ? NULL : next_finding(lint);
	if (finding) {
		*finding = (struct lint_finding){
			.severity = severity,
			.subject = arena_string(&lint->arena, subject),
			.message = arena_string(&lint->arena, message),
			.fix = fix ? arena_string(&lint->arena, fix) : NULL,
		};
		lint->counts[severity]++;
		lint->count++;
	}
	lint->failed |=
		!finding || !finding->subject || !finding->message || (fix && !finding->fix);
	free(size < 0 ? NULL : message);
}
