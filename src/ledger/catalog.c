/* Looks at tables without a profile. */
#include "catalog.h"

#include <string.h>

static const struct sql_text *text_of(const struct db *db, enum sql sql)
{
	for (size_t i = 0; sql_engines[i].name; i++) {
		if (string_equal(sql_engines[i].name, db->driver->name)) {
			return &sql_engines[i].texts[sql];
		}
	}
	return NULL;
}

/* Fills the holes of a statement and runs it; an engine that lacks it finds nothing. */
static enum reclaim_status look(struct db *db, enum sql sql, const struct hole *holes,
				size_t count, int64_t limit, struct result *ret_result,
				struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct sql_text *text = text_of(db, sql);
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

enum reclaim_status catalog_values(struct db *db, const struct table *table, const char *column,
				   int64_t limit, struct result *ret_counts,
				   struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole holes[] = { { "column", quote_name(&arena, db->driver, column) },
				      { "relation",
					quote_name(&arena, db->driver, table->name) } };
	return look(db, SQL_COLUMN_VALUES, holes, 2, limit, ret_counts, error);
}

enum reclaim_status catalog_sample(struct db *db, const struct table *table, const char *column,
				   struct result *ret_value, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole holes[] = { { "column", quote_name(&arena, db->driver, column) },
				      { "relation",
					quote_name(&arena, db->driver, table->name) } };
	return look(db, SQL_COLUMN_SAMPLE, holes, 2, 1, ret_value, error);
}

enum reclaim_status catalog_labels(struct db *db, const struct column *column,
				   struct result *ret_labels, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct hole hole = { "type", quote_literal(&arena, column->type) };
	return look(db, SQL_TYPE_LABELS, &hole, 1, 0, ret_labels, error);
}
