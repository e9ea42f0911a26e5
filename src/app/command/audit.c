/* audit: what was done to tasks, by whom and why, oldest first. */
#include "rows.h"

static const struct command_option options[] = {
	{ "task", "ID", "only this task" },
	{ "limit", "N", "the newest N, 1 to 1000 (default 100)" },
	{ "follow", NULL, "goes on printing new rows as they come, until Ctrl-C" },
	{ 0 },
};
enum { OPTION_TASK, OPTION_LIMIT, OPTION_FOLLOW };

#define FOLLOW_BATCH 1000

static const struct heading headings[] = {
	{ .title = "AT" },
	{ .title = "TASK" },
	{ .title = "FROM -> TO" },
	{ .title = "WHAT AND WHY", .tail = true },
};

static void add_row(struct text_table *table, const struct profile *profile,
		    const struct audit_row *event)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP move = { 0 };
	struct text TEXT_CLEANUP what = { 0 };
	enum state to = STATE_NONE;
	audit_print_what(&what, event);
	text_printf(&move, "%s -> %s", event->from ? event->from : "-",
		    event->to ? event->to : "-");
	if (event->to) {
		state_parse(event->to, &to);
	}
	text_table_add_time(table, event->at);
	if (event->task) {
		id_show(&id, profile, event->task);
	}
	text_table_add(table, TINT_PLAIN, event->task ? text_string(&id) : NULL);
	text_table_add(table, state_tint(to), text_string(&move));
	text_table_add(table, TINT_PLAIN, text_string(&what));
}

static int print_rows(const struct app *app, const struct result *rows, int64_t *last)
{
	const struct screen screen = screen_of(app);
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	table.untitled = *last > 0;
	struct text TEXT_CLEANUP out = { 0 };
	struct json json = { .out = &out };
	for (size_t i = 0; i < rows->rows; i++) {
		const struct audit_row event = audit_row_of(result_cell(rows, i, 0));
		*last = event.seq > *last ? event.seq : *last;
		if (app->json) {
			json.comma = false;
			audit_json(&json, &event);
			text_add(&out, "\n");
		} else {
			add_row(&table, app->ledger->profile, &event);
		}
	}
	if (!app->json && rows->rows > 0) {
		text_table_print(&out, &table, &screen);
	}
	return app_out(app, &out);
}

/* New rows as they come; the end of the wait is a hint, the look is the truth. */
static int follow(struct app *app, const char *task, int64_t last)
{
	struct reclaim_error error = { 0 };
	int code = EXIT_DONE;
	while (!app->cancel && code == EXIT_DONE) {
		struct result RESULT_CLEANUP rows = { 0 };
		enum reclaim_status status =
			db_wait(app->ledger->db, USEC_PER_SEC, /* wake= */ -1, &error);
		if (!status) {
			status = look_audit(app->ledger, task, last, FOLLOW_BATCH, &rows,
					    &error);
		}
		if (status) {
			return app->cancel ? EXIT_DONE : app_fail(app, &error);
		}
		code = rows.rows > 0 ? print_rows(app, &rows, &last) : EXIT_DONE;
	}
	return code;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct result RESULT_CLEANUP rows = { 0 };
	struct reclaim_error error = { 0 };
	int64_t limit = 100, last = 0;
	const char *task = values[OPTION_TASK];
	if (app_arguments(app, argc, argv, 0, 0) ||
	    !app_limit(app, values[OPTION_LIMIT], &limit)) {
		return EXIT_USAGE;
	}
	if (ledger_plan(app->ledger, &error) ||
	    look_audit(app->ledger, task, /* after= */ -1, limit, &rows, &error)) {
		return app_fail(app, &error);
	}
	if (rows.rows == 0) {
		say_none(app, "Nothing in the audit of ledger '%s' yet.",
			 app->ledger->profile->name);
	}
	int code = print_rows(app, &rows, &last);
	if (code != EXIT_DONE || !values[OPTION_FOLLOW]) {
		return code;
	}
	return follow(app, task, last);
}

const struct command audit_command = {
	.name = "audit",
	.arguments = "",
	.summary = "shows recoveries, ends of claims and what operators did, oldest first",
	.options = options,
	.about = "One row for each recovery, end of a claim, and act of an operator, "
		 "written in the transaction of the change itself.",
	.example = "reclaim audit --task 0193a5c2-7d1e-7c3a-9a52-6d1f0c4e8b77",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
