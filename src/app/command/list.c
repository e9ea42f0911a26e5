/* list: the tasks of a ledger, newest first. */
#include "rows.h"

#include <string.h>

static const struct command_option options[] = {
	{ "state", "STATE",
	  "only: ready, running, completed, failed, cancelled, stuck or in_flight" },
	{ "queue", "QUEUE", "only this queue" },
	{ "limit", "N", "at most so many, 1 to 1000 (default 100)" },
	{ 0 },
};
enum { OPTION_STATE, OPTION_QUEUE, OPTION_LIMIT };

static bool parse_state(const struct app *app, const char *word, struct listing *listing)
{
	struct text TEXT_CLEANUP shown = { 0 };
	if (!word || state_parse(word, &listing->state)) {
		return true;
	}
	listing->in_flight = string_equal(word, "in_flight");
	if (!listing->in_flight) {
		text_add_visible(&shown, word, strlen(word));
		app_usage(app,
			  "--state '%s' is unknown; allowed: ready, running, completed, "
			  "failed, cancelled, "
			  "stuck, in_flight",
			  text_string(&shown));
	}
	return listing->in_flight;
}

static void add_row(struct text_table *table, const struct plan *plan, const struct value *row)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP shown = { 0 };
	struct text TEXT_CLEANUP owner = { 0 };
	row_print_id(&id, plan, row);
	id_show(&shown, plan->profile, text_string(&id));
	row_print_owner(&owner, plan, row);
	text_table_add(table, TINT_PLAIN, text_string(&shown));
	text_table_add_state(table, row_state(plan, row), row_native(plan, row));
	text_table_add_age(table, row_age(plan, row));
	if (plan->at.roles[ROLE_ATTEMPTS] > 0) {
		text_table_add_count(table, row_number(plan, row, ROLE_ATTEMPTS, -1));
	}
	if (plan->at.roles[ROLE_RECOVERIES] > 0) {
		text_table_add_count(table, row_number(plan, row, ROLE_RECOVERIES, -1));
	}
	for (int role = ROLE_KIND; role <= ROLE_QUEUE; role++) {
		if (plan->at.roles[role] > 0) {
			text_table_add(table, TINT_PLAIN, row_text(plan, row, (enum role)role));
		}
	}
	text_table_add(table, TINT_PLAIN, text_string(&owner));
}

/* Only the columns that this ledger has. */
static int choose_headings(const struct plan *plan, struct heading *headings)
{
	static const struct {
		enum role role; /* ROLE_COUNT: always */
		struct heading heading;
	} all[] = {
		{ ROLE_COUNT, { .title = "ID", .elastic = true, .least = ID_LEAST } },
		{ ROLE_COUNT, { .title = "STATE" } },
		{ ROLE_COUNT, { .title = "AGE", .right = true } },
		{ ROLE_ATTEMPTS, { .title = "ATT", .right = true, .spare = 2 } },
		{ ROLE_RECOVERIES, { .title = "REC", .right = true, .spare = 3 } },
		{ ROLE_KIND, { .title = "KIND", .elastic = true } },
		{ ROLE_QUEUE, { .title = "QUEUE", .elastic = true, .spare = 1 } },
		{ ROLE_COUNT, { .title = "OWNER", .elastic = true } },
	};
	int count = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].role == ROLE_COUNT || plan->at.roles[all[i].role] > 0) {
			headings[count++] = all[i].heading;
		}
	}
	return count;
}

static void print_rows(const struct app *app, struct text *out, const struct result *rows)
{
	const struct plan *plan = app->ledger->plan;
	const struct screen screen = screen_of(app);
	struct heading headings[8];
	struct text_table TABLE_CLEANUP table = { .headings = headings,
						  .columns = choose_headings(plan, headings) };
	for (size_t i = 0; i < rows->rows; i++) {
		add_row(&table, plan, result_cell(rows, i, 0));
	}
	text_table_print(out, &table, &screen);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct listing listing = { .queue = values[OPTION_QUEUE], .limit = 100 };
	struct result RESULT_CLEANUP rows = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	if (app_arguments(app, argc, argv, 0, 0) ||
	    !parse_state(app, values[OPTION_STATE], &listing) ||
	    !app_limit(app, values[OPTION_LIMIT], &listing.limit)) {
		return EXIT_USAGE;
	}
	if (ledger_plan(app->ledger, &error) ||
	    look_list(app->ledger, &listing, &rows, &error)) {
		return app_fail(app, &error);
	}
	if (rows.rows == 0) {
		say_none(app, "No such task in ledger '%s'.", app->ledger->profile->name);
		return EXIT_DONE;
	}
	for (size_t i = 0; app->json && i < rows.rows; i++) {
		row_json(&out, app->ledger->plan, result_cell(&rows, i, 0));
		text_add(&out, "\n");
	}
	if (!app->json) {
		print_rows(app, &out, &rows);
	}
	return app_out(app, &out);
}

const struct command list_command = {
	.name = "list",
	.arguments = "",
	.summary = "lists tasks, newest first",
	.options = options,
	.about = "AGE counts from the claim, the end, or else the last change that the "
		 "ledger keeps; in_flight is every state that a rule other than the "
		 "deadline judges. Columns that don't fit the terminal are left out; "
		 "--json has them all, an object a line.",
	.example = "reclaim list --state in_flight --limit 20",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
