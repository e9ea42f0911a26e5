/* What lives in a database: each built-in profile held against the tables, and what else looks like tasks. */
#include "detection.h"

#include "array.h"
#include "catalog.h"
#include "condition.h"
#include "dictionary.h"

#include <stdlib.h>
#include <string.h>

void detection_finish(struct detection *d)
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

bool detection_knows(const struct detection *d, const char *table)
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
		if (detection_knows(d, table_at(d, i))) {
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

enum reclaim_status detection_look(struct detection *d, struct reclaim_error *error)
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
