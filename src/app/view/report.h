/* The result of a pass, for people and for programs. */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include "app.h"
#include "pass.h"

/* On stdout the tasks and a summary, or the one JSON object; on stderr what could not be done. The exit code. */
int report_pass(const struct app *app, const struct profile *profile,
		const struct sweep_result *result);
/* One line a task. */
void report_tasks(struct text *out, const struct sweep_result *result);
void report_summary(struct text *out, const struct sweep_result *result);
/* What could not be put right, or be judged, on stderr. */
void report_problems(const struct app *app, const struct profile *profile,
		     const struct sweep_result *result);

#endif
