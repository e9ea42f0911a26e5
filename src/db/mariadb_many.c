/*
 * One statement for many rows of parameters in one call of the engine: it answers with a sum only. Where each row can
 * change one at most, a sum as large as their number says it all; else it is undone, and they go one by one.
 */
#include "mariadb.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

/* So many in one call; and their texts not larger than this, or half of what the server takes. */
#define TOGETHER 500
#define TOGETHER_BYTES ((size_t)1 << 20)

/* The values of one marker. */
struct column_of {
	enum value_type type; /* VALUE_NULL: of all of them */
	union {
		const char **texts;
		int64_t *numbers;
		double *reals;
	} values;
	unsigned long *lengths;
	char *indicators;
};

/* False: the engine takes one type for all of them. */
static bool find_type(const struct value *first, size_t width, size_t count,
		      enum value_type *ret_type)
{
	*ret_type = VALUE_NULL;
	for (size_t i = 0; i < count; i++) {
		enum value_type type = first[i * width].type;
		if (type != VALUE_NULL && *ret_type != VALUE_NULL && type != *ret_type) {
			return false;
		}
		*ret_type = type == VALUE_NULL ? *ret_type : type;
	}
	return true;
}

static bool take_column(struct arena *arena, size_t count, struct column_of *column)
{
	/* All three are of one size. */
	column->values.texts = arena_take(arena, count * sizeof(int64_t));
	column->lengths = arena_take(arena, count * sizeof(*column->lengths));
	column->indicators = arena_take(arena, count);
	return column->values.texts && column->lengths && column->indicators;
}

static void fill_column(struct column_of *column, const struct value *first, size_t width,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value *value = &first[i * width];
		column->indicators[i] = (char)(value->type == VALUE_NULL ? STMT_INDICATOR_NULL
									 : STMT_INDICATOR_NONE);
		if (column->type == VALUE_INT) {
			column->values.numbers[i] = value->number;
		} else if (column->type == VALUE_REAL) {
			column->values.reals[i] = value->real;
		} else {
			column->values.texts[i] = value->data ? value->data : "";
			column->lengths[i] = value->data ? value->size : 0;
		}
	}
}

static MYSQL_BIND bind_column(const struct column_of *column)
{
	static const enum enum_field_types types[] = {
		[VALUE_NULL] = MYSQL_TYPE_STRING, [VALUE_INT] = MYSQL_TYPE_LONGLONG,
		[VALUE_REAL] = MYSQL_TYPE_DOUBLE, [VALUE_TEXT] = MYSQL_TYPE_STRING,
		[VALUE_BLOB] = MYSQL_TYPE_BLOB,
	};
	return (MYSQL_BIND){ .buffer_type = types[column->type],
			     .buffer = (void *)column->values.texts,
			     .length = column->lengths,
			     .u.indicator = column->indicators };
}

/* NULL: no memory; *ret_fits false: they don't fit together. */
static MYSQL_BIND *bind_columns(struct arena *arena, const struct statement *statement,
				const struct value *params, size_t count, bool *ret_fits)
{
	size_t width = (size_t)statement->param_count;
	MYSQL_BIND *binds = arena_take(arena, (size_t)statement->slot_count * sizeof(*binds));
	*ret_fits = true;
	for (int i = 0; binds && *ret_fits && i < statement->slot_count; i++) {
		struct column_of column;
		const struct value *first = params + statement->slots[i];
		*ret_fits = find_type(first, width, count, &column.type);
		if (!take_column(arena, count, &column)) {
			return NULL;
		}
		fill_column(&column, first, width, count);
		binds[i] = bind_column(&column);
	}
	return binds;
}

/* Runs it for all rows; *ret_changed: of all of them. */
static bool execute_all(struct mariadb *mariadb, const struct statement *statement,
			MYSQL_BIND *binds, size_t count, int64_t *ret_changed,
			struct maria_answer *ret_answer)
{
	unsigned rows = (unsigned)count, alone = 0;
	MYSQL_STMT *prepared =
		maria_prepare(mariadb, statement->sql, strlen(statement->sql), ret_answer);
	if (!prepared) {
		return false;
	}
	mysql_stmt_attr_set(prepared, STMT_ATTR_ARRAY_SIZE, &rows);
	bool done = mysql_stmt_param_count(prepared) == (unsigned long)statement->slot_count &&
		    mysql_stmt_bind_param(prepared, binds) == 0 &&
		    maria_execute(mariadb, prepared) == 0;
	if (done) {
		*ret_changed = (int64_t)mysql_stmt_affected_rows(prepared);
		mariadb->used_at = monotonic_now();
	} else {
		maria_answer(mariadb, prepared, ret_answer);
	}
	mysql_stmt_free_result(prepared);
	mysql_stmt_attr_set(prepared, STMT_ATTR_ARRAY_SIZE, &alone);
	return done;
}

/* Who passes over what is locked does not wait here. *ret_all: each row has changed one; if not, nothing has happened. */
static enum reclaim_status try_all(struct mariadb *mariadb, const struct statement *statement,
				   bool waits, MYSQL_BIND *binds, size_t count, bool *ret_all,
				   struct reclaim_error *error)
{
	struct maria_answer answer = { 0 };
	int64_t changed = -1;
	bool said = maria_say(mariadb, "SAVEPOINT reclaim_many") &&
		    (waits || maria_say_patience(mariadb, 0));
	bool done = said && execute_all(mariadb, statement, binds, count, &changed, &answer);
	if (!said) {
		maria_answer(mariadb, NULL, &answer);
	}
	bool lost = !done && maria_is_lost(answer.code);
	if (!lost && !waits && !maria_say_patience(mariadb, maria_lock_seconds(mariadb))) {
		maria_answer(mariadb, NULL, &answer);
		lost = true;
	}
	bool open = !lost && maria_in_transaction(mariadb);
	*ret_all = open && done && changed == (int64_t)count;
	if (*ret_all) {
		return RECLAIM_OK;
	}
	bool again =
		done || (!maria_cancelled(mariadb) && answer.code != ER_STATEMENT_TIMEOUT &&
			 !(waits && answer.code == ER_LOCK_WAIT_TIMEOUT));
	if (open && again && maria_say(mariadb, "ROLLBACK TO SAVEPOINT reclaim_many")) {
		return RECLAIM_OK;
	}
	mariadb->dropped = true;
	return maria_fail(mariadb, &answer, statement->name, /* commits= */ false, error);
}

/* One by one; so many together may take as long as a statement, so that nobody waits for ever for what they lock. */
static enum reclaim_status run_in_time(struct mariadb *mariadb,
				       const struct statement *statement,
				       const struct value *params, size_t count,
				       int64_t *ret_changed, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	int64_t start = monotonic_now();
	for (size_t i = 0; !status && i < count; i++) {
		if (i % TOGETHER == 0) {
			start = monotonic_now();
		} else if (monotonic_now() - start > mariadb->statement) {
			return maria_fail_overlong(mariadb, statement->name, error);
		}
		status = run_one_by_one(&mariadb->db, statement,
					params + i * (size_t)statement->param_count, 1,
					ret_changed + i, error);
	}
	return status;
}

static enum reclaim_status run_some(struct mariadb *mariadb, const struct statement *statement,
				    const struct value *params, size_t count,
				    int64_t *ret_changed, struct reclaim_error *error)
{
	ARENA_CLEANUP struct arena arena = { 0 };
	const struct statement *all = statement->at_once ? statement->at_once : statement;
	bool fits = false, changed_all = false;
	MYSQL_BIND *binds = bind_columns(&arena, all, params, count, &fits);
	if (!binds) {
		return fail_no_memory(error);
	}
	enum reclaim_status status =
		fits ? try_all(mariadb, all, /* waits= */ !statement->at_once, binds, count,
			       &changed_all, error)
		     : RECLAIM_OK;
	if (status || !changed_all) {
		return status ? status
			      : run_in_time(mariadb, statement, params, count, ret_changed,
					    error);
	}
	for (size_t i = 0; i < count; i++) {
		ret_changed[i] = 1;
	}
	mariadb->changed_at = mariadb->used_at;
	return RECLAIM_OK;
}

/* How many of the rows of parameters go together; one at least. */
static size_t some_of(struct mariadb *mariadb, const struct statement *statement,
		      const struct value *params, size_t count)
{
	int64_t half = maria_packet(mariadb) / 2;
	size_t most = half < (int64_t)TOGETHER_BYTES ? (size_t)half : TOGETHER_BYTES;
	size_t width = (size_t)statement->param_count, bytes = 0, some = 0;
	while (some < count && some < TOGETHER) {
		for (size_t i = 0; i < width; i++) {
			bytes += params[some * width + i].size;
		}
		if (some > 0 && bytes > most) {
			break;
		}
		some++;
	}
	return some;
}

/* The engine reads a query inside such a statement for the first row alone. */
static bool has_query(const struct statement *statement)
{
	return strcasestr(statement->sql, "select") != NULL;
}

/* A lock that is not waited for must not end the transaction; and not every server takes many rows at once. */
static bool takes_many(struct mariadb *mariadb)
{
	if (mariadb->many == MANY_UNKNOWN) {
		unsigned long able = 0;
		mariadb_get_infov(mariadb->handle,
				  MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &able);
		bool bulk = able & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32);
		mariadb->many =
			bulk && !maria_ends_on_timeout(mariadb) ? MANY_AT_ONCE : MANY_ALONE;
	}
	return mariadb->many == MANY_AT_ONCE;
}

enum reclaim_status maria_run_many(struct db *db, const struct statement *statement,
				   const struct value *params, size_t count,
				   int64_t *ret_changed, struct reclaim_error *error)
{
	struct mariadb *mariadb = (struct mariadb *)db;
	bool usable = mariadb->handle && !mariadb->broken && !mariadb->dropped;
	const struct statement *all = statement->at_once ? statement->at_once : statement;
	bool at_once = statement->many && usable && !mariadb->reading &&
		       !maria_has_parts(all) && !has_query(all) && takes_many(mariadb);
	enum reclaim_status status = RECLAIM_OK;
	if (!at_once) {
		return run_in_time(mariadb, statement, params, count, ret_changed, error);
	}
	for (size_t at = 0, some; !status && at < count; at += some) {
		const struct value *first = params + at * (size_t)statement->param_count;
		some = some_of(mariadb, statement, first, count - at);
		status = some > 1 ? run_some(mariadb, statement, first, some, ret_changed + at,
					     error)
				  : run_in_time(mariadb, statement, first, some,
						ret_changed + at, error);
	}
	return status;
}
