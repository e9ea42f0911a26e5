/* cleanup: the emergency, by age alone; shown before, done, shown after. */
#include "report.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE (60 * USEC_PER_SEC)

static const struct command_option options[] = {
	{ "dry-run", NULL, "shows what it would do, and writes nothing" },
	{ "stale-minutes", "N", "untouched for so long (default: the profile's)" },
	{ "max-attempts", "N",
	  "failed instead of requeued from so many on (default: the profile's)" },
	{ 0 },
};
enum { DRY_RUN, STALE_MINUTES, MAX_ATTEMPTS };

/* What is shown: the counts around it, the rows that are stale, and what was done. */
struct view {
	const struct plan *plan;
	struct counts before, after;
	struct sweep_result found, done;
	struct result *rows; /* one for each task of `found` */
	int64_t older_than;
	bool dry_run;
};

static enum reclaim_status read_rows(struct ledger *ledger, struct view *view,
				     struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	view->rows = calloc(view->found.task_count + 1, sizeof(*view->rows));
	if (!view->rows) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; !status && i < view->found.task_count; i++) {
		status = ledger_read(ledger, view->found.tasks[i].id, &view->rows[i], error);
		status = status == RECLAIM_NOT_FOUND ? RECLAIM_OK : status; /* gone by now */
	}
	return status;
}

static enum reclaim_status look_and_do(struct ledger *ledger, struct cleanup_options *how,
				       struct view *view, struct reclaim_error *error)
{
	const struct cleanup_options dry = { .dry_run = true,
					     .older_than = how->older_than,
					     .max_attempts = how->max_attempts };
	enum reclaim_status status = look_counts(ledger, &view->before, error);
	if (!status) {
		status = pass_cleanup(ledger, &dry, &view->found, error);
	}
	if (!status) {
		status = read_rows(ledger, view, error);
	}
	if (!status && !how->dry_run) {
		status = pass_cleanup(ledger, how, &view->done, error);
	}
	if (!status && !how->dry_run) {
		status = look_counts(ledger, &view->after, error);
	}
	return status;
}

static void view_finish(struct view *view)
{
	for (size_t i = 0; view->rows && i < view->found.task_count; i++) {
		result_finish(&view->rows[i]);
	}
	free(view->rows);
	counts_finish(&view->before);
	counts_finish(&view->after);
	sweep_result_finish(&view->found);
	sweep_result_finish(&view->done);
}

/* ---- for programs ---- */

static void add_counts(struct json *json, const char *name, const struct counts *counts)
{
	json_open(json, name, '{');
	for (size_t i = 0; i < counts->native_count; i++) {
		json_int(json, counts->natives[i].native, counts->natives[i].count);
	}
	json_close(json, '}');
}

static void add_row(struct json *json, const struct view *view, size_t i)
{
	const struct swept_task *task = &view->found.tasks[i];
	const struct result *row = &view->rows[i];
	json_open(json, NULL, '{');
	json_string(json, "id", task->id);
	for (size_t j = 0; row->rows && j < view->plan->show_count; j++) {
		int at = view->plan->at.show[j];
		struct text TEXT_CLEANUP text = { 0 };
		if (at > 0) {
			value_print(&text, result_cell(row, 0, (size_t)at));
			json_string(json, view->plan->columns[at - 1],
				    value_is_null(result_cell(row, 0, (size_t)at))
					    ? NULL
					    : text_string(&text));
		}
	}
	json_age(json, "age_s", task->age);
	json_close(json, '}');
}

static void add_json(struct text *out, const struct profile *profile, const struct view *view)
{
	struct json json = { .out = out };
	struct text TEXT_CLEANUP result = { 0 };
	const struct sweep_result *done = view->dry_run ? &view->found : &view->done;
	sweep_result_json(&result, profile, done, /* with_tasks= */ true);
	json_open(&json, NULL, '{');
	add_counts(&json, "before", &view->before);
	json_open(&json, "stale", '[');
	for (size_t i = 0; i < view->found.task_count; i++) {
		add_row(&json, view, i);
	}
	json_close(&json, ']');
	json_raw(&json, "result", text_string(&result));
	if (view->dry_run) {
		json_null(&json, "after");
	} else {
		add_counts(&json, "after", &view->after);
	}
	json_close(&json, '}');
	text_add_char(out, '\n');
	out->failed |= result.failed;
}

/* ---- for people ---- */

static void add_distribution(struct text *out, const char *title, const struct counts *counts)
{
	text_printf(out, "%s:\n", title);
	for (size_t i = 0; i < counts->native_count; i++) {
		struct text TEXT_CLEANUP native = { 0 };
		text_add_visible(&native, counts->natives[i].native,
				 strlen(counts->natives[i].native));
		text_printf(out, "  %-14s %lld\n", text_string(&native),
			    (long long)counts->natives[i].count);
	}
}

static void add_cell(struct text_table *table, const struct value *value)
{
	struct text TEXT_CLEANUP text = { 0 };
	value_print(&text, value);
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

/* The id, what the profile shows, and the age. */
_Static_assert(PLAN_SHOW_MAX + 2 <= TABLE_COLUMNS_MAX, "a table for every profile");

static void add_rows(struct text *out, const struct app *app, const struct view *view)
{
	const struct plan *plan = view->plan;
	struct heading headings[TABLE_COLUMNS_MAX] = { { .title = "id" } };
	struct text_table TABLE_CLEANUP table = { .headings = headings, .columns = 1 };
	for (size_t i = 0; i < plan->show_count; i++) {
		if (plan->at.show[i] > 0) {
			headings[table.columns++] =
				(struct heading){ .title = plan->columns[plan->at.show[i] - 1],
						  .elastic = true };
		}
	}
	headings[table.columns++] = (struct heading){ .title = "age (min)", .right = true };
	for (size_t i = 0; i < view->found.task_count; i++) {
		int64_t age = view->found.tasks[i].age;
		text_table_add(&table, TINT_PLAIN, view->found.tasks[i].id);
		for (size_t j = 0; j < plan->show_count; j++) {
			if (plan->at.show[j] > 0) {
				add_cell(&table, result_cell(&view->rows[i], 0,
							     (size_t)plan->at.show[j]));
			}
		}
		text_table_add_count(&table, age == NO_TIME ? -1 : age / MINUTE);
	}
	const struct screen screen = screen_of(app);
	text_table_print(out, &table, &screen);
}

static void add_text(struct text *out, const struct app *app, const struct view *view)
{
	add_distribution(out, "before", &view->before);
	text_printf(out, "\nuntouched for more than %lld minutes: %lld\n",
		    (long long)(view->older_than / MINUTE), (long long)view->found.stale);
	if (view->found.task_count > 0) {
		add_rows(out, app, view);
	}
	text_add_char(out, '\n');
	report_tasks(out, view->dry_run ? &view->found : &view->done);
	report_summary(out, view->dry_run ? &view->found : &view->done);
	if (!view->dry_run) {
		text_add_char(out, '\n');
		add_distribution(out, "after", &view->after);
	}
}

static int print(const struct app *app, const struct view *view)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (app->json) {
		add_json(&out, app->ledger->profile, view);
	} else {
		add_text(&out, app, view);
	}
	report_problems(app, app->ledger->profile, view->dry_run ? &view->found : &view->done);
	return app_out(app, &out);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct cleanup_options how = { .dry_run = values[DRY_RUN] != NULL,
				       .older_than = -1,
				       .max_attempts = -1 };
	struct reclaim_error error = { 0 };
	struct view view = { .dry_run = how.dry_run };
	int64_t minutes = -1;
	(void)argc;
	(void)argv;
	if (!app_number(app, options[STALE_MINUTES].name, values[STALE_MINUTES], 0, 5256000,
			&minutes) ||
	    !app_number(app, options[MAX_ATTEMPTS].name, values[MAX_ATTEMPTS], 0, 1000000,
			&how.max_attempts)) {
		return EXIT_USAGE;
	}
	how.older_than = minutes < 0 ? -1 : minutes * MINUTE;
	if (app_open_as(app, /* creates= */ false, /* looks= */ how.dry_run, &app->ledger,
			&error) ||
	    ledger_plan(app->ledger, &error)) {
		return app_fail(app, &error);
	}
	view.plan = app->ledger->plan;
	view.older_than = minutes < 0 ? app->ledger->profile->cleanup.after : how.older_than;
	int code = look_and_do(app->ledger, &how, &view, &error) ? app_fail(app, &error)
								 : print(app, &view);
	view_finish(&view);
	return code;
}

const struct command cleanup_command = {
	.name = "cleanup",
	.arguments = "",
	.summary = "the emergency: puts right what nobody touched for long, by age alone",
	.options = options,
	.about = "It shows the states and the stale rows, then what it did, then the states "
		 "again.",
	.codes = "7 the profile has no cleanup { … }",
	.example = "reclaim --db URL --profile FILE cleanup --dry-run",
	.run = run,
};
