/* adopt: writes a profile for a table that nobody has described. */
#include "catalog.h"
#include "condition.h"
#include "guess.h"

#include <stdlib.h>
#include <string.h>

struct adoption {
	const struct app *app;
	struct ledger *ledger; /* for its connection; its profile plays no part */
	struct table *table;
	struct evidence_of_table found;
	struct result labels, values;
};

static void adoption_finish(struct adoption *a)
{
	table_destroy(a->table);
	result_finish(&a->labels);
	result_finish(&a->values);
	ledger_close(a->ledger);
}

static bool add_state(struct adoption *a, const char *native, int64_t count)
{
	struct evidence_of_table *found = &a->found;
	for (size_t i = 0; i < found->state_count; i++) {
		if (string_equal(found->states[i].native, native)) {
			found->states[i].count = count;
			return true;
		}
	}
	if (found->state_count == STATES_MAX) {
		return false;
	}
	found->states[found->state_count++] = (struct state_seen){
		.native = native, .count = count, .meant = state_meant(native)
	};
	return true;
}

/* Numbers in their usual order: waiting, at work, done, failed. */
static void order_numbers(struct evidence_of_table *found)
{
	static const enum state usual[] = { STATE_READY, STATE_RUNNING, STATE_COMPLETED,
					    STATE_FAILED, STATE_CANCELLED };
	for (size_t i = 0; i < found->state_count; i++) {
		size_t smaller = 0;
		for (size_t j = 0; j < found->state_count; j++) {
			smaller += strtoll(found->states[j].native, NULL, 10) <
				   strtoll(found->states[i].native, NULL, 10);
		}
		found->states[i].meant = smaller < sizeof(usual) / sizeof(usual[0])
						 ? usual[smaller]
						 : STATE_NONE;
	}
}

static enum reclaim_status read_states(struct adoption *a, struct reclaim_error *error)
{
	const struct column *column = part_column(a->table, PART_STATE);
	struct evidence_of_table *found = &a->found;
	if (!column) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = catalog_labels(a->ledger->db, column, &a->labels, error);
	if (!status) {
		status = catalog_values(a->ledger->db, a->table, column->name, STATES_MAX + 1,
					&a->values, error);
	}
	bool few = !status;
	for (size_t i = 0; few && i < a->labels.rows; i++) {
		few = add_state(a, result_cell(&a->labels, i, 0)->data, /* count= */ -1);
	}
	for (size_t i = 0; few && i < a->values.rows; i++) {
		struct text TEXT_CLEANUP name = { 0 };
		value_print(&name, result_cell(&a->values, i, 0));
		found->state_is_number |= result_cell(&a->values, i, 0)->type == VALUE_INT ||
					  column->kind == COLUMN_NUMBER;
		const char *native = arena_string(&a->ledger->arena, text_string(&name));
		few = native &&
		      add_state(a, native, value_integer(result_cell(&a->values, i, 1), 0));
	}
	if (!few) {
		found->state_count = 0;
	} else if (found->state_is_number) {
		order_numbers(found);
	}
	return status;
}

static enum reclaim_status read_formats(struct adoption *a, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (int p = 0; !status && p < PART_COUNT; p++) {
		struct result RESULT_CLEANUP sample = { 0 };
		const struct column *column = part_column(a->table, (enum part)p);
		a->found.formats[p] = TIME_FORMAT_COUNT;
		if (column && part_is_time((enum part)p)) {
			status = catalog_sample(a->ledger->db, a->table, column->name, &sample,
						error);
			a->found.formats[p] = format_meant(
				column, sample.rows ? result_cell(&sample, 0, 0) : NULL);
		}
	}
	return status;
}

static enum reclaim_status look(struct adoption *a, const char *name,
				struct reclaim_error *error)
{
	enum reclaim_status status = app_open_as(a->app, /* creates= */ false,
						 /* looks= */ true, &a->ledger, error);
	if (!status) {
		status = db_look_up(a->ledger->db, name, &a->table, error);
	}
	if (!status && !a->table->exists) {
		return fail(error, RECLAIM_NOT_FOUND,
			    "database '%s' has no table '%s'; `reclaim detect` looks around",
			    a->ledger->db->url->shown, name);
	}
	if (!status) {
		a->found.table = a->table;
		a->found.quote = a->ledger->db->driver->quote;
		status = read_states(a, error);
	}
	return status ? status : read_formats(a, error);
}

/* What the profile makes of the table as it is now. */
static enum reclaim_status try_it(const struct adoption *a, const char *profile,
				  struct reclaim_error *error)
{
	struct condition condition = { 0 };
	struct ledger *ledger = NULL;
	const struct ledger_options options = { .url = a->app->db,
						.profile = "adopted",
						.profile_text = profile,
						.db = { .read_only = true } };
	enum reclaim_status status = ledger_open(&options, &ledger, error);
	if (!status) {
		status = ledger_plan(ledger, error);
	}
	if (!status) {
		status = condition_look(ledger, &condition, error);
	}
	if (!status) {
		app_complain(
			a->app,
			"with it, now: %lld in flight, %lld stale, %lld that no rule can judge",
			(long long)condition.counts.in_flight, (long long)condition.stale,
			(long long)condition.blind);
		condition_finish(&condition);
	}
	ledger_close(ledger);
	return status;
}

static void say_missing(const struct app *app, const struct text *missing)
{
	for (const char *at = text_string(missing); *at;) {
		size_t size = strcspn(at, "\n");
		app_complain(app, "missing: %.*s", (int)size, at);
		at += size + (at[size] == '\n');
	}
}

static int write_profile(struct adoption *a, const char *name)
{
	struct text TEXT_CLEANUP out = { 0 };
	struct text TEXT_CLEANUP missing = { 0 };
	struct reclaim_error error = { 0 };
	bool complete = guess_profile(&a->found, &out, &missing);
	int code = app_out(a->app, &out);
	if (code) {
		return code;
	}
	if (!complete) {
		say_missing(a->app, &missing);
		return EXIT_USAGE;
	}
	if (try_it(a, text_string(&out), &error)) {
		return app_fail(a->app, &error);
	}
	app_complain(a->app,
		     "look at its guesses, then: reclaim --profile ./%s.conf check, and "
		     "reclaim --profile ./%s.conf sweep --dry-run",
		     name, name);
	return EXIT_DONE;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct adoption a = { .app = app };
	struct reclaim_error error = { 0 };
	(void)values;
	(void)argc;
	const char *dot = strrchr(argv[0], '.');
	int code = look(&a, argv[0], &error) ? app_fail(app, &error)
					     : write_profile(&a, dot ? dot + 1 : argv[0]);
	adoption_finish(&a);
	return code;
}

const struct command adopt_command = {
	.name = "adopt",
	.arguments = "TABLE",
	.summary = "writes a profile for a table of tasks, every guess marked",
	.about =
		"Reads the table's columns, types and states and writes to stdout the profile "
		"that they suggest. It only looks. What is missing before a sweep can trust it "
		"is said on stderr; otherwise what it finds stale with it, now.",
	.codes = "2 something is missing; 3 no such table",
	.example = "reclaim --db sqlite:app.db adopt jobs > jobs.conf",
	.run = run,
};
