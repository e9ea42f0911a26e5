/* detect: which known ledgers live in a database. */
#include "array.h"
#include "catalog.h"
#include "condition.h"
#include "dictionary.h"
#include "shell.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

/* A built-in profile that fits the tables that are there. */
struct found {
	const char *profile, *table;
	struct text version;
	int64_t in_flight, stale, blind, oldest;
};

/* A table that has a known name, and why it is not that ledger's. */
struct near {
	const char *table;
	struct text line;
};

struct detection {
	const struct app *app;
	struct arena arena;
	struct ledger *ledger; /* for looking around; its profile plays no part */
	struct result tables;
	struct found *items;
	size_t count, room;
	struct near *near;
	size_t near_count, near_room;
	struct names
		unknown; /* tables that could be of tasks, and of no ledger that is known */
};

static void detection_finish(struct detection *d)
{
	for (size_t i = 0; i < d->count; i++) {
		text_finish(&d->items[i].version);
	}
	for (size_t i = 0; i < d->near_count; i++) {
		text_finish(&d->near[i].line);
	}
	free(d->items);
	free(d->near);
	free(d->unknown.items);
	result_finish(&d->tables);
	arena_finish(&d->arena);
	ledger_close(d->ledger);
}

static const char *table_at(const struct detection *d, size_t i)
{
	return result_cell(&d->tables, i, 0)->data;
}

/* The host's own word for its schema; what it can't tell is not told. */
static void read_version(struct ledger *ledger, struct text *out)
{
	const char *sql = ledger->profile->version_query;
	const struct statement statement = { .name = "version", .sql = sql };
	struct result RESULT_CLEANUP result = { 0 };
	if (sql && !db_run(ledger->db, &statement, NULL, &result, NULL) && result.rows > 0) {
		value_print(out, result_cell(&result, 0, 0));
	}
}

static struct found *add_found(struct detection *d)
{
	struct found *items = array_grown(d->items, sizeof(*items), d->count, &d->room);
	if (!items) {
		return NULL;
	}
	d->items = items;
	d->items[d->count] = (struct found){ 0 };
	return &d->items[d->count++];
}

static enum reclaim_status describe(struct detection *d, const char *name,
				    struct ledger *ledger, struct reclaim_error *error)
{
	struct condition condition = { 0 };
	enum reclaim_status status = condition_look(ledger, &condition, error);
	if (status) {
		return status;
	}
	const char *table = arena_string(&d->arena, ledger->profile->table);
	struct found *found = table ? add_found(d) : NULL;
	if (found) {
		found->profile = name;
		found->table = table;
		found->in_flight = condition.counts.in_flight;
		found->stale = condition.stale;
		found->blind = condition.blind;
		found->oldest = condition.oldest;
		read_version(ledger, &found->version);
	}
	condition_finish(&condition);
	return found ? RECLAIM_OK : fail_no_memory(error);
}

static struct text *add_near(struct detection *d, const char *table)
{
	struct near *near = array_grown(d->near, sizeof(*near), d->near_count, &d->near_room);
	if (!near) {
		return NULL;
	}
	d->near = near;
	d->near[d->near_count] = (struct near){ .table = table };
	return &d->near[d->near_count++].line;
}

/* A table of the profile's name that is not the profile's: another version, or somewhere else. */
static bool note_near(struct detection *d, const char *name, const char *wanted,
		      const char *why)
{
	for (size_t i = 0; i < d->tables.rows; i++) {
		const char *table = table_at(d, i);
		if (!string_equal(table_bare_name(table), table_bare_name(wanted))) {
			continue;
		}
		struct text *line = add_near(d, table);
		if (!line) {
			return false;
		}
		if (string_equal(table, wanted)) {
			text_printf(line, "table '%s' has %s's name, but: %s", table, name,
				    why);
		} else {
			text_printf(line,
				    "table '%s' has %s's name in another place; "
				    "`reclaim profiles %s > %s.conf`, and there: table = "
				    "\"%s\"",
				    table, name, name, name, table);
		}
	}
	return true;
}

/* A ledger that is there, and can't be looked into. */
static enum reclaim_status note_failed(struct detection *d, const char *name, const char *table,
				       const char *why)
{
	struct text *line = add_near(d, "");
	if (line) {
		text_printf(line, "table '%s' is %s's, but: %s", table, name, why);
	}
	return line ? RECLAIM_OK : RECLAIM_NO_MEMORY;
}

/* One built-in profile against the database. A profile that does not fit is no failure. */
static enum reclaim_status try_profile(struct detection *d, const char *name,
				       struct reclaim_error *error)
{
	struct app app = *d->app;
	struct ledger *ledger = NULL;
	struct reclaim_error why = { 0 };
	struct profile *profile = NULL;
	app.profile = name;
	if (ledger_profile(name, app.db, &profile, &why)) {
		return RECLAIM_OK; /* not for this engine */
	}
	enum reclaim_status status = app_open_as(&app, /* creates= */ false,
						 /* looks= */ true, &ledger, error);
	if (!status && ledger_plan(ledger, &why) == RECLAIM_OK) {
		if (describe(d, name, ledger, &why)) {
			status = note_failed(d, name, profile->table, why.message);
		}
	} else if (!status && !profile->native) {
		status = note_near(d, name, profile->table, why.message)
				 ? RECLAIM_OK
				 : fail_no_memory(error);
	}
	profile_destroy(profile);
	ledger_close(ledger);
	return status;
}

/* Ours, or of a ledger that was found: its profile names it, or it is in the schema that is the ledger's own. */
static bool is_known(const struct detection *d, const char *table)
{
	const char *own = d->ledger->db->driver->own_prefix;
	size_t schema = (size_t)(table_bare_name(table) - table);
	bool known = strncmp(table, own, strlen(own)) == 0;
	for (size_t i = 0; i < d->count; i++) {
		const struct found *found = &d->items[i];
		known |= string_mentions(profile_builtin(found->profile),
					 table_bare_name(table)) ||
			 (schema > 0 && strncmp(found->table, table, schema) == 0);
	}
	return known;
}

static enum reclaim_status add_unknown(struct detection *d, const char *table,
				       struct reclaim_error *error)
{
	const char **items =
		reallocarray(d->unknown.items, d->unknown.count + 1, sizeof(*items));
	if (!items) {
		return fail_no_memory(error);
	}
	items[d->unknown.count++] = table;
	d->unknown.items = items;
	return RECLAIM_OK;
}

/* What could be a table of tasks, by the names of its columns. */
static enum reclaim_status look_for_tasks(struct detection *d, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < d->tables.rows; i++) {
		struct table *table = NULL;
		if (is_known(d, table_at(d, i))) {
			continue;
		}
		status = db_look_up(d->ledger->db, table_at(d, i), &table, error);
		if (!status && table->exists && looks_like_tasks(table)) {
			status = add_unknown(d, table_at(d, i), error);
		}
		table_destroy(table);
	}
	return status;
}

static enum reclaim_status look_around(struct detection *d, struct reclaim_error *error)
{
	const char *name;
	enum reclaim_status status = app_open_as(d->app, /* creates= */ false,
						 /* looks= */ true, &d->ledger, error);
	if (!status) {
		status = catalog_tables(d->ledger->db, &d->tables, error);
	}
	for (size_t i = 0; !status && profile_builtin_at(i, &name); i++) {
		status = try_profile(d, name, error);
	}
	return status ? status : look_for_tasks(d, error);
}

/* ---- what is said ---- */

static void print_adoption(struct text *out, const char *table)
{
	text_add(out, "reclaim adopt ");
	text_add_shell(out, table);
}

/* A table that could be of tasks, of no known ledger. */
static void print_unknown_json(struct text *out, const char *table)
{
	struct text TEXT_CLEANUP next = { 0 };
	struct json json = { .out = out };
	print_adoption(&next, table);
	json_open(&json, NULL, '{');
	json_string(&json, "profile", NULL);
	json_string(&json, "table", table);
	json_string(&json, "next", text_string(&next));
	json_close(&json, '}');
	text_add(out, "\n");
}

static void print_json(struct text *out, const struct detection *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct found *found = &d->items[i];
		struct text TEXT_CLEANUP next = { 0 };
		struct json json = { .out = out };
		text_printf(&next, "reclaim --profile %s sweep --dry-run", found->profile);
		json_open(&json, NULL, '{');
		json_string(&json, "profile", found->profile);
		json_string(&json, "table", found->table);
		json_string(&json, "version",
			    found->version.size ? text_string(&found->version) : NULL);
		json_int(&json, "in_flight", found->in_flight);
		json_int(&json, "stale", found->stale);
		json_int(&json, "blind", found->blind);
		json_string(&json, "next", text_string(&next));
		json_close(&json, '}');
		text_add(out, "\n");
	}
	for (size_t i = 0; i < d->unknown.count; i++) {
		print_unknown_json(out, d->unknown.items[i]);
	}
}

static void print_text(struct text *out, const struct detection *d)
{
	static const struct heading headings[] = {
		{ .title = "LEDGER" },
		{ .title = "TABLE", .elastic = true },
		{ .title = "VERSION" },
		{ .title = "IN FLIGHT", .right = true },
		{ .title = "STALE", .right = true },
		{ .title = "OLDEST", .right = true },
		{ .title = "TRY NEXT", .tail = true },
	};
	const struct screen screen = screen_of(d->app);
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	for (size_t i = 0; i < d->count; i++) {
		const struct found *found = &d->items[i];
		struct text TEXT_CLEANUP next = { 0 };
		text_printf(&next, "reclaim --profile %s %s", found->profile,
			    found->stale ? "sweep --dry-run" : "check");
		text_table_add(&table, TINT_GOOD, found->profile);
		text_table_add(&table, TINT_PLAIN, found->table);
		text_table_add(&table, TINT_PLAIN, text_string(&found->version));
		text_table_add_count(&table, found->in_flight);
		text_table_add_count(&table, found->stale);
		text_table_add_age(&table, found->oldest);
		text_table_add(&table, TINT_PLAIN, text_string(&next));
	}
	text_table_print(out, &table, &screen);
}

static void say_unknown(const struct detection *d)
{
	for (size_t i = 0; i < d->unknown.count; i++) {
		struct text TEXT_CLEANUP next = { 0 };
		print_adoption(&next, d->unknown.items[i]);
		text_add(&next, " > ");
		text_add_file_name(&next, table_bare_name(d->unknown.items[i]));
		app_complain(d->app, "table '%s' looks like one of tasks: %s.conf",
			     d->unknown.items[i], text_string(&next));
	}
}

static void say_near(const struct detection *d)
{
	for (size_t i = 0; i < d->near_count; i++) {
		if (!is_known(d, d->near[i].table)) {
			app_complain(d->app, "%s", text_string(&d->near[i].line));
		}
	}
}

static int report(const struct detection *d)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (d->app->json) {
		print_json(&out, d);
	} else if (d->count > 0) {
		print_text(&out, d);
	}
	int code = app_out(d->app, &out);
	say_near(d);
	if (!d->app->json) {
		say_unknown(d);
	}
	if (code || d->count > 0) {
		return code;
	}
	app_complain(d->app,
		     "no ledger that a built-in profile knows, in %zu table%s; "
		     "`reclaim adopt TABLE` writes a profile for a table of yours",
		     d->tables.rows, d->tables.rows == 1 ? "" : "s");
	return EXIT_NOT_FOUND;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct detection d = { .app = app };
	struct reclaim_error error = { 0 };
	(void)values;
	(void)argc;
	(void)argv;
	int code = look_around(&d, &error) ? app_fail(app, &error) : report(&d);
	detection_finish(&d);
	return code;
}

const struct command detect_command = {
	.name = "detect",
	.arguments = "",
	.summary = "finds the ledgers in a database that a built-in profile knows",
	.about = "Holds every built-in profile against the tables that are there: what fits, "
		 "how many claims are in flight and stale, and what to try next; and which "
		 "other tables look like tasks. It only looks.",
	.codes = "3 nothing that is known",
	.example = "reclaim --db URL detect",
	.run = run,
};
