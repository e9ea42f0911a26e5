/* Tables as found: by the search path where a name has no schema, and from then on by their full name. */
#include "look_up.h"
#include "postgres.h"

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
	"SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,"
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

static bool tell_kinds(struct table *table, const struct result *columns)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const char *base = cell_string(&table->arena, columns, i, 5);
		if (!base) {
			return false;
		}
		table->columns[i].kind = postgres_kind(base);
	}
	return true;
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
	return table->name && take_columns(table, &columns) && tell_kinds(table, &columns) &&
			       take_indexes(table, &indexes)
		       ? RECLAIM_OK
		       : fail_no_memory(error);
}

enum reclaim_status postgres_look_up(struct db *db, const char *name, struct table **ret_table,
				     struct reclaim_error *error)
{
	return look_up(db, name, /* at_once= */ true, describe, ret_table, error);
}
