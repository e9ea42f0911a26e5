/* The MariaDB driver: connections and transactions. */
#include "mariadb.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/*
 * There are no notifications: somebody may always have changed something. The longer we have had nothing to do, the less
 * often that is worth a look.
 */
#define LOOK_FIRST (USEC_PER_SEC / 20)
#define LOOK_LAST (USEC_PER_SEC / 2)
#define LOOKS_OF_QUIET 32

static struct mariadb *maria_of(struct db *db)
{
	return (struct mariadb *)db;
}

static void marker(struct text *sql, int n)
{
	(void)n;
	text_add_char(sql, '?');
}

static void maria_close(struct db *db)
{
	struct mariadb *mariadb = maria_of(db);
	maria_disconnect(mariadb);
	arena_finish(&db->arena);
	free(mariadb);
}

static void seed_jitter(struct mariadb *mariadb)
{
	uint64_t seed = (uint64_t)monotonic_now() ^ (uint64_t)getpid() << 40 ^
			(uint64_t)(uintptr_t)mariadb;
	random_seed(&mariadb->jitter, seed);
}

static enum reclaim_status check_database(struct mariadb *mariadb, struct reclaim_error *error)
{
	if (mariadb->target.database || (mariadb->handle->db && *mariadb->handle->db)) {
		return RECLAIM_OK;
	}
	return fail(error, RECLAIM_INVALID,
		    "database URL '%s' names no database; it ends with '/DATABASE'",
		    mariadb->db.url->shown);
}

static enum reclaim_status maria_open(const struct url *url, const struct db_options *options,
				      struct db **ret_db, struct reclaim_error *error)
{
	struct mariadb *mariadb = calloc(1, sizeof(*mariadb));
	if (!mariadb) {
		return fail_no_memory(error);
	}
	mariadb->db.driver = &mariadb_driver;
	mariadb->db.url = url_copy(&mariadb->db.arena, url);
	mariadb->patience = options_patience(options);
	mariadb->statement = options_statement(options);
	mariadb->read_only = options->read_only;
	mariadb->cancel = options->cancel;
	seed_jitter(mariadb);
	enum reclaim_status status =
		mariadb->db.url ? maria_target_parse(mariadb, error) : fail_no_memory(error);
	if (status == RECLAIM_OK) {
		status = maria_connect(mariadb, error);
	}
	if (status == RECLAIM_OK) {
		status = check_database(mariadb, error);
	}
	if (status != RECLAIM_OK) {
		maria_close(&mariadb->db);
		return status;
	}
	*ret_db = &mariadb->db;
	return RECLAIM_OK;
}

static bool say_begin(struct mariadb *mariadb, enum db_mode mode)
{
	int64_t statement =
		mariadb->statement < STATEMENT_BRIEF ? mariadb->statement : STATEMENT_BRIEF;
	mariadb->brief = mode == DB_WRITE_BRIEF;
	return (!mariadb->brief || maria_say_limits(mariadb, statement)) &&
	       maria_say(mariadb,
			 mode == DB_READ ? "START TRANSACTION READ ONLY" : "START TRANSACTION");
}

static void end_transaction(struct mariadb *mariadb)
{
	bool usable = mariadb->handle && !mariadb->broken;
	bool brief = mariadb->brief;
	mariadb->reading = mariadb->dropped = mariadb->brief = false;
	if (brief && usable && !maria_say_limits(mariadb, mariadb->statement)) {
		mariadb->broken = true;
	}
}

/* Nothing has happened yet: a connection that turns out to be lost is made again. */
enum reclaim_status maria_begin(struct db *db, enum db_mode mode, struct reclaim_error *error)
{
	struct mariadb *mariadb = maria_of(db);
	enum reclaim_status status = maria_be_connected(mariadb, error);
	bool begun = status == RECLAIM_OK && say_begin(mariadb, mode);
	if (status == RECLAIM_OK && !begun && maria_is_lost(mysql_errno(mariadb->handle))) {
		status = maria_connect(mariadb, error);
		begun = status == RECLAIM_OK && say_begin(mariadb, mode);
	}
	if (status == RECLAIM_OK && !begun) {
		struct maria_answer answer;
		maria_answer(mariadb, NULL, &answer);
		status = maria_fail(mariadb, &answer, "begin", /* commits= */ false, error);
		end_transaction(mariadb);
		return status;
	}
	mariadb->reading = begun && mode == DB_READ;
	mariadb->dropped = false;
	return status;
}

static enum reclaim_status fail_dropped(const struct mariadb *mariadb,
					struct reclaim_error *error)
{
	return fail(error, RECLAIM_UNAVAILABLE,
		    "database '%s': the engine has rolled the transaction back",
		    mariadb->db.url->shown);
}

enum reclaim_status maria_commit(struct db *db, struct reclaim_error *error)
{
	struct mariadb *mariadb = maria_of(db);
	if (mariadb->broken || mariadb->dropped) {
		maria_rollback(db);
		return fail_dropped(mariadb, error);
	}
	bool wrote = !mariadb->reading;
	if (maria_say(mariadb, "COMMIT")) {
		end_transaction(mariadb);
		return RECLAIM_OK;
	}
	struct maria_answer answer;
	maria_answer(mariadb, NULL, &answer);
	enum reclaim_status status = maria_fail(mariadb, &answer, "commit", wrote, error);
	maria_rollback(db);
	return status;
}

/* A connection that can't even do this is given up, and the transaction with it. */
void maria_rollback(struct db *db)
{
	struct mariadb *mariadb = maria_of(db);
	if (mariadb->handle && !mariadb->broken && !maria_say(mariadb, "ROLLBACK")) {
		mariadb->broken = true;
	}
	end_transaction(mariadb);
}

/* All statements of a text, one by one; the first failure ends it. */
static bool say_all(struct mariadb *mariadb, const char *sql)
{
	bool more = mysql_real_query(mariadb->handle, sql, strlen(sql)) == 0;
	while (more) {
		MYSQL_RES *rows = mysql_store_result(mariadb->handle);
		if (rows) {
			mysql_free_result(rows);
		}
		if (mysql_errno(mariadb->handle) != 0) {
			return false;
		}
		more = mysql_next_result(mariadb->handle) == 0;
	}
	return mysql_errno(mariadb->handle) == 0;
}

static enum reclaim_status run_script(struct mariadb *mariadb, const char *sql,
				      struct reclaim_error *error)
{
	bool inside = mariadb->db.in_transaction;
	mysql_set_server_option(mariadb->handle, MYSQL_OPTION_MULTI_STATEMENTS_ON);
	/* An index of a large table takes its time. */
	bool done = maria_say_limits(mariadb, /* statement= */ 0) && say_all(mariadb, sql);
	enum reclaim_status status = RECLAIM_OK;
	if (!done) {
		struct maria_answer answer;
		maria_answer(mariadb, NULL, &answer);
		status = maria_fail(mariadb, &answer, "script", !inside, error);
	}
	if (!mariadb->broken) {
		mysql_set_server_option(mariadb->handle, MYSQL_OPTION_MULTI_STATEMENTS_OFF);
		mariadb->broken = !maria_say_limits(mariadb, mariadb->statement);
		mariadb->used_at = monotonic_now();
	}
	return status;
}

/* Statements that change the schema commit by themselves here; what follows them gets a transaction again. */
enum reclaim_status maria_script(struct db *db, const char *sql, struct reclaim_error *error)
{
	struct mariadb *mariadb = maria_of(db);
	enum reclaim_status status = !db->in_transaction ? maria_be_alive(mariadb, error)
				     : mariadb->broken || mariadb->dropped
					     ? fail_dropped(mariadb, error)
					     : RECLAIM_OK;
	if (status == RECLAIM_OK) {
		status = run_script(mariadb, sql, error);
	}
	bool open = mariadb->handle && !mariadb->broken && maria_in_transaction(mariadb);
	if (status != RECLAIM_OK) {
		mariadb->dropped = db->in_transaction && !open;
		if (!db->in_transaction) {
			maria_rollback(db);
		}
		return status;
	}
	if (!db->in_transaction && open) {
		maria_rollback(db);
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': a script left its transaction open",
			    db->url->shown);
	}
	if (db->in_transaction && !open && !maria_say(mariadb, "START TRANSACTION")) {
		mariadb->dropped = true;
		return fail_dropped(mariadb, error);
	}
	return RECLAIM_OK;
}

static int64_t look_after(const struct mariadb *mariadb)
{
	int64_t pause = (monotonic_now() - mariadb->changed_at) / LOOKS_OF_QUIET;
	return pause < LOOK_FIRST ? LOOK_FIRST : pause < LOOK_LAST ? pause : LOOK_LAST;
}

enum reclaim_status maria_wait(struct db *db, int64_t timeout, int wake,
			       struct reclaim_error *error)
{
	struct mariadb *mariadb = maria_of(db);
	struct pollfd woken = { .fd = wake, .events = POLLIN };
	int64_t pause = look_after(mariadb);
	int64_t until = monotonic_now() + (timeout < 0 || timeout > pause ? pause : timeout);
	for (int64_t left; (left = until - monotonic_now()) > 0;) {
		int64_t nap =
			mariadb->cancel && left > USEC_PER_SEC / 20 ? USEC_PER_SEC / 20 : left;
		struct timespec time = { .tv_nsec = (long)(nap * 1000) };
		if (ppoll(&woken, 1, &time, NULL) > 0) {
			return RECLAIM_OK;
		}
		if (maria_cancelled(mariadb)) {
			return fail(error, RECLAIM_BUSY, "database '%s': cancelled",
				    db->url->shown);
		}
	}
	return RECLAIM_OK;
}

static const char *maria_lock_path(struct db *db)
{
	(void)db;
	return NULL;
}

static const char *const schemes[] = { "mariadb", "mysql", NULL };

/* The third column names the table, the fourth (behind one of partitions: the fifth) how it is read. */
static bool plan_scans(const struct result *plan, const struct table *table, const char *name)
{
	(void)table;
	enum { TABLE = 2, TYPE = 3 };
	bool scans = false;
	for (size_t i = 0; i < plan->rows; i++) {
		const struct value *cell = result_cell(plan, i, TABLE);
		bool named = cell->type == VALUE_TEXT && strcasecmp(cell->data, name) == 0;
		for (size_t type = TYPE; named && type <= TYPE + 1; type++) {
			const struct value *value = result_cell(plan, i, type);
			scans |= value->type == VALUE_TEXT && strcmp(value->data, "ALL") == 0;
		}
	}
	return scans;
}

const struct db_driver mariadb_driver = {
	.name = "mariadb",
	.schemes = schemes,
	.quote = '`',
	.native_time = TIME_UTC,
	.explain = "EXPLAIN ",
	.plan_scans = plan_scans,
	.own_prefix = "reclaim_",
	.whole_indexes = true,
	.marks_by_place = false,
	.marker = marker,
	.open = maria_open,
	.close = maria_close,
	.begin = maria_begin,
	.commit = maria_commit,
	.rollback = maria_rollback,
	.run = maria_run,
	.run_many = maria_run_many,
	.script = maria_script,
	.wait = maria_wait,
	.look_up = maria_look_up,
	.lock_path = maria_lock_path,
};
