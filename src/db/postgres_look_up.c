/* Tables as found: by the search path where a name has no schema, and from then on by their full name. */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

static const int first_param[] = { 0 };

#define OF_TABLE(sql_text, statement_name)                                                     \
	{                                                                                      \
		.name = statement_name, .sql = sql_text, .slots = first_param,                 \
		.slot_count = 1, .param_count = 1                                              \
	}

static const struct statement find_table = OF_TABLE(
	"SELECT c.oid, n.nspname || '.' || c.relname, c.relkind NOT IN ('r', 'p')"
	" FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = "
	"c.relnamespace"
	" WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
	"look up table");

/* On the way of names without a schema, but closed: such a table is not found. */
static const struct statement hidden_table =
	OF_TABLE("SELECT n.nspname, pg_catalog.quote_ident(n.nspname), "
		 "pg_catalog.quote_ident(current_user)"
		 " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = "
		 "c.relnamespace"
		 " WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
		 " AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
		 " AND (n.nspname = current_user OR pg_catalog.quote_ident(n.nspname) = ANY"
		 " (pg_catalog.string_to_array(pg_catalog.replace(pg_catalog.current_setting('"
		 "search_path'),"
		 " ' ', ''), ',')))"
		 " LIMIT 1",
		 "look up hidden table");

/* A domain is what it is made of; an enum reads as text. */
static const struct statement columns_of_table = OF_TABLE(
	"SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,"
	" coalesce(pg_catalog.array_position(k.indkey::pg_catalog.int2[], a.attnum) + 1, 0),"
	" a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '',"
	" CASE WHEN b.typtype = 'e' THEN 'text' ELSE b.typname END"
	" FROM pg_catalog.pg_attribute AS a"
	" JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid"
	" JOIN pg_catalog.pg_type AS b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype "
	"ELSE t.oid END"
	" LEFT JOIN pg_catalog.pg_index AS k ON k.indrelid = a.attrelid AND k.indisprimary"
	" WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
	"look up columns");

static const struct statement indexes_of_table = OF_TABLE(
	"SELECT c.relname, pg_catalog.pg_get_indexdef(i.indexrelid), coalesce(a.attname, ''),"
	" i.indisunique, i.indpred IS NOT NULL, i.indisvalid"
	" FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
	" LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid"
	" AND a.attnum = i.indkey[0] AND i.indkey[0] <> 0"
	" WHERE i.indrelid = $1 ORDER BY c.relname",
	"look up indexes");

static const char *cell_string(struct arena *arena, const struct result *result, size_t row,
			       size_t column)
{
	const struct value *cell = result_cell(result, row, column);
	return arena_copy(arena, cell->data ? cell->data : "", cell->size);
}

static bool cell_flag(const struct result *result, size_t row, size_t column)
{
	return value_integer(result_cell(result, row, column), 0) != 0;
}

static bool take_columns(struct table *table, const struct result *result)
{
	struct arena *arena = &table->arena;
	table->columns = arena_take(arena, result->rows * sizeof(*table->columns));
	for (size_t i = 0; table->columns && i < result->rows; i++) {
		struct column *column = &table->columns[i];
		column->name = cell_string(arena, result, i, 0);
		column->type = cell_string(arena, result, i, 1);
		column->nullable = !cell_flag(result, i, 2);
		column->key = (int)value_integer(result_cell(result, i, 3), 0);
		column->has_default = cell_flag(result, i, 4);
		const char *base = cell_string(arena, result, i, 5);
		if (!column->name || !column->type || !base) {
			return false;
		}
		column->kind = postgres_kind(base);
		table->column_count++;
	}
	return table->columns != NULL;
}

static bool take_indexes(struct table *table, const struct result *result)
{
	struct arena *arena = &table->arena;
	table->indexes = arena_take(arena, result->rows * sizeof(*table->indexes));
	for (size_t i = 0; table->indexes && i < result->rows; i++) {
		struct table_index *index = &table->indexes[i];
		index->name = cell_string(arena, result, i, 0);
		index->definition = cell_string(arena, result, i, 1);
		index->first = cell_string(arena, result, i, 2);
		index->unique = cell_flag(result, i, 3);
		index->partial = cell_flag(result, i, 4);
		index->valid = cell_flag(result, i, 5);
		if (!index->name || !index->definition || !index->first) {
			return false;
		}
		table->index_count++;
	}
	return table->indexes != NULL;
}

/* "a"."b" for a.b, as to_regclass wants it. */
static const char *quoted(struct arena *arena, const char *name)
{
	TEXT_CLEANUP struct text text = { 0 };
	for (;;) {
		size_t size = strcspn(name, ".");
		text_add_char(&text, '"');
		text_add_quoted(&text, name, size, '"');
		text_add_char(&text, '"');
		if (!name[size]) {
			break;
		}
		text_add_char(&text, '.');
		name += size + 1;
	}
	return text.failed ? NULL : arena_string(arena, text_string(&text));
}

static enum reclaim_status see_denied(struct db *db, struct table *table,
				      struct reclaim_error *error)
{
	RESULT_CLEANUP struct result hidden = { 0 };
	struct arena *arena = &table->arena;
	const struct value name = value_string(table->name);
	enum reclaim_status status = postgres_run(db, &hidden_table, &name, &hidden, error);
	if (status != RECLAIM_OK || hidden.rows == 0) {
		return status;
	}
	const char *cells[3];
	for (size_t i = 0; i < 3; i++) {
		cells[i] = cell_string(arena, &hidden, 0, i);
		if (!cells[i]) {
			return fail_no_memory(error);
		}
	}
	table->denied =
		arena_printf(arena,
			     "database '%s': table '%s': a right is missing: permission "
			     "denied for schema %s; needed: GRANT USAGE ON SCHEMA %s TO %s",
			     db->url->shown, table->name, cells[0], cells[1], cells[2]);
	return table->denied ? RECLAIM_OK : fail_no_memory(error);
}

static enum reclaim_status describe(struct db *db, struct table *table,
				    struct reclaim_error *error)
{
	struct arena *arena = &table->arena;
	RESULT_CLEANUP struct result found = { 0 }, columns = { 0 }, indexes = { 0 };
	struct value name = value_string(quoted(arena, table->name));
	if (value_is_null(&name)) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = postgres_run(db, &find_table, &name, &found, error);
	if (status == RECLAIM_OK && found.rows == 0) {
		return see_denied(db, table, error);
	}
	if (status != RECLAIM_OK) {
		return status;
	}
	struct value table_id = *result_cell(&found, 0, 0);
	table->exists = true;
	table->is_view = cell_flag(&found, 0, 2);
	table->name = cell_string(arena, &found, 0, 1);
	status = postgres_run(db, &columns_of_table, &table_id, &columns, error);
	if (status == RECLAIM_OK) {
		status = postgres_run(db, &indexes_of_table, &table_id, &indexes, error);
	}
	if (status != RECLAIM_OK) {
		return status;
	}
	return table->name && take_columns(table, &columns) && take_indexes(table, &indexes)
		       ? RECLAIM_OK
		       : fail_no_memory(error);
}

enum reclaim_status postgres_look_up(struct db *db, const char *name, struct table **ret_table,
				     struct reclaim_error *error)
{
	bool alone = !db->in_transaction;
	struct table *table = calloc(1, sizeof(*table));
	if (!table) {
		return fail_no_memory(error);
	}
	table->name = arena_string(&table->arena, name);
	enum reclaim_status status = table->name ? RECLAIM_OK : fail_no_memory(error);
	/* One look at the schema, however many statements. */
	if (status == RECLAIM_OK && alone) {
		status = db_begin(db, DB_READ, error);
	}
	if (status == RECLAIM_OK) {
		status = describe(db, table, error);
	}
	if (alone) {
		db_rollback(db);
	}
	if (status != RECLAIM_OK) {
		table_destroy(table);
		return status;
	}
	*ret_table = table;
	return RECLAIM_OK;
}
