/* Lines about a pass. */
#include "report.h"

#include "duration.h"

#include <string.h>

static void add_visible(struct text *out, const char *string)
{
	text_add_visible(out, string, strlen(string));
}

static const char *done_word(enum remedy remedy, bool dry_run)
{
	static const char *const done[REMEDY_COUNT] = { "reported", "requeued", "failed",
							"stuck", "cancelled" };
	static const char *const would[REMEDY_COUNT] = { "would report", "would requeue",
							 "would fail", "would be stuck",
							 "would cancel" };
	return (dry_run ? would : done)[remedy];
}

static void add_task(struct text *out, const struct swept_task *task, bool dry_run)
{
	text_printf(out, "%-*s  ", dry_run ? 14 : 9, done_word(task->remedy, dry_run));
	add_visible(out, task->id);
	text_printf(out, "  rule %s", task->rule);
	if (task->owner) {
		text_add(out, ", owner ");
		add_visible(out, task->owner);
	}
	if (task->reason) {
		text_add(out, ": ");
		add_visible(out, task->reason);
	}
	text_add_char(out, '\n');
}

void report_tasks(struct text *out, const struct sweep_result *result)
{
	for (size_t i = 0; i < result->task_count; i++) {
		add_task(out, &result->tasks[i], result->dry_run);
	}
}

static void add_count(struct text *out, int64_t count, const char *what)
{
	if (count > 0) {
		text_printf(out, ", %lld %s", (long long)count, what);
	}
}

/* Why something waits, in plain words. */
static void add_holding(struct text *out, const struct sweep_result *result)
{
	if (result->valve.holding) {
		text_printf(out, "the valve holds %lld claims back until ",
			    (long long)result->valve.group);
		time_print_rfc3339(out, result->valve.until);
		text_add(out, ": so many fell silent at once that the fault may be ours "
			      "(--force opens it)\n");
	}
	if (result->grace) {
		text_add(out, "a grace after an outage holds claims back: their workers get "
			      "time to beat again\n");
	}
	if (result->moved_on) {
		text_add(out, "another sweeper took the turn; this pass ended there\n");
	}
}

void report_summary(struct text *out, const struct sweep_result *result)
{
	text_printf(out, "%s%lld in flight, %lld stale", result->dry_run ? "dry run: " : "",
		    (long long)result->in_flight, (long long)result->stale);
	struct text TEXT_CLEANUP counts = { 0 };
	bool dry = result->dry_run;
	add_count(&counts, result->requeued, dry ? "to requeue" : "requeued");
	add_count(&counts, result->failed, dry ? "to fail" : "failed");
	add_count(&counts, result->stuck, dry ? "to be stuck" : "stuck");
	add_count(&counts, result->cancelled, dry ? "to cancel" : "cancelled");
	add_count(&counts, result->reported, dry ? "to report" : "reported");
	add_count(&counts, result->held_back, "held back for later");
	add_count(&counts, result->lost_races, "moved on by themselves");
	add_count(&counts, result->errors, "that could not be put right");
	add_count(&counts, result->changed, "no longer the same");
	add_count(&counts, result->unplanned, "stale and not in the plan");
	add_count(&counts, result->locked, "locked by somebody");
	if (counts.size > 0) {
		text_printf(out, "%s%s", result->stale > 0 ? ": " : ", ", counts.data + 2);
	}
	add_count(out, result->vetoed, "silent, but proven alive");
	add_count(out, result->blind, "that no rule can judge");
	add_count(out, result->future, "with times in the future");
	text_add_char(out, '\n');
	add_holding(out, result);
	out->failed |= counts.failed;
}

void report_problems(const struct app *app, const struct profile *profile,
		     const struct sweep_result *result)
{
	/* The profile's own log lines name them already. */
	bool told = !result->dry_run && app->verbosity >= 0 &&
		    profile->messages[OCCASION_FAILED][0].text;
	for (size_t i = 0; !told && i < result->problem_count; i++) {
		app_complain(app, "task %s: %s", result->problems[i].id,
			     result->problems[i].message);
	}
	for (size_t i = 0; i < result->locked_count; i++) {
		const struct swept_problem *row = &result->locked_rows[i];
		app_complain(app, "task %s: left for the next pass: its row is locked by %s",
			     row->id, *row->message ? row->message : HOLDER_UNKNOWN);
	}
	for (size_t i = 0; i < result->changed_count; i++) {
		app_complain(app, "task %s: left as it is: %s", result->changed_rows[i].id,
			     result->changed_rows[i].message);
	}
	for (size_t i = 0; i < result->blind_count; i++) {
		app_complain(app, "task %s: %s", result->blind_rows[i].id,
			     result->blind_rows[i].message);
	}
}

int report_pass(const struct app *app, const struct profile *profile,
		const struct sweep_result *result)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (app->json) {
		sweep_result_json(&out, profile, result, /* with_tasks= */ true);
		text_add_char(&out, '\n');
	} else {
		report_tasks(&out, result);
		report_summary(&out, result);
	}
	report_problems(app, profile, result);
	int code = app_out(app, &out);
	if (result->cut_short.status) {
		app_complain(app, "the pass was cut short; what is counted was done: %s",
			     result->cut_short.message);
		return app_exit_code(result->cut_short.status);
	}
	return code ? code : result->valve.holding ? EXIT_HELD_BACK : EXIT_DONE;
}
