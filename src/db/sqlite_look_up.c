/* What there is to see beside rows: tables as found, and that somebody changed something. */
#include "look_up.h"
#include "sqlite.h"

#include <poll.h>
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
	.sql = "SELECT name, lower(type), NOT \"notnull\", pk,"
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
	       " l.\"unique\", l.partial, 1 FROM pragma_index_list(?1, 'main') AS l"
	       " LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name"
	       " ORDER BY l.name",
	.slots = first_param,
	.slot_count = 1,
	.param_count = 1,
};

static void tell_kinds(struct table *table)
{
	for (size_t i = 0; i < table->column_count; i++) {
		struct column *column = &table->columns[i];
		column->kind = strstr(column->type, "blob") ? COLUMN_BYTES : COLUMN_PLAIN;
	}
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

static enum reclaim_status describe(struct db *db, struct table *table,
				    struct reclaim_error *error)
{
	struct value name = value_string(table->name);
	RESULT_CLEANUP struct result kind = { 0 }, columns = { 0 }, indexes = { 0 };
	enum reclaim_status status = sqlite_run(db, &kind_of_table, &name, &kind, error);
	table->any_case = true;
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
	tell_kinds(table);
	mark_row_number(table);
	return RECLAIM_OK;
}

enum reclaim_status sqlite_look_up(struct db *db, const char *name, struct table **ret_table,
				   struct reclaim_error *error)
{
	bool qualified = strncasecmp(name, "main.", 5) == 0;
	return look_up(db, qualified ? name + 5 : name, /* at_once= */ true, describe,
		       ret_table, error);
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
