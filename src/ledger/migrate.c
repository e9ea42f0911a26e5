/* init: our own tables, or what a host's ledger may lack. The catalog is looked at before anything is changed. */
#include "ledger.h"

#include <string.h>

static const struct sql_text *script_text(const struct ledger *ledger, enum sql sql)
{
	for (size_t i = 0; sql_engines[i].name; i++) {
		if (string_equal(sql_engines[i].name, ledger->db->driver->name)) {
			return &sql_engines[i].texts[sql];
		}
	}
	return NULL;
}

/* Where the SQL of an init goes: to the engine, or to whoever wants to read it. */
struct sink {
	struct ledger *ledger;
	plan_line_fn *show;
	void *context;
	struct reclaim_error *error;
};

static enum reclaim_status emit(const struct sink *sink, const char *name, const char *sql)
{
	if (sink->show) {
		sink->show(sink->context, name, sql);
		return RECLAIM_OK;
	}
	return db_script(sink->ledger->db, sql, sink->error);
}

static enum reclaim_status emit_script(const struct sink *sink, enum sql sql)
{
	const struct sql_text *text = script_text(sink->ledger, sql);
	return text ? emit(sink, text->name, text->text) :
		      fail(sink->error, RECLAIM_UNSUPPORTED, "this build has no statements for engine '%s'",
			   sink->ledger->db->driver->name);
}

static enum reclaim_status look_up_own(struct ledger *ledger, const char *name, struct table **ret_table,
				       struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char *full = arena_printf(&arena, "%s%s", ledger->db->driver->own_prefix, name);
	return full ? db_look_up(ledger->db, full, ret_table, error) : fail_no_memory(error);
}

enum reclaim_status ledger_has_host_tables(struct ledger *ledger, bool *ret_has, struct reclaim_error *error)
{
	if (ledger->has_host_tables) {
		*ret_has = true;
		return RECLAIM_OK;
	}
	struct table *events = NULL, *ledgers = NULL;
	enum reclaim_status status = look_up_own(ledger, "events", &events, error);
	if (!status) {
		status = look_up_own(ledger, "ledgers", &ledgers, error);
	}
	if (!status) {
		*ret_has = ledger->has_host_tables = events->exists && ledgers->exists;
	}
	table_destroy(events);
	table_destroy(ledgers);
	return status;
}

enum reclaim_status ledger_make_host_tables(struct ledger *ledger, struct reclaim_error *error)
{
	bool there = ledger->profile->audit_is_log;
	enum reclaim_status status = there ? RECLAIM_OK : ledger_has_host_tables(ledger, &there, error);
	if (status || there) {
		return status;
	}
	const struct sink sink = { .ledger = ledger, .error = error };
	status = ledger_begin(ledger, error);
	return status ? status : ledger_end(ledger, emit_script(&sink, SQL_SCHEMA_HOST), error);
}

/* ---- a host's migration ---- */

static bool has_index(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->index_count; i++) {
		if (string_equal(table->indexes[i].name, name)) {
			return true;
		}
	}
	return false;
}

/* The statement that a step needs here; *ret_sql NULL when the table has it already. */
static enum reclaim_status step_sql(struct ledger *ledger, const struct table *table,
				    const struct migration_step *step, struct arena *arena, const char **ret_sql,
				    struct reclaim_error *error)
{
	const struct db_driver *driver = ledger->db->driver;
	const char *relation = quote_name(arena, driver, ledger->profile->table);
	*ret_sql = NULL;
	if (step->column && !table_column(table, step->column)) {
		*ret_sql = arena_printf(arena, "ALTER TABLE %s ADD COLUMN %s %s;\n", relation,
					quote_name(arena, driver, step->column), step->type);
	} else if (step->index && !has_index(table, step->index)) {
		*ret_sql = arena_printf(arena, "CREATE INDEX %s ON %s (%s)%s%s;\n",
					quote_name(arena, driver, step->index), relation, step->index_on,
					step->index_where ? " WHERE " : "",
					step->index_where ? step->index_where : "");
	} else {
		return RECLAIM_OK;
	}
	return *ret_sql ? RECLAIM_OK : fail_no_memory(error);
}

static enum reclaim_status migrate(const struct sink *sink)
{
	struct ledger *ledger = sink->ledger;
	const struct profile *profile = ledger->profile;
	struct arena ARENA_CLEANUP arena = { 0 };
	struct table *table = NULL;
	enum reclaim_status status = db_look_up(ledger->db, profile->table, &table, sink->error);
	if (!status && !table->exists) {
		status = fail(sink->error, RECLAIM_INVALID, "%s: database '%s' has no table '%s'", profile->file,
			      ledger->db->url->shown, profile->table);
	}
	for (size_t i = 0; !status && i < profile->migration_count; i++) {
		const char *sql;
		status = step_sql(ledger, table, &profile->migration[i], &arena, &sql, sink->error);
		if (!status && sql) {
			status = emit(sink, "migration", sql);
		}
	}
	table_destroy(table);
	return status;
}

static enum reclaim_status init_host(const struct sink *sink)
{
	enum reclaim_status status = RECLAIM_OK;
	if (!sink->ledger->profile->audit_is_log) {
		status = emit_script(sink, SQL_SCHEMA_HOST);
	}
	return status ? status : migrate(sink);
}

static enum reclaim_status init_own(const struct sink *sink)
{
	enum reclaim_status status = emit_script(sink, SQL_SCHEMA);
	return status ? status : emit_script(sink, SQL_SCHEMA_HOST);
}

enum reclaim_status ledger_init(struct ledger *ledger, plan_line_fn *show, void *context,
				struct reclaim_error *error)
{
	const struct sink sink = { .ledger = ledger, .show = show, .context = context, .error = error };
	enum reclaim_status status = show ? RECLAIM_OK : ledger_begin(ledger, error);
	if (status) {
		return status;
	}
	status = ledger->profile->native ? init_own(&sink) : init_host(&sink);
	plan_destroy(ledger->plan); /* the schema is another one now */
	ledger->plan = NULL;
	return show ? status : ledger_end(ledger, status, error);
}
