/* A table, as the rows tell that an engine has of its columns and indexes. */
#include "look_up.h"

#include <stdlib.h>

const char *cell_string(struct arena *arena, const struct result *rows, size_t row,
			size_t column)
{
	const struct value *cell = result_cell(rows, row, column);
	return value_is_null(cell) ? "" : arena_copy(arena, cell->data, cell->size);
}

bool cell_flag(const struct result *rows, size_t row, size_t column)
{
	return value_integer(result_cell(rows, row, column), 0) != 0;
}

bool take_columns(struct table *table, const struct result *rows)
{
	struct arena *arena = &table->arena;
	table->columns = arena_take(arena, rows->rows * sizeof(*table->columns));
	for (size_t i = 0; table->columns && i < rows->rows; i++) {
		struct column *column = &table->columns[i];
		column->name = cell_string(arena, rows, i, 0);
		column->type = cell_string(arena, rows, i, 1);
		column->nullable = cell_flag(rows, i, 2);
		column->key = (int)value_integer(result_cell(rows, i, 3), 0);
		column->has_default = cell_flag(rows, i, 4);
		if (!column->name || !column->type) {
			return false;
		}
		table->column_count++;
	}
	return table->columns != NULL;
}

bool take_indexes(struct table *table, const struct result *rows)
{
	struct arena *arena = &table->arena;
	table->indexes = arena_take(arena, rows->rows * sizeof(*table->indexes));
	for (size_t i = 0; table->indexes && i < rows->rows; i++) {
		struct table_index *index = &table->indexes[i];
		index->name = cell_string(arena, rows, i, 0);
		index->definition = cell_string(arena, rows, i, 1);
		index->first = cell_string(arena, rows, i, 2);
		index->unique = cell_flag(rows, i, 3);
		index->partial = cell_flag(rows, i, 4);
		index->valid = cell_flag(rows, i, 5);
		if (!index->name || !index->definition || !index->first) {
			return false;
		}
		table->index_count++;
	}
	return table->indexes != NULL;
}

static enum reclaim_status describe_at_once(struct db *db, struct table *table,
					    describe_fn *describe, struct reclaim_error *error)
{
	enum reclaim_status status = db_begin(db, DB_READ, error);
	if (status == RECLAIM_OK) {
		status = describe(db, table, error);
	}
	db_rollback(db);
	return status;
}

enum reclaim_status look_up(struct db *db, const char *name, bool at_once,
			    describe_fn *describe, struct table **ret_table,
			    struct reclaim_error *error)
{
	struct table *table = calloc(1, sizeof(*table));
	if (!table) {
		return fail_no_memory(error);
	}
	table->name = arena_string(&table->arena, name);
	enum reclaim_status status = !table->name ? fail_no_memory(error)
				     : at_once && !db->in_transaction
					     ? describe_at_once(db, table, describe, error)
					     : describe(db, table, error);
	if (status != RECLAIM_OK) {
		table_destroy(table);
		return status;
	}
	*ret_table = table;
	return RECLAIM_OK;
}
