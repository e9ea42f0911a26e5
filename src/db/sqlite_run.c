/* Statements: prepared once, run with their values, and their rows copied out. */
#include "sqlite.h"

#include <string.h>

static uint64_t hash_of(const char *sql)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (; *sql; sql++) {
		hash = (hash ^ (unsigned char)*sql) * UINT64_C(0x100000001b3);
	}
	return hash;
}

/* The entry of that text, or the one that was not used for longest. */
static struct prepared *find_prepared(struct sqlite *sqlite, const char *sql, uint64_t hash)
{
	struct prepared *oldest = &sqlite->prepared[0];
	for (size_t i = 0; i < PREPARED_COUNT; i++) {
		struct prepared *entry = &sqlite->prepared[i];
		if (entry->statement && entry->hash == hash &&
		    strcmp(sqlite3_sql(entry->statement), sql) == 0) {
			return entry;
		}
		if (entry->used < oldest->used) {
			oldest = entry;
		}
	}
	sqlite3_finalize(oldest->statement);
	*oldest = (struct prepared){ .hash = hash };
	return oldest;
}

int sqlite_prepare(struct sqlite *sqlite, const char *sql, sqlite3_stmt **ret_statement)
{
	struct prepared *entry = find_prepared(sqlite, sql, hash_of(sql));
	if (!entry->statement) {
		const char *tail = NULL;
		int code =
			sqlite3_prepare_v3(sqlite->handle, sql, /* size= */ -1,
					   SQLITE_PREPARE_PERSISTENT, &entry->statement, &tail);
		if (code != SQLITE_OK) {
			return code;
		}
		if (!entry->statement || tail[strspn(tail, " \t\r\n;")]) {
			sqlite3_finalize(entry->statement);
			entry->statement = NULL;
			return SQLITE_MISUSE;
		}
	}
	entry->used = ++sqlite->uses;
	*ret_statement = entry->statement;
	return SQLITE_OK;
}

void sqlite_forget(struct sqlite *sqlite)
{
	for (size_t i = 0; i < PREPARED_COUNT; i++) {
		sqlite3_finalize(sqlite->prepared[i].statement);
		sqlite->prepared[i] = (struct prepared){ 0 };
	}
}

int sqlite_insist(struct sqlite *sqlite, const char *sql)
{
	sqlite3_stmt *statement;
	int code = sqlite_prepare(sqlite, sql, &statement);
	if (code != SQLITE_OK) {
		return code;
	}
	do {
		code = sqlite3_step(statement);
		sqlite3_reset(statement);
	} while ((code & 0xff) == SQLITE_BUSY && sqlite_nap(sqlite, /* count= */ 0));
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int sqlite_ask(struct sqlite *sqlite, const char *sql, int64_t *ret_answer)
{
	sqlite3_stmt *statement;
	int code = sqlite_prepare(sqlite, sql, &statement);
	if (code != SQLITE_OK) {
		return code;
	}
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*ret_answer = sqlite3_column_int64(statement, 0);
		code = SQLITE_OK;
	}
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_INTERNAL : code;
}

static int bind_value(sqlite3_stmt *statement, int at, const struct value *value)
{
	/* NULL data would bind NULL. */
	const char *data = value->data ? value->data : "";
	switch (value->type) {
	case VALUE_NULL:
		return sqlite3_bind_null(statement, at);
	case VALUE_INT:
		return sqlite3_bind_int64(statement, at, value->number);
	case VALUE_REAL:
		return sqlite3_bind_double(statement, at, value->real);
	case VALUE_TEXT:
		return sqlite3_bind_text64(statement, at, data, value->size, SQLITE_STATIC,
					   SQLITE_UTF8);
	case VALUE_BLOB:
		return sqlite3_bind_blob64(statement, at, data, value->size, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static int bind_all(sqlite3_stmt *prepared, const struct statement *statement,
		    const struct value *params)
{
	if (sqlite3_bind_parameter_count(prepared) != statement->slot_count) {
		return SQLITE_RANGE;
	}
	for (int i = 0; i < statement->slot_count; i++) {
		int slot = statement->slots[i];
		if (slot < 0 || slot >= statement->param_count) {
			return SQLITE_RANGE;
		}
		int code = bind_value(prepared, i + 1, &params[slot]);
		if (code != SQLITE_OK) {
			return code;
		}
	}
	return SQLITE_OK;
}

static bool copy_bytes(struct arena *arena, const void *data, int size, struct value *value)
{
	value->size = (size_t)size;
	value->data = arena_copy(arena, data ? data : "", data ? value->size : 0);
	return value->data && (data || size == 0);
}

static bool copy_cell(struct arena *arena, sqlite3_stmt *statement, int column,
		      struct value *ret_value)
{
	const void *data;
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		*ret_value = value_int(sqlite3_column_int64(statement, column));
		return true;
	case SQLITE_FLOAT:
		ret_value->type = VALUE_REAL;
		ret_value->real = sqlite3_column_double(statement, column);
		return true;
	case SQLITE_TEXT:
		ret_value->type = VALUE_TEXT;
		data = sqlite3_column_text(statement, column);
		/* An empty text has an address, so that no address is no memory. */
		return data && copy_bytes(arena, data, sqlite3_column_bytes(statement, column),
					  ret_value);
	case SQLITE_BLOB:
		ret_value->type = VALUE_BLOB;
		data = sqlite3_column_blob(statement, column);
		return copy_bytes(arena, data, sqlite3_column_bytes(statement, column),
				  ret_value);
	default: /* the engine's own numbers, no enum */
		*ret_value = value_null();
		return true;
	}
}

static bool add_row(struct result *result, sqlite3_stmt *statement, size_t *room)
{
	if (result->rows == 0) {
		result->columns = (size_t)sqlite3_column_count(statement);
	}
	if (result->rows == *room) {
		size_t more = *room ? 2 * *room : 8;
		struct value *cells =
			arena_take(&result->arena, more * result->columns * sizeof(*cells));
		if (!cells) {
			return false;
		}
		if (result->rows) {
			memcpy(cells, result->cells,
			       result->rows * result->columns * sizeof(*cells));
		}
		result->cells = cells;
		*room = more;
	}
	struct value *row = result->cells + result->rows * result->columns;
	for (size_t i = 0; i < result->columns; i++) {
		if (!copy_cell(&result->arena, statement, (int)i, &row[i])) {
			return false;
		}
	}
	result->rows++;
	return true;
}

static int fetch_all(sqlite3_stmt *statement, struct result *result)
{
	size_t room = 0;
	int code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!add_row(result, statement, &room)) {
			return SQLITE_NOMEM;
		}
	}
	result->columns = (size_t)sqlite3_column_count(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* In whatever transaction there is. */
static enum reclaim_status execute(struct sqlite *sqlite, sqlite3_stmt *prepared,
				   const struct statement *statement,
				   const struct value *params, struct result *ret_result,
				   struct reclaim_error *error)
{
	struct result result = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	int64_t before = sqlite3_total_changes64(sqlite->handle);
	if (!sqlite->writing) {
		sqlite->now_known = false;
	}
	int code = bind_all(prepared, statement, params);
	if (code == SQLITE_OK) {
		sqlite->cancellable = true;
		code = fetch_all(prepared, &result);
		sqlite->cancellable = false;
	}
	if (code != SQLITE_OK) {
		status = sqlite_fail(sqlite, code, statement->name, error);
		result_finish(&result);
	}
	sqlite3_reset(prepared);
	sqlite3_clear_bindings(prepared);
	if (status != RECLAIM_OK) {
		return status;
	}
	if (sqlite3_total_changes64(sqlite->handle) != before) {
		result.changed = sqlite3_changes64(sqlite->handle);
	}
	if (ret_result) {
		*ret_result = result;
	} else {
		result_finish(&result);
	}
	return RECLAIM_OK;
}

/* A write by itself: a whole transaction, so that its clock is read when the lock is held. */
static enum reclaim_status execute_alone(struct sqlite *sqlite, sqlite3_stmt *prepared,
					 const struct statement *statement,
					 const struct value *params, struct result *ret_result,
					 struct reclaim_error *error)
{
	struct db *db = &sqlite->db;
	RESULT_CLEANUP struct result result = { 0 };
	enum reclaim_status status = db->driver->begin(db, DB_WRITE, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	status = execute(sqlite, prepared, statement, params, &result, error);
	if (status != RECLAIM_OK) {
		db->driver->rollback(db);
		return status;
	}
	status = db->driver->commit(db, error);
	if (status == RECLAIM_OK && ret_result) {
		*ret_result = result;
		result = (struct result){ 0 };
	}
	return status;
}

enum reclaim_status sqlite_run(struct db *db, const struct statement *statement,
			       const struct value *params, struct result *ret_result,
			       struct reclaim_error *error)
{
	struct sqlite *sqlite = (struct sqlite *)db;
	sqlite3_stmt *prepared;
	sqlite_start(sqlite);
	if (db->in_transaction && sqlite3_get_autocommit(sqlite->handle)) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': %s: the engine has rolled the transaction back",
			    sqlite->shown, statement->name);
	}
	int code = sqlite_prepare(sqlite, statement->sql, &prepared);
	if (code != SQLITE_OK) {
		return sqlite_fail(sqlite, code, statement->name, error);
	}
	bool writes = statement->writes || !sqlite3_stmt_readonly(prepared);
	if (writes && db->in_transaction && !sqlite->writing) {
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': %s writes, and the transaction is for reading",
			    sqlite->shown, statement->name);
	}
	if (writes && !db->in_transaction) {
		return execute_alone(sqlite, prepared, statement, params, ret_result, error);
	}
	return execute(sqlite, prepared, statement, params, ret_result, error);
}
