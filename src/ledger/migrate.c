/* init: our own tables, or what a host's ledger may lack. The catalog is looked at before anything is changed. */
#include "index.h"

#include <string.h>
#include <time.h>

#define BUSY_NAP (USEC_PER_SEC / 5)

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
	const struct sql_text *text = ledger_sql(sink->ledger, sql);
	return text ? emit(sink, text->name, text->text)
		    : fail(sink->error, RECLAIM_UNSUPPORTED,
			   "this build has no statements for engine '%s'",
			   sink->ledger->db->driver->name);
}

/* Of our tables: what schema_done.sql writes. A program that knows less must leave them alone. */
#define SCHEMA_VERSION 1
/* It can't be read: there is none yet, or no right to it. 0: it was not written yet. */
#define NO_VERSION INT64_MIN

static enum reclaim_status read_version(struct ledger *ledger, int64_t *ret_version,
					struct reclaim_error *error)
{
	struct result RESULT_CLEANUP rows = { 0 };
	enum reclaim_status status = ledger_run(ledger, SQL_SCHEMA_VERSION, NULL, &rows, error);
	int64_t version =
		status ? NO_VERSION
		       : value_integer(result_cell(&rows, 0, SCHEMA_VERSION_R_VERSION),
				       /* otherwise= */ 0);
	if (version > SCHEMA_VERSION) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "the tables of our own ledger are of version %lld, made by a newer "
			    "program; this one knows version %d: update it",
			    (long long)version, SCHEMA_VERSION);
	}
	if (status && status != RECLAIM_INVALID && status != RECLAIM_UNAVAILABLE) {
		return status;
	}
	*ret_version = version;
	return RECLAIM_OK;
}

enum reclaim_status ledger_check_version(struct ledger *ledger, struct reclaim_error *error)
{
	int64_t version;
	return ledger->profile->native && !ledger->db->in_transaction
		       ? read_version(ledger, &version, error)
		       : RECLAIM_OK;
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

/* Who may not use our tables may not see them either, on some engines: then they can't be made, of course. */
static enum reclaim_status fail_make(struct ledger *ledger, struct reclaim_error *error)
{
	struct table *events = NULL;
	struct reclaim_error why = error ? *error : (struct reclaim_error){ 0 };
	bool denied = !look_up_own(ledger, "events", &events, NULL) && events && events->denied;
	table_destroy(events);
	return !denied ? RECLAIM_UNAVAILABLE
		       : fail(error, RECLAIM_UNAVAILABLE,
			      "the audit is not to be seen, and can't be made; is it there, "
			      "then "
			      "a right to it is missing, and `reclaim check` names it: %s",
			      why.message);
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
	if (!status) {
		status = ledger_end(ledger, emit_script(&sink, SQL_SCHEMA_HOST), error);
	}
	return status == RECLAIM_UNAVAILABLE ? fail_make(ledger, error) : status;
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
	return complete ? fill(arena, ledger_sql(ledger, sql)->text, holes, count) : NULL;
}

/* A column's type as the engine names it. */
static const char *type_of(const struct ledger *ledger, const char *type)
{
	static const struct {
		const char *type;
		enum sql sql;
	} types[] = { { "text", SQL_TYPE_TEXT }, { "timestamptz", SQL_TYPE_TIMESTAMPTZ } };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *own = ledger_sql(ledger, types[i].sql)->text;
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
				      { "column",
					quote_name_part(arena, driver, step->column) },
				      { "type", type_of(ledger, step->type) } };
	return filled(ledger, arena, SQL_ADD_COLUMN, holes, sizeof(holes) / sizeof(holes[0]));
}

/* On a table in parts there is no index that is made at once; *ret_made false: it is not one. */
static enum reclaim_status emit_parts(const struct sink *sink, struct arena *arena,
				      const struct table *table,
				      const struct migration_step *step, bool *ret_made)
{
	struct result RESULT_CLEANUP parts = { 0 };
	const struct index_wish wish = {
		.name = step->index,
		.on = step->index_on,
		.where = step->index_where ? arena_printf(arena, " WHERE %s", step->index_where)
					   : "",
	};
	enum reclaim_status status =
		index_parts(sink->ledger, table->name, &wish, &parts, sink->error);
	for (size_t i = 0; !status && i < parts.rows; i++) {
		const struct value *cell = result_cell(&parts, i, PARTITION_INDEXES_R_SQL);
		const char *sql = arena_copy(arena, cell->data, cell->size);
		status = sql ? emit(sink, "migration", sql) : fail_no_memory(sink->error);
	}
	*ret_made = parts.rows > 0;
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
		const char *state = ledger->profile->roles[ROLE_STATE];
		bool stored = !string_equal(state, STATE_BY_PREDICATE);
		on = stored ? arena_printf(arena, "%s, %s",
					   quote_name_part(arena, driver, state), on)
			    : on;
		where = "";
	}
	const struct hole holes[] = { { "relation", quote_name(arena, driver, table->name) },
				      { "name", quote_name_part(arena, driver, step->index) },
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
	const struct sql_text *text = ledger_sql(ledger, sql);
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

/* The engine marks what it did not finish as not valid. */
static enum reclaim_status fail_unfinished(const char *index, struct reclaim_error *error)
{
	const struct reclaim_error why = error ? *error : (struct reclaim_error){ 0 };
	return fail(
		error, RECLAIM_BUSY,
		"index '%s' is not made, and what there may be of it is not valid; init again "
		"makes it anew: %s",
		index, why.message);
}

/* Two that make an index of one table wait for each other, and the engine ends one: who is at it is left alone. */
static enum reclaim_status leave_to_builder(const struct sink *sink, struct arena *arena,
					    const struct table *table)
{
	struct ledger *ledger = sink->ledger;
	struct result RESULT_CLEANUP found = { 0 };
	const struct sql_text *text = ledger_sql(ledger, SQL_INDEX_BUILDER);
	if (sink->show || !text || !text->text) {
		return RECLAIM_OK;
	}
	const char *relation = quote_name(arena, ledger->db->driver, table->name);
	const struct value id = value_string(relation);
	enum reclaim_status status =
		relation ? ledger_run(ledger, SQL_INDEX_BUILDER, &id, &found, sink->error)
			 : fail_no_memory(sink->error);
	if (!status && found.rows > 0) {
		const struct value *builder = result_cell(&found, 0, INDEX_BUILDER_R_BUILDER);
		return fail(sink->error, RECLAIM_BUSY, "%.*s makes an index of '%s' now",
			    (int)builder->size, builder->data, table->name);
	}
	return status;
}

static enum reclaim_status try_index(const struct sink *sink, struct arena *arena,
				     const struct table *table,
				     const struct migration_step *step)
{
	const struct table_index *index = find_index(table, step->index);
	bool made = index && index->valid;
	enum reclaim_status status = made ? RECLAIM_OK : leave_to_builder(sink, arena, table);
	if (!status && !made) {
		status = emit_parts(sink, arena, table, step, &made);
	}
	if (!status && !made && index) {
		status = drop_broken(sink, arena, table, index);
	}
	if (!status && !made) {
		const char *sql = index_sql(sink->ledger, arena, table, step);
		status = sql ? emit(sink, "migration", sql) : fail_no_memory(sink->error);
	}
	return status;
}

static int64_t monotonic(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Between half of it and the whole; false: the time is over, or the call was cancelled. */
static bool nap_until(struct ledger *ledger, int64_t until)
{
	int64_t now = monotonic();
	int64_t nap = BUSY_NAP / 2 + (int64_t)random_below(&ledger->random, BUSY_NAP / 2);
	if (db_cancelled(ledger->db) || now + nap >= until) {
		return false;
	}
	nanosleep(&(struct timespec){ .tv_nsec = (long)(nap * 1000) }, NULL);
	return true;
}

/* Others may init at once, or be in the middle of a transaction: it is tried again for as long as a lock is waited for. */
static enum reclaim_status make_index(const struct sink *sink, struct arena *arena,
				      const struct table *table,
				      const struct migration_step *step)
{
	struct ledger *ledger = sink->ledger;
	int64_t until = monotonic() + ledger->db->patience;
	enum reclaim_status status = try_index(sink, arena, table, step);
	while (status == RECLAIM_BUSY && nap_until(ledger, until)) {
		struct table *again = NULL;
		status = db_look_up(ledger->db, ledger->profile->table, &again, sink->error);
		if (!status) {
			status = try_index(sink, arena, again, step);
		}
		table_destroy(again);
	}
	return status == RECLAIM_BUSY ? fail_unfinished(step->index, sink->error) : status;
}

static enum reclaim_status make_rest(const struct sink *sink, struct arena *arena,
				     const struct table *table,
				     const struct migration_step *step)
{
	const char *sql = "";
	if (step->column && !table_column(table, step->column)) {
		sql = column_sql(sink->ledger, arena, table, step);
	} else if (step->script) {
		sql = function_sql(sink->ledger, arena, table, step->script);
	}
	return !sql   ? fail_no_memory(sink->error)
	       : *sql ? emit(sink, "migration", sql)
		      : RECLAIM_OK;
}

/* What a transaction holds together: columns and functions; or else what is made outside of one: indexes. */
static enum reclaim_status take_step(const struct sink *sink, const struct table *table,
				     const struct migration_step *step, bool indexes)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	return !indexes      ? make_rest(sink, &arena, table, step)
	       : step->index ? make_index(sink, &arena, table, step)
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
	const struct sql_text *functions = ledger_sql(sink->ledger, SQL_FUNCTIONS);
	if (!status && functions && functions->text) {
		status = emit_script(sink, SQL_FUNCTIONS);
	}
	return status ? status : emit_script(sink, SQL_SCHEMA_DONE);
}

enum reclaim_status ledger_init(struct ledger *ledger, plan_line_fn *show, void *context,
				struct reclaim_error *error)
{
	const struct sink sink = {
		.ledger = ledger, .show = show, .context = context, .error = error
	};
	enum reclaim_status status = ledger_check_version(ledger, error);
	if (!status && !show) {
		status = ledger_begin(ledger, error);
	}
	if (status) {
		return status;
	}
	status = ledger->profile->native ? init_own(&sink) : init_host(&sink);
	plan_destroy(ledger->plan); /* the schema is another one now */
	ledger->plan = NULL;
	status = show ? status : ledger_end(ledger, status, error);
	return status || ledger->profile->native ? status : migrate(&sink, /* indexes= */ true);
}

enum reclaim_status ledger_make_own_tables(struct ledger *ledger, struct reclaim_error *error)
{
	struct table *tasks = NULL;
	if (!ledger->profile->native) {
		return RECLAIM_OK;
	}
	int64_t version = NO_VERSION;
	enum reclaim_status status = read_version(ledger, &version, error);
	if (status || version > 0) {
		return status;
	}
	/* Who may submit need not be allowed to read the version. */
	status = look_up_own(ledger, "tasks", &tasks, error);
	bool exists = !status && tasks && tasks->exists && version == NO_VERSION;
	table_destroy(tasks);
	return status || exists
		       ? status
		       : ledger_init(ledger, /* show= */ NULL, /* context= */ NULL, error);
}
