/*
 * Statements: prepared once, run with their values, and their rows copied out.
 *
 * The engine's UPDATE returns no rows. So a text may have several parts, divided by a line `-- then`: they run in order,
 * in one transaction, each only if the one before matched or found a row. The answer is the last one's, with what was
 * changed before it; where a part finds nothing, nothing counts as changed.
 */
#include "mariadb.h"

#include <errmsg.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKERS_MAX 256
#define LOOK_FOR_CANCEL 100 /* milliseconds */

static const char divider[] = "\n-- then\n";

bool maria_has_parts(const struct statement *statement)
{
	return strstr(statement->sql, divider) != NULL;
}

static uint64_t hash_of(const char *sql, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ (unsigned char)sql[i]) * UINT64_C(0x100000001b3);
	}
	return hash;
}

static void forget(struct maria_prepared *entry)
{
	if (entry->statement) {
		mysql_stmt_close(entry->statement);
	}
	free(entry->sql);
	*entry = (struct maria_prepared){ 0 };
}

void maria_forget(struct mariadb *mariadb)
{
	for (size_t i = 0; i < PREPARED_COUNT; i++) {
		forget(&mariadb->prepared[i]);
	}
}

/* The entry of that text, or the one that was not used for longest, emptied. */
static struct maria_prepared *find_prepared(struct mariadb *mariadb, const char *sql,
					    size_t size, uint64_t hash)
{
	struct maria_prepared *oldest = &mariadb->prepared[0];
	for (size_t i = 0; i < PREPARED_COUNT; i++) {
		struct maria_prepared *entry = &mariadb->prepared[i];
		if (entry->statement && entry->hash == hash && entry->size == size &&
		    memcmp(entry->sql, sql, size) == 0) {
			return entry;
		}
		if (entry->used < oldest->used) {
			oldest = entry;
		}
	}
	forget(oldest);
	return oldest;
}

static const struct maria_answer no_memory = { .code = CR_OUT_OF_MEMORY };

MYSQL_STMT *maria_prepare(struct mariadb *mariadb, const char *sql, size_t size,
			  struct maria_answer *ret_answer)
{
	uint64_t hash = hash_of(sql, size);
	struct maria_prepared *entry = find_prepared(mariadb, sql, size, hash);
	entry->used = ++mariadb->uses;
	if (entry->statement) {
		return entry->statement;
	}
	entry->sql = malloc(size + 1);
	entry->statement = entry->sql ? mysql_stmt_init(mariadb->handle) : NULL;
	if (!entry->statement) {
		forget(entry);
		*ret_answer = no_memory;
		return NULL;
	}
	memcpy(entry->sql, sql, size);
	entry->size = size;
	entry->hash = hash;
	if (mysql_stmt_prepare(entry->statement, sql, size) != 0) {
		maria_answer(mariadb, entry->statement, ret_answer);
		forget(entry);
		return NULL;
	}
	return entry->statement;
}

static void bind_value(MYSQL_BIND *bind, const struct value *value)
{
	static const enum enum_field_types types[] = {
		[VALUE_NULL] = MYSQL_TYPE_NULL,   [VALUE_INT] = MYSQL_TYPE_LONGLONG,
		[VALUE_REAL] = MYSQL_TYPE_DOUBLE, [VALUE_TEXT] = MYSQL_TYPE_STRING,
		[VALUE_BLOB] = MYSQL_TYPE_BLOB,
	};
	bool is_number = value->type == VALUE_INT || value->type == VALUE_REAL;
	const void *data = value->type == VALUE_INT    ? (const void *)&value->number
			   : value->type == VALUE_REAL ? (const void *)&value->real
			   : value->data               ? value->data
						       : "";
	*bind = (MYSQL_BIND){
		.buffer_type = types[value->type],
		.buffer = (void *)(uintptr_t)data,
		.buffer_length = is_number ? 0 : value->size,
	};
}

/* What runs: one part of a statement's text. */
struct part {
	const char *sql;
	size_t size;
	int first_slot;
	bool last;
};

/* Less than that every server takes. */
#define SMALL 16384

/* What is too large for the server would end the connection, and nobody would know why. */
static enum reclaim_status check_size(struct mariadb *mariadb,
				      const struct statement *statement, int first, int count,
				      const struct value *params, struct reclaim_error *error)
{
	int64_t bytes = 0;
	for (int i = first; i < first + count && i < statement->slot_count; i++) {
		const struct value *value = &params[statement->slots[i]];
		bool is_long = value->type == VALUE_TEXT || value->type == VALUE_BLOB;
		bytes += is_long ? (int64_t)value->size : 0;
	}
	return bytes < SMALL || bytes <= maria_packet(mariadb)
		       ? RECLAIM_OK
		       : maria_fail_large(mariadb, statement->name, bytes, error);
}

static bool bind_all(MYSQL_STMT *prepared, const struct statement *statement,
		     const struct part *part, const struct value *params, int *ret_slots)
{
	MYSQL_BIND binds[MARKERS_MAX];
	int count = (int)mysql_stmt_param_count(prepared);
	if (count > MARKERS_MAX || part->first_slot + count > statement->slot_count) {
		return false;
	}
	for (int i = 0; i < count; i++) {
		int slot = statement->slots[part->first_slot + i];
		if (slot < 0 || slot >= statement->param_count) {
			return false;
		}
		bind_value(&binds[i], &params[slot]);
	}
	*ret_slots = count;
	return count == 0 || mysql_stmt_bind_param(prepared, binds) == 0;
}

static short poll_events(int waits)
{
	return (short)((waits & MYSQL_WAIT_READ ? POLLIN : 0) |
		       (waits & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
		       (waits & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
}

/* Waits for the server and looks at `cancel` meanwhile. */
static int execute_watched(struct mariadb *mariadb, MYSQL_STMT *prepared)
{
	int failed = 0;
	bool interrupted = false;
	int waits = mysql_stmt_execute_start(&failed, prepared);
	while (waits) {
		struct pollfd server = { .fd = (int)mysql_get_socket(mariadb->handle),
					 .events = poll_events(waits) };
		int ready = poll(&server, 1, LOOK_FOR_CANCEL);
		if (ready <= 0 && !interrupted && maria_cancelled(mariadb)) {
			interrupted = true;
			maria_interrupt(mariadb);
		}
		if (ready > 0) {
			int happened =
				(server.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0) |
				(server.revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0) |
				(server.revents & ~(POLLOUT | POLLPRI) ? MYSQL_WAIT_READ : 0);
			waits = mysql_stmt_execute_cont(&failed, prepared,
							happened & waits ? happened : waits);
		}
	}
	return failed;
}

/* A test's clock, in the place of the engine's: UTC_TIMESTAMP follows it. */
static void bind_clock(struct mariadb *mariadb)
{
	char sql[64];
	int64_t now = wall_now();
	snprintf(sql, sizeof(sql), "SET timestamp = %lld.%06d", (long long)(now / USEC_PER_SEC),
		 (int)(now % USEC_PER_SEC));
	maria_say(mariadb, sql);
}

int maria_execute(struct mariadb *mariadb, MYSQL_STMT *prepared)
{
	if (db_clock) {
		bind_clock(mariadb);
	}
	return mariadb->cancel ? execute_watched(mariadb, prepared)
			       : mysql_stmt_execute(prepared);
}

/* A procedure answers with the results of its statements, and one of its own: only the first is ours. */
static bool pass_over_rest(MYSQL_STMT *prepared)
{
	int code = 0;
	while (code == 0 && mysql_stmt_more_results(prepared)) {
		mysql_stmt_free_result(prepared);
		code = mysql_stmt_next_result(prepared);
	}
	return code <= 0;
}

/* Executes a part; `matched`: the rows that it found or changed. */
static bool run_part(struct mariadb *mariadb, MYSQL_STMT *prepared, struct result *result,
		     int64_t *ret_matched, struct maria_answer *ret_answer)
{
	bool out_of_memory = false;
	if (maria_execute(mariadb, prepared) != 0) {
		maria_answer(mariadb, prepared, ret_answer);
		return false;
	}
	int64_t changed = (int64_t)mysql_stmt_affected_rows(prepared);
	bool has_rows = mysql_stmt_field_count(prepared) > 0;
	bool done = !has_rows || maria_fetch_all(prepared, result, &out_of_memory);
	if (!done) {
		maria_answer(mariadb, prepared, ret_answer);
		if (out_of_memory || ret_answer->code == 0) {
			*ret_answer = no_memory;
		}
	}
	if (done && !pass_over_rest(prepared)) {
		maria_answer(mariadb, prepared, ret_answer);
		done = false;
	}
	*ret_matched = has_rows ? (int64_t)result->rows : changed;
	if (!has_rows) {
		result->changed = changed;
	}
	mariadb->used_at = monotonic_now();
	return done;
}

static struct part first_part(const struct statement *statement)
{
	const char *end = strstr(statement->sql, divider);
	return (struct part){ .sql = statement->sql,
			      .size = end ? (size_t)(end - statement->sql)
					  : strlen(statement->sql),
			      .last = !end };
}

static void next_part(struct part *part, int slots)
{
	part->sql += part->size + sizeof(divider) - 1;
	const char *end = strstr(part->sql, divider);
	part->size = end ? (size_t)(end - part->sql) : strlen(part->sql);
	part->first_slot += slots;
	part->last = !end;
}

static enum reclaim_status fail_markers(const struct mariadb *mariadb,
					const struct statement *statement,
					struct reclaim_error *error)
{
	return fail(error, RECLAIM_INTERNAL,
		    "database '%s': %s: its markers and its parameters don't match",
		    mariadb->db.url->shown, statement->name);
}

/* Who waits for nothing at all can't pass over what is locked: the engine fails then, and ends the transaction. */
static bool passes_over_locked(const struct mariadb *mariadb, const struct part *part)
{
	static const char words[] = "SKIP LOCKED";
	return maria_lock_seconds(mariadb) == 0 &&
	       memmem(part->sql, part->size, words, sizeof(words) - 1);
}

/* All parts, in whatever transaction there is. `commits`: there is none but the statement's own. */
static enum reclaim_status run_parts(struct mariadb *mariadb, const struct statement *statement,
				     const struct value *params, bool commits,
				     struct result *ret_result, struct reclaim_error *error)
{
	struct part part = first_part(statement);
	int64_t matched = 1, changed = 0;
	for (int slots = 0;; next_part(&part, slots)) {
		RESULT_CLEANUP struct result result = { 0 };
		struct maria_answer answer;
		MYSQL_STMT *prepared = maria_prepare(mariadb, part.sql, part.size, &answer);
		if (!prepared) {
			return maria_fail(mariadb, &answer, statement->name,
					  /* commits= */ false, error);
		}
		enum reclaim_status fits =
			check_size(mariadb, statement, part.first_slot,
				   (int)mysql_stmt_param_count(prepared), params, error);
		if (fits != RECLAIM_OK) {
			return fits;
		}
		if (!bind_all(prepared, statement, &part, params, &slots)) {
			return fail_markers(mariadb, statement, error);
		}
		bool patient = passes_over_locked(mariadb, &part);
		if (patient && !maria_say_patience(mariadb, 1)) {
			maria_answer(mariadb, NULL, &answer);
			return maria_fail(mariadb, &answer, statement->name,
					  /* commits= */ false, error);
		}
		bool done = run_part(mariadb, prepared, &result, &matched, &answer);
		enum reclaim_status status =
			done ? RECLAIM_OK
			     : maria_fail(mariadb, &answer, statement->name, commits, error);
		mysql_stmt_free_result(prepared);
		mariadb->broken |=
			patient && !mariadb->broken && !maria_say_patience(mariadb, 0);
		if (!done) {
			return status;
		}
		changed = result.changed ? result.changed : changed;
		if (part.last || matched == 0) {
			if (part.last && ret_result) {
				*ret_result = result;
				result = (struct result){ 0 };
			}
			if (ret_result) {
				ret_result->changed = matched ? changed : 0;
			}
			return RECLAIM_OK;
		}
	}
}

static enum reclaim_status run_inside(struct mariadb *mariadb,
				      const struct statement *statement,
				      const struct value *params, struct result *ret_result,
				      struct reclaim_error *error)
{
	if (mariadb->broken || mariadb->dropped) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': %s: the engine has rolled the transaction back",
			    mariadb->db.url->shown, statement->name);
	}
	enum reclaim_status status =
		run_parts(mariadb, statement, params, /* commits= */ false, ret_result, error);
	/* After a deadlock, or with innodb_rollback_on_timeout, the engine has ended it, and its answer does not say so. */
	mariadb->dropped =
		status == RECLAIM_BUSY || mariadb->broken || !maria_in_transaction(mariadb);
	return status;
}

/* Several parts by themselves: a whole transaction. */
static enum reclaim_status run_alone(struct mariadb *mariadb, const struct statement *statement,
				     const struct value *params, struct result *ret_result,
				     struct reclaim_error *error)
{
	struct db *db = &mariadb->db;
	RESULT_CLEANUP struct result result = { 0 };
	enum reclaim_status status = maria_begin(db, DB_WRITE, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	status = run_inside(mariadb, statement, params, &result, error);
	if (status != RECLAIM_OK) {
		maria_rollback(db);
		return status;
	}
	status = maria_commit(db, error);
	if (status == RECLAIM_OK && ret_result) {
		*ret_result = result;
		result = (struct result){ 0 };
	}
	return status;
}

/* By itself, and the engine's own transaction. */
static enum reclaim_status run_single(struct mariadb *mariadb,
				      const struct statement *statement,
				      const struct value *params, struct result *ret_result,
				      struct reclaim_error *error)
{
	enum reclaim_status status = statement->writes ? maria_be_alive(mariadb, error)
						       : maria_be_connected(mariadb, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	struct reclaim_error first = { 0 };
	status = run_parts(mariadb, statement, params, statement->writes, ret_result, &first);
	if (status == RECLAIM_UNAVAILABLE && mariadb->broken && !statement->writes) {
		status = maria_connect(mariadb, error);
		return status != RECLAIM_OK
			       ? status
			       : run_parts(mariadb, statement, params,
					   /* commits= */ false, ret_result, error);
	}
	return status != RECLAIM_OK ? fail(error, status, "%s", first.message) : RECLAIM_OK;
}

enum reclaim_status maria_run(struct db *db, const struct statement *statement,
			      const struct value *params, struct result *ret_result,
			      struct reclaim_error *error)
{
	struct mariadb *mariadb = (struct mariadb *)db;
	struct result result = { 0 };
	enum reclaim_status status;
	if (db->in_transaction) {
		status = run_inside(mariadb, statement, params, &result, error);
	} else if (maria_has_parts(statement)) {
		status = run_alone(mariadb, statement, params, &result, error);
	} else {
		status = run_single(mariadb, statement, params, &result, error);
	}
	if (status == RECLAIM_OK && statement->writes && result.changed > 0) {
		mariadb->changed_at = mariadb->used_at;
	}
	if (status != RECLAIM_OK || !ret_result) {
		result_finish(&result);
		return status;
	}
	*ret_result = result;
	return RECLAIM_OK;
}
