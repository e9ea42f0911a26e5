/* Looks at tables without a profile. */
#include "catalog.h"

#include <string.h>

/* Fills the holes of a statement and runs it; an engine that lacks it finds nothing. */
static enum reclaim_status look(struct db *db, enum sql sql, const struct hole *holes,
				size_t count, int64_t limit, struct result *ret_result,
				struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct sql_engine *engine = sql_of(db->driver);
	const struct sql_text *text = engine ? &engine->texts[sql] : NULL;
	struct planned planned;
	struct inputs inputs = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(limit);
	if (!text || !text->text) {
		*ret_result = (struct result){ 0 };
		return RECLAIM_OK;
	}
	for (size_t i = 0; i < count; i++) {
		if (!holes[i].text) {
			return fail_no_memory(error);
		}
	}
	const char *filled = fill(&arena, text->text, holes, count);
	enum reclaim_status status =
		filled ? render_planned(&arena, db->driver, text->name, filled,
					/* writes= */ false, &planned, error)
		       : fail_no_memory(error);
	return status ? status : planned_run(db, &planned, &inputs, ret_result, error);
}

enum reclaim_status catalog_tables(struct db *db, struct result *ret_names,
				   struct reclaim_error *error)
{
	return look(db, SQL_TABLES, NULL, 0, 0, ret_names, error);
}

static const char *name_or_null(struct arena *arena, const struct db *db, const char *name)
{
	return name ? quote_name_part(arena, db->driver, name) : "NULL";
}

/* `name` of a table that has a schema: where it begins. */
static const char *behind_schema(const struct db *db, const char *table)
{
	const char *dot = db->driver->flat_names ? NULL : strchr(table, '.');
	return dot ? dot + 1 : table;
}

enum reclaim_status catalog_values(struct db *db, const struct catalog_column *column,
				   int64_t limit, struct result *ret_counts,
				   struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole holes[] = {
		{ "column", name_or_null(&arena, db, column->name) },
		{ "claimed", name_or_null(&arena, db, column->claimed) },
		{ "finished", name_or_null(&arena, db, column->finished) },
		{ "error", name_or_null(&arena, db, column->error) },
		{ "relation", quote_name(&arena, db->driver, column->table->name) },
	};
	return look(db, SQL_COLUMN_VALUES, holes, 5, limit, ret_counts, error);
}

/* `column IN ('a', 'b')`. */
static const char *among(struct arena *arena, const struct db *db, const char *column,
			 const char *const *values, size_t count)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (count == 0) {
		return "1 = 1";
	}
	text_printf(&text, "%s IN (", name_or_null(arena, db, column));
	for (size_t i = 0; i < count; i++) {
		const char *literal = quote_literal(arena, values[i]);
		text_printf(&text, "%s%s", i ? ", " : "", literal ? literal : "");
		text.failed |= !literal;
	}
	text_add(&text, ")");
	return text.failed ? NULL : arena_string(arena, text_string(&text));
}

enum reclaim_status catalog_spans(struct db *db, const struct catalog_column *column,
				  const char *const *values, size_t count, int64_t limit,
				  struct result *ret_spans, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole holes[] = {
		{ "claimed", name_or_null(&arena, db, column->claimed) },
		{ "finished", name_or_null(&arena, db, column->finished) },
		{ "completed", among(&arena, db, column->name, values, count) },
		{ "relation", quote_name(&arena, db->driver, column->table->name) },
	};
	return look(db, SQL_COLUMN_SPANS, holes, 4, limit, ret_spans, error);
}

enum reclaim_status catalog_sample(struct db *db, const struct catalog_column *column,
				   struct result *ret_value, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole holes[] = {
		{ "column", name_or_null(&arena, db, column->name) },
		{ "relation", quote_name(&arena, db->driver, column->table->name) },
	};
	return look(db, SQL_COLUMN_SAMPLE, holes, 2, 1, ret_value, error);
}

enum reclaim_status catalog_says(struct db *db, const struct catalog_column *column,
				 struct result *ret_says, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char *whole = column->table->name, *name = behind_schema(db, whole);
	const char *schema =
		name > whole ? arena_copy(&arena, whole, (size_t)(name - whole - 1)) : NULL;
	const struct hole holes[] = {
		{ "schema", schema ? quote_literal(&arena, schema) : "NULL" },
		{ "table", quote_literal(&arena, name) },
		{ "column", quote_literal(&arena, column->name) },
	};
	return look(db, SQL_COLUMN_SAYS, holes, 3, 0, ret_says, error);
}

enum reclaim_status catalog_hidden(struct db *db, const struct table *table,
				   struct result *ret_hidden, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char *name = quote_name(&arena, db->driver, table->name);
	const struct hole hole = { "relation", name ? quote_literal(&arena, name) : NULL };
	return look(db, SQL_HIDDEN, &hole, 1, 0, ret_hidden, error);
}
