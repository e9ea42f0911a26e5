/* A host's migration. The catalog is looked at before anything is changed. */
#include "migrate.h"

#include "clock.h"
#include "index.h"

#include <string.h>
#include <time.h>

#define BUSY_NAP (USEC_PER_SEC / 5)

enum reclaim_status sink_emit(const struct sink *sink, const char *name, const char *sql)
{
	if (sink->show) {
		sink->show(sink->context, name, sql);
		return RECLAIM_OK;
	}
	return db_script(sink->ledger->db, sql, sink->error);
}

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
		status = sql ? sink_emit(sink, "migration", sql) : fail_no_memory(sink->error);
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
	return sql ? sink_emit(sink, "migration", sql) : fail_no_memory(sink->error);
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
		status = sql ? sink_emit(sink, "migration", sql) : fail_no_memory(sink->error);
	}
	return status;
}

/* Between half of it and the whole; false: the time is over, or the call was cancelled. */
static bool nap_until(struct ledger *ledger, int64_t until)
{
	int64_t now = monotonic_now();
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
	int64_t until = monotonic_now() + ledger->db->patience;
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
	       : *sql ? sink_emit(sink, "migration", sql)
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

enum reclaim_status migrate(const struct sink *sink, bool indexes)
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
