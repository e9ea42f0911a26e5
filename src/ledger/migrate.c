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
	return text ? emit(sink, text->name, text->text)
		    : fail(sink->error, RECLAIM_UNSUPPORTED,
			   "this build has no statements for engine '%s'",
			   sink->ledger->db->driver->name);
}

static enum reclaim_status look_up_own(struct ledger *ledger, const char *name,
				       struct table **ret_table, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char *full = arena_printf(&arena, "%s%s", ledger->db->driver->own_prefix, name);
	return full ? db_look_up(ledger->db, full, ret_table, error) : fail_no_memory(error);
}

enum reclaim_status ledger_has_host_tables(struct ledger *ledger, bool *ret_has,
					   struct reclaim_error *error)
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
	if (!status && events && ledgers) {
		*ret_has = ledger->has_host_tables = events->exists && ledgers->exists;
	}
	table_destroy(events);
	table_destroy(ledgers);
	return status;
}

enum reclaim_status ledger_make_host_tables(struct ledger *ledger, struct reclaim_error *error)
{
	bool there = ledger->profile->audit_is_log;
	enum reclaim_status status =
		there ? RECLAIM_OK : ledger_has_host_tables(ledger, &there, error);
	if (status || there) {
		return status;
	}
	const struct sink sink = { .ledger = ledger, .error = error };
	status = ledger_begin(ledger, error);
	return status ? status : ledger_end(ledger, emit_script(&sink, SQL_SCHEMA_HOST), error);
}

/* ---- a host's migration ---- */

static const struct table_index *find_index(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->index_count; i++) {
		if (string_equal(table->indexes[i].name, name)) {
			return &table->indexes[i];
		}
	}
	return NULL;
}

/* A text of the engine with its holes filled; NULL: no memory. */
static const char *filled(struct ledger *ledger, struct arena *arena, enum sql sql,
			  const struct hole *holes, size_t count)
{
	bool complete = true;
	for (size_t i = 0; i < count; i++) {
		complete &= holes[i].text != NULL;
	}
	return complete ? fill(arena, script_text(ledger, sql)->text, holes, count) : NULL;
}

/* A column's type as the engine names it. */
static const char *type_of(const struct ledger *ledger, const char *type)
{
	static const struct {
		const char *type;
		enum sql sql;
	} types[] = { { "text", SQL_TYPE_TEXT }, { "timestamptz", SQL_TYPE_TIMESTAMPTZ } };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *own = script_text(ledger, types[i].sql)->text;
		if (own && string_equal(types[i].type, type)) {
			return own;
		}
	}
	return type;
}

static const char *column_sql(struct ledger *ledger, struct arena *arena,
			      const struct table *table, const struct migration_step *step)
{
	const struct db_driver *driver = ledger->db->driver;
	const struct hole holes[] = { { "relation", quote_name(arena, driver, table->name) },
				      { "column", quote_name(arena, driver, step->column) },
				      { "type", type_of(ledger, step->type) } };
	return filled(ledger, arena, SQL_ADD_COLUMN, holes, sizeof(holes) / sizeof(holes[0]));
}

/* On a table in parts there is no index that is made at once; *ret_made false: it is not one. */
static enum reclaim_status index_parts(const struct sink *sink, struct arena *arena,
				       const struct table *table,
				       const struct migration_step *step, bool *ret_made)
{
	struct ledger *ledger = sink->ledger;
	struct result RESULT_CLEANUP result = { 0 };
	const char *relation = quote_name(arena, ledger->db->driver, table->name);
	const char *where =
		step->index_where ? arena_printf(arena, " WHERE %s", step->index_where) : "";
	*ret_made = false;
	if (!script_text(ledger, SQL_PARTITION_INDEXES)->text) {
		return RECLAIM_OK;
	}
	if (!relation || !where) {
		return fail_no_memory(sink->error);
	}
	const struct value params[] = { value_string(relation), value_string(step->index),
					value_string(step->index_on), value_string(where) };
	enum reclaim_status status =
		ledger_run(ledger, SQL_PARTITION_INDEXES, params, &result, sink->error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		const struct value *cell = result_cell(&result, i, PARTITION_INDEXES_R_SQL);
		const char *sql = arena_copy(arena, cell->data, cell->size);
		status = sql ? emit(sink, "migration", sql) : fail_no_memory(sink->error);
	}
	*ret_made = result.rows > 0;
	return status;
}

static const char *index_sql(struct ledger *ledger, struct arena *arena,
			     const struct table *table, const struct migration_step *step)
{
	const struct db_driver *driver = ledger->db->driver;
	const char *where =
		step->index_where ? arena_printf(arena, " WHERE %s", step->index_where) : "";
	const char *on = step->index_on;
	if (driver->whole_indexes && step->index_where) {
		on = arena_printf(arena, "%s, %s",
				  quote_name(arena, driver, ledger->profile->roles[ROLE_STATE]),
				  on);
		where = "";
	}
	const struct hole holes[] = { { "relation", quote_name(arena, driver, table->name) },
				      { "name", quote_name(arena, driver, step->index) },
				      { "on", on },
				      { "where", where } };
	return filled(ledger, arena, SQL_CREATE_INDEX, holes, sizeof(holes) / sizeof(holes[0]));
}

/* An index whose making broke off: it has the name, and serves nobody. It lies in its table's schema. */
static enum reclaim_status drop_broken(const struct sink *sink, struct arena *arena,
				       const struct table *table,
				       const struct table_index *index)
{
	const char *dot = strrchr(table->name, '.');
	const char *name = arena_printf(arena, "%.*s%s", dot ? (int)(dot + 1 - table->name) : 0,
					table->name, index->name);
	const struct hole hole = { "name",
				   name ? quote_name(arena, sink->ledger->db->driver, name)
					: NULL };
	const char *sql = filled(sink->ledger, arena, SQL_DROP_INDEX, &hole, 1);
	return sql ? emit(sink, "migration", sql) : fail_no_memory(sink->error);
}

static bool is_sql_of(const struct ledger *ledger, enum sql sql, const char *name)
{
	const struct sql_text *text = script_text(ledger, sql);
	return text && text->text && string_equal(text->name, name);
}

/* A function that the migration installs, where the engine has any. */
static const char *function_sql(struct ledger *ledger, struct arena *arena,
				const struct table *table, const char *script)
{
	const struct hole holes[] = {
		{ "relation", quote_name(arena, ledger->db->driver, table->name) },
		{ "ledger", quote_literal(arena, ledger->profile->name) }
	};
	for (int sql = 0; sql < SQL_COUNT; sql++) {
		if (is_sql_of(ledger, (enum sql)sql, script)) {
			return filled(ledger, arena, (enum sql)sql, holes,
				      sizeof(holes) / sizeof(holes[0]));
		}
	}
	return "";
}

/* What a transaction holds together: columns and functions; or else what is made outside of one: indexes. */
static enum reclaim_status take_step(const struct sink *sink, const struct table *table,
				     const struct migration_step *step, bool indexes)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct ledger *ledger = sink->ledger;
	const struct table_index *index = step->index ? find_index(table, step->index) : NULL;
	const char *sql = "";
	if (indexes && step->index && !(index && index->valid)) {
		bool made = false;
		enum reclaim_status status = index_parts(sink, &arena, table, step, &made);
		if (!status && !made && index) {
			status = drop_broken(sink, &arena, table, index);
		}
		if (status || made) {
			return status;
		}
		sql = index_sql(ledger, &arena, table, step);
	} else if (!indexes && step->column && !table_column(table, step->column)) {
		sql = column_sql(ledger, &arena, table, step);
	} else if (!indexes && step->script) {
		sql = function_sql(ledger, &arena, table, step->script);
	}
	return !sql   ? fail_no_memory(sink->error)
	       : *sql ? emit(sink, "migration", sql)
		      : RECLAIM_OK;
}

static enum reclaim_status migrate(const struct sink *sink, bool indexes)
{
	struct ledger *ledger = sink->ledger;
	const struct profile *profile = ledger->profile;
	struct table *table = NULL;
	enum reclaim_status status =
		db_look_up(ledger->db, profile->table, &table, sink->error);
	if (!status && !table->exists) {
		status = fail_no_table(ledger->db, profile, table, profile->table, sink->error);
	}
	for (size_t i = 0; !status && i < profile->migration_count; i++) {
		status = take_step(sink, table, &profile->migration[i], indexes);
	}
	table_destroy(table);
	return status;
}

static void show_transaction(const struct sink *sink, const char *sql)
{
	if (sink->show) {
		sink->show(sink->context, "transaction", sql);
	}
}

static enum reclaim_status init_host(const struct sink *sink)
{
	enum reclaim_status status = RECLAIM_OK;
	show_transaction(sink, "BEGIN");
	if (!sink->ledger->profile->audit_is_log) {
		status = emit_script(sink, SQL_SCHEMA_HOST);
	}
	if (!status) {
		status = migrate(sink, /* indexes= */ false);
	}
	show_transaction(sink, "COMMIT");
	return status;
}

static enum reclaim_status init_own(const struct sink *sink)
{
	enum reclaim_status status = emit_script(sink, SQL_SCHEMA);
	if (!status) {
		status = emit_script(sink, SQL_SCHEMA_HOST);
	}
	const struct sql_text *functions = script_text(sink->ledger, SQL_FUNCTIONS);
	return status || !functions || !functions->text ? status
							: emit_script(sink, SQL_FUNCTIONS);
}

enum reclaim_status ledger_init(struct ledger *ledger, plan_line_fn *show, void *context,
				struct reclaim_error *error)
{
	const struct sink sink = {
		.ledger = ledger, .show = show, .context = context, .error = error
	};
	enum reclaim_status status = show ? RECLAIM_OK : ledger_begin(ledger, error);
	if (status) {
		return status;
	}
	status = ledger->profile->native ? init_own(&sink) : init_host(&sink);
	plan_destroy(ledger->plan); /* the schema is another one now */
	ledger->plan = NULL;
	status = show ? status : ledger_end(ledger, status, error);
	return status || ledger->profile->native ? status : migrate(&sink, /* indexes= */ true);
}
