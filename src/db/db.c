/* The front of every engine: picks the driver of a URL and keeps the one rule of transactions that they share. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct db_driver *const db_drivers[] = {
	&sqlite_driver,
#ifdef HAVE_POSTGRES
	&postgres_driver,
#endif
#ifdef HAVE_MARIADB
	&mariadb_driver,
#endif
	NULL,
};

struct db *(*db_opened)(struct db *db);
int64_t (*db_clock)(void);

int64_t wall_now(void)
{
	return db_clock ? db_clock() : machine_now();
}

int64_t options_patience(const struct db_options *options)
{
	if (options->busy <= 0) {
		return options->busy == 0 ? BUSY_DEFAULT : 0;
	}
	return options->busy < BUSY_MAX ? options->busy : BUSY_MAX;
}

int64_t options_statement(const struct db_options *options)
{
	int64_t usual = options_patience(options) * STATEMENT_TIMES;
	return options->statement > 0  ? options->statement
	       : usual < STATEMENT_MIN ? STATEMENT_MIN
				       : usual;
}

enum reclaim_status db_note_unique(struct reclaim_error *error, const char *phrase,
				   enum reclaim_status status)
{
	if (error) {
		error->unique = strcmp(phrase, DB_UNIQUE) == 0;
	}
	return status;
}

const struct db_driver *db_driver_of(const char *url)
{
	size_t size = strcspn(url, ":");
	for (size_t i = 0; db_drivers[i]; i++) {
		for (const char *const *known = db_drivers[i]->schemes; *known; known++) {
			if (url[size] && strlen(*known) == size &&
			    strncasecmp(*known, url, size) == 0) {
				return db_drivers[i];
			}
		}
	}
	return NULL;
}

static enum reclaim_status fail_scheme(const struct url *url, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text allowed = { 0 };
	for (size_t i = 0; db_drivers[i]; i++) {
		for (const char *const *known = db_drivers[i]->schemes; *known; known++) {
			text_printf(&allowed, "%s%s:", allowed.size ? ", " : "", *known);
		}
	}
	if (allowed.failed) {
		return fail_no_memory(error);
	}
	if (!*url->scheme) {
		return fail(error, RECLAIM_INVALID,
			    "database URL '%s' has no scheme; it must begin with one of: %s",
			    url->shown, text_string(&allowed));
	}
	return fail(error, RECLAIM_INVALID,
		    "database URL '%s': unknown scheme '%s'; this build knows: %s", url->shown,
		    url->scheme, text_string(&allowed));
}

enum reclaim_status db_open(const char *url, const struct db_options *options,
			    struct db **ret_db, struct reclaim_error *error)
{
	static const struct db_options defaults = { 0 };
	ARENA_CLEANUP struct arena arena = { 0 };
	struct url parsed;
	if (!url_parse(&arena, url ? url : "", &parsed)) {
		return fail_no_memory(error);
	}
	const struct db_driver *driver = db_driver_of(parsed.text);
	if (!driver) {
		return fail_scheme(&parsed, error);
	}
	struct db *db;
	enum reclaim_status status =
		driver->open(&parsed, options ? options : &defaults, &db, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	db->cancel = options ? options->cancel : NULL;
	db->patience = options_patience(options ? options : &defaults);
	db = db_opened ? db_opened(db) : db;
	if (!db) {
		return fail_no_memory(error);
	}
	*ret_db = db;
	return RECLAIM_OK;
}

bool db_cancelled(const struct db *db)
{
	return db->cancel && __atomic_load_n(db->cancel, __ATOMIC_RELAXED);
}

void db_close(struct db *db)
{
	if (db) {
		db_rollback(db);
		db->driver->close(db);
	}
}

enum reclaim_status db_begin(struct db *db, enum db_mode mode, struct reclaim_error *error)
{
	if (db->in_transaction) {
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': a transaction is open already", db->url->shown);
	}
	enum reclaim_status status = db->driver->begin(db, mode, error);
	db->in_transaction = status == RECLAIM_OK;
	return status;
}

enum reclaim_status db_commit(struct db *db, struct reclaim_error *error)
{
	if (!db->in_transaction) {
		return fail(error, RECLAIM_INTERNAL, "database '%s': no transaction to commit",
			    db->url->shown);
	}
	enum reclaim_status status = db->driver->commit(db, error);
	db->in_transaction = false;
	return status;
}

void db_rollback(struct db *db)
{
	if (db && db->in_transaction) {
		db->driver->rollback(db);
		db->in_transaction = false;
	}
}

enum reclaim_status db_run(struct db *db, const struct statement *statement,
			   const struct value *params, struct result *ret_result,
			   struct reclaim_error *error)
{
	return db->driver->run(db, statement, params, ret_result, error);
}

enum reclaim_status run_one_by_one(struct db *db, const struct statement *statement,
				   const struct value *params, size_t count,
				   int64_t *ret_changed, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; status == RECLAIM_OK && i < count; i++) {
		RESULT_CLEANUP struct result result = { 0 };
		status = db->driver->run(db, statement,
					 params + i * (size_t)statement->param_count, &result,
					 error);
		ret_changed[i] = statement->writes ? result.changed : (int64_t)result.rows;
	}
	return status;
}

enum reclaim_status db_run_many(struct db *db, const struct statement *statement,
				const struct value *params, size_t count, int64_t *ret_changed,
				struct reclaim_error *error)
{
	if (!db->in_transaction) {
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': %s: no transaction is open", db->url->shown,
			    statement->name);
	}
	return count == 0
		       ? RECLAIM_OK
		       : db->driver->run_many(db, statement, params, count, ret_changed, error);
}

enum reclaim_status db_script(struct db *db, const char *sql, struct reclaim_error *error)
{
	return db->driver->script(db, sql, error);
}

enum reclaim_status db_wait(struct db *db, int64_t timeout, int wake,
			    struct reclaim_error *error)
{
	return db->driver->wait(db, timeout, wake, error);
}

enum reclaim_status db_look_up(struct db *db, const char *name, struct table **ret_table,
			       struct reclaim_error *error)
{
	return db->driver->look_up(db, name, ret_table, error);
}

const char *db_lock_path(struct db *db)
{
	return db->driver->lock_path(db);
}

void result_finish(struct result *result)
{
	arena_finish(&result->arena);
	memset(result, 0, sizeof(*result));
}

const struct value *result_cell(const struct result *result, size_t row, size_t column)
{
	static const struct value none = { .type = VALUE_NULL };
	if (row >= result->rows || column >= result->columns) {
		return &none;
	}
	return &result->cells[row * result->columns + column];
}

void table_destroy(struct table *table)
{
	if (table) {
		arena_finish(&table->arena);
		free(table);
	}
}

const char *table_bare_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && dot[1] ? dot + 1 : name;
}

const struct column *table_column(const struct table *table, const char *name)
{
	int (*compare)(const char *, const char *) = table->any_case ? strcasecmp : strcmp;
	for (size_t i = 0; i < table->column_count; i++) {
		if (compare(table->columns[i].name, name) == 0) {
			return &table->columns[i];
		}
	}
	return NULL;
}
