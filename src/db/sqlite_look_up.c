/* What there is to see beside rows: tables as found, and that somebody changed something. */
#include "sqlite.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LOOK_EVERY (20 * USEC_PER_SEC / 1000)

static const int first_param[] = { 0 };

static const struct statement kind_of_table = {
	.name = "look up table",
	.sql = "SELECT type = 'view' FROM pragma_table_list(?1) WHERE schema = 'main'",
	.slots = first_param,
	.slot_count = 1,
	.param_count = 1,
};

static const struct statement columns_of_table = {
	.name = "look up columns",
	.sql = "SELECT name, lower(type), \"notnull\", pk,"
	       " dflt_value IS NOT NULL OR hidden <> 0"
	       " FROM pragma_table_xinfo(?1, 'main') ORDER BY cid",
	.slots = first_param,
	.slot_count = 1,
	.param_count = 1,
};

static const struct statement indexes_of_table = {
	.name = "look up indexes",
	.sql = "SELECT l.name, coalesce(s.sql, ''), coalesce((SELECT x.name"
	       " FROM pragma_index_xinfo(l.name, 'main') AS x WHERE x.seqno = 0), ''),"
	       " l.\"unique\", l.partial FROM pragma_index_list(?1, 'main') AS l"
	       " LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name"
	       " ORDER BY l.name",
	.slots = first_param,
	.slot_count = 1,
	.param_count = 1,
};

static const char *cell_string(struct arena *arena, const struct result *result, size_t row,
			       size_t column)
{
	const struct value *cell = result_cell(result, row, column);
	return value_is_null(cell) ? "" : arena_copy(arena, cell->data, cell->size);
}

static bool cell_flag(const struct result *result, size_t row, size_t column)
{
	return value_integer(result_cell(result, row, column), 0) != 0;
}

static bool take_columns(struct table *table, const struct result *result)
{
	struct arena *arena = &table->arena;
	table->columns = arena_take(arena, result->rows * sizeof(*table->columns));
	if (!table->columns) {
		return false;
	}
	for (size_t i = 0; i < result->rows; i++) {
		struct column *column = &table->columns[i];
		column->name = cell_string(arena, result, i, 0);
		column->type = cell_string(arena, result, i, 1);
		column->nullable = !cell_flag(result, i, 2);
		column->key = (int)value_integer(result_cell(result, i, 3), 0);
		column->has_default = cell_flag(result, i, 4);
		if (!column->name || !column->type) {
			return false;
		}
		column->kind = strstr(column->type, "blob") ? COLUMN_BYTES : COLUMN_PLAIN;
	}
	table->column_count = result->rows;
	return true;
}

static bool take_indexes(struct table *table, const struct result *result)
{
	struct arena *arena = &table->arena;
	table->indexes = arena_take(arena, result->rows * sizeof(*table->indexes));
	if (!table->indexes) {
		return false;
	}
	for (size_t i = 0; i < result->rows; i++) {
		struct table_index *index = &table->indexes[i];
		index->name = cell_string(arena, result, i, 0);
		index->definition = cell_string(arena, result, i, 1);
		index->first = cell_string(arena, result, i, 2);
		index->unique = cell_flag(result, i, 3);
		index->partial = cell_flag(result, i, 4);
		index->valid = true;
		if (!index->name || !index->definition || !index->first) {
			return false;
		}
	}
	table->index_count = result->rows;
	return true;
}

/* An INTEGER PRIMARY KEY is the row's number: the engine fills it in, and it is never NULL. */
static void mark_row_number(struct table *table)
{
	struct column *key = NULL;
	int parts = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].key) {
			key = &table->columns[i];
			parts++;
		}
	}
	if (parts == 1 && strcmp(key->type, "integer") == 0) {
		key->nullable = false;
		key->has_default = true;
	}
}

static enum reclaim_status describe(struct sqlite *sqlite, struct table *table,
				    struct reclaim_error *error)
{
	struct db *db = &sqlite->db;
	struct value name = value_string(table->name);
	RESULT_CLEANUP struct result kind = { 0 }, columns = { 0 }, indexes = { 0 };
	enum reclaim_status status = sqlite_run(db, &kind_of_table, &name, &kind, error);
	if (status != RECLAIM_OK || kind.rows == 0) {
		return status;
	}
	table->exists = true;
	table->is_view = cell_flag(&kind, 0, 0);
	status = sqlite_run(db, &columns_of_table, &name, &columns, error);
	if (status == RECLAIM_OK) {
		status = sqlite_run(db, &indexes_of_table, &name, &indexes, error);
	}
	if (status != RECLAIM_OK) {
		return status;
	}
	if (!take_columns(table, &columns) || !take_indexes(table, &indexes)) {
		return fail_no_memory(error);
	}
	mark_row_number(table);
	return RECLAIM_OK;
}

enum reclaim_status sqlite_look_up(struct db *db, const char *name, struct table **ret_table,
				   struct reclaim_error *error)
{
	bool alone = !db->in_transaction;
	struct table *table = calloc(1, sizeof(*table));
	if (!table) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = RECLAIM_OK;
	bool qualified = strncasecmp(name, "main.", 5) == 0;
	table->any_case = true;
	table->name = arena_string(&table->arena, qualified ? name + 5 : name);
	if (!table->name) {
		status = fail_no_memory(error);
	}
	/* One look at the schema, however many statements. */
	if (status == RECLAIM_OK && alone) {
		status = db_begin(db, DB_READ, error);
	}
	if (status == RECLAIM_OK) {
		status = describe((struct sqlite *)db, table, error);
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

/* Whether another connection has committed since the last look. A lock is no news. */
static enum reclaim_status look_for_change(struct sqlite *sqlite, bool *ret_changed,
					   struct reclaim_error *error)
{
	int64_t version = sqlite->version;
	sqlite->wait_until = monotonic_now();
	int code = sqlite_ask(sqlite, "PRAGMA data_version", &version);
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
		return sqlite_fail(sqlite, code, "wait", error);
	}
	*ret_changed = version != sqlite->version;
	sqlite->version = version;
	return RECLAIM_OK;
}

enum reclaim_status sqlite_wait(struct db *db, int64_t timeout, int wake,
				struct reclaim_error *error)
{
	struct sqlite *sqlite = (struct sqlite *)db;
	struct pollfd woken = { .fd = wake, .events = POLLIN };
	int64_t start = monotonic_now();
	for (;;) {
		bool changed = false;
		enum reclaim_status status = look_for_change(sqlite, &changed, error);
		if (status != RECLAIM_OK || changed) {
			return status;
		}
		if (sqlite_cancelled(sqlite)) {
			return fail(error, RECLAIM_BUSY, "database '%s': cancelled",
				    sqlite->shown);
		}
		int64_t left = timeout - (monotonic_now() - start);
		if (timeout >= 0 && left <= 0) {
			return RECLAIM_OK;
		}
		int64_t nap = timeout < 0 || left > LOOK_EVERY ? LOOK_EVERY : left;
		struct timespec time = { .tv_nsec = (long)(nap * 1000) };
		if (ppoll(&woken, 1, &time, NULL) > 0) {
			return RECLAIM_OK;
		}
	}
}
