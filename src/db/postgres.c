/* The PostgreSQL driver: connections and transactions. */
#include "postgres.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long what is brief waits for a lock: about as long as a transaction of a worker has one. */
#define BRIEF_WAIT (USEC_PER_SEC / 50)

const char *const postgres_begin_sql[DB_MODES] = {
	[DB_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	[DB_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
	[DB_WRITE_BRIEF] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
};

/* What a constraint refuses is refused here, not by the commit. */
const char postgres_settle_sql[] = "SET CONSTRAINTS ALL IMMEDIATE";

static struct postgres *postgres_of(struct db *db)
{
	return (struct postgres *)db;
}

static void marker(struct text *sql, int n)
{
	text_printf(sql, "$%d", n);
}

static void postgres_close(struct db *db)
{
	struct postgres *pg = postgres_of(db);
	PQfinish(pg->handle);
	PQfinish(pg->listener);
	arena_finish(&db->arena);
	free(pg);
}

/*
 * For the transaction alone: a pooler may give the session to somebody else. Who only reads wants the first rows in the
 * order of an index; where statistics know nothing of rows that were changed just now, other ways look cheaper.
 */
static const char *settings_sql(struct postgres *pg, enum db_mode mode)
{
	bool brief = mode == DB_WRITE_BRIEF && pg->patience > BRIEF_WAIT;
	int64_t lock = (brief ? BRIEF_WAIT : pg->patience) / 1000;
	int64_t idle = (pg->statement > STATEMENT_MIN ? pg->statement : STATEMENT_MIN) / 1000;
	bool short_one = mode == DB_WRITE_BRIEF && pg->statement > STATEMENT_BRIEF;
	int64_t statement = (short_one ? STATEMENT_BRIEF : pg->statement) / 1000;
	return arena_printf(
		&pg->db.arena,
		"SELECT pg_catalog.set_config('lock_timeout', '%" PRId64
		"', true), pg_catalog.set_config('statement_timeout', '%" PRId64
		"', true), pg_catalog.set_config("
		"'idle_in_transaction_session_timeout', '%" PRId64
		"', true), pg_catalog.set_config('standard_conforming_strings', 'on', true)%s",
		lock > 0 ? lock : 1, statement > 0 ? statement : 1, idle,
		mode != DB_READ ? ""
				: ", pg_catalog.set_config('enable_bitmapscan', 'off', true)"
				  ", pg_catalog.set_config('enable_hashjoin', 'off', true)"
				  ", pg_catalog.set_config('enable_mergejoin', 'off', true)"
				  ", pg_catalog.set_config('jit', 'off', true)");
}

static void set_up(struct postgres *pg, const struct db_options *options)
{
	int64_t longest = INT64_C(2000000000) * 1000; /* what the engine's timeouts can say */
	pg->read_only = options->read_only;
	pg->patience = options_patience(options);
	pg->patience = pg->patience < longest ? pg->patience : longest;
	pg->statement = options_statement(options);
	pg->statement = pg->statement < longest ? pg->statement : longest;
	pg->cancel = options->cancel;
	random_seed(&pg->jitter, (uint64_t)monotonic_now() ^ (uint64_t)getpid() << 40 ^
					 (uint64_t)(uintptr_t)pg);
}

static enum reclaim_status postgres_open(const struct url *url,
					 const struct db_options *options, struct db **ret_db,
					 struct reclaim_error *error)
{
	struct postgres *pg = calloc(1, sizeof(*pg));
	if (!pg) {
		return fail_no_memory(error);
	}
	enum reclaim_status status;
	set_up(pg, options);
	pg->db.driver = &postgres_driver;
	pg->db.url = url_copy(&pg->db.arena, url);
	bool known = pg->db.url != NULL;
	for (int mode = DB_READ; mode < DB_MODES; mode++) {
		pg->settings[mode] = settings_sql(pg, (enum db_mode)mode);
		known &= pg->settings[mode] != NULL;
	}
	if (known) {
		pg->shown = pg->db.url->shown;
		status = postgres_connect(pg, &pg->handle, error);
	} else {
		status = fail_no_memory(error);
	}
	if (status != RECLAIM_OK) {
		postgres_close(&pg->db);
		return status;
	}
	*ret_db = &pg->db;
	return RECLAIM_OK;
}

/* Nothing has happened yet, so that a connection that proves dead is simply replaced, once. */
static enum reclaim_status postgres_begin(struct db *db, enum db_mode mode,
					  struct reclaim_error *error)
{
	struct postgres *pg = postgres_of(db);
	enum reclaim_status status = RECLAIM_UNAVAILABLE;
	bool lost = true;
	if (pg->read_only) {
		mode = DB_READ;
	}
	for (int attempt = 0; attempt < 2 && lost; attempt++) {
		struct trip TRIP_CLEANUP trip = { 0 };
		status = postgres_ready(pg, error);
		if (status != RECLAIM_OK) {
			return status;
		}
		trip_start(&trip, pg);
		trip_send(&trip, postgres_begin_sql[mode], NULL);
		trip_send(&trip, pg->settings[mode], NULL);
		if (!trip_end(&trip, NULL, NULL)) {
			status = postgres_fail(pg, &trip, "begin", "", /* commits= */ false,
					       error);
		}
		lost = trip.lost;
	}
	pg->reading = mode == DB_READ;
	pg->brief = mode == DB_WRITE_BRIEF;
	return status;
}

static void postgres_rollback(struct db *db)
{
	struct postgres *pg = postgres_of(db);
	if (pg->handle && PQtransactionStatus(pg->handle) != PQTRANS_IDLE) {
		struct trip TRIP_CLEANUP trip = { 0 };
		trip_start(&trip, pg);
		trip_send(&trip, "ROLLBACK", NULL);
		/* A session whose transaction can't be ended is of no use. */
		trip.lost = !trip_end(&trip, NULL, NULL) || trip.lost;
	}
}

/* A COMMIT of a transaction that has failed is answered with ROLLBACK. */
static bool see_commit(void *context, int place, const PGresult *answer)
{
	bool *rolled_back = context;
	(void)place;
	*rolled_back = strcmp(PQcmdStatus((PGresult *)(uintptr_t)answer), "ROLLBACK") == 0;
	return true;
}

static enum reclaim_status postgres_commit(struct db *db, struct reclaim_error *error)
{
	struct postgres *pg = postgres_of(db);
	struct trip TRIP_CLEANUP trip = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	bool rolled_back = false;
	if (!pg->handle) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': commit: the connection was lost before, and the "
			    "transaction with it",
			    pg->shown);
	}
	trip_start(&trip, pg);
	if (!pg->reading) {
		trip_send(&trip, postgres_settle_sql, NULL);
	}
	trip_send(&trip, "COMMIT", NULL);
	if (!trip_end(&trip, see_commit, &rolled_back)) {
		status = postgres_fail(pg, &trip, "commit", "", /* commits= */ !pg->reading,
				       error);
		postgres_rollback(db);
	} else if (rolled_back) {
		status = fail(error, RECLAIM_UNAVAILABLE,
			      "database '%s': the engine has rolled the transaction back",
			      pg->shown);
	}
	return status;
}

/* What has no transaction has none of our settings: there a server may read a backslash in its own way. */
static enum reclaim_status check_strings(struct postgres *pg, const char *sql,
					 struct reclaim_error *error)
{
	static const char name[] = "standard_conforming_strings";
	const char *value = pg->handle ? PQparameterStatus(pg->handle, name) : NULL;
	return !value || strcmp(value, "on") == 0 || !strchr(sql, '\\')
		       ? RECLAIM_OK
		       : fail(error, RECLAIM_UNSUPPORTED,
			      "database '%s': script: it has a backslash, and %s is '%s'; "
			      "allowed: on (ALTER ROLE ... SET %s = on sets it)",
			      pg->shown, name, value, name);
}

/* Outside a transaction it is one by itself, or, like CREATE INDEX CONCURRENTLY, none. */
static enum reclaim_status postgres_script(struct db *db, const char *sql,
					   struct reclaim_error *error)
{
	struct postgres *pg = postgres_of(db);
	struct trip TRIP_CLEANUP trip = { 0 };
	struct lockwatch watch;
	enum reclaim_status status =
		db->in_transaction ? RECLAIM_OK : postgres_ready(pg, error);
	if (status == RECLAIM_OK && !db->in_transaction) {
		status = check_strings(pg, sql, error);
	}
	lockwatch_start(&watch, pg, sql);
	if (status == RECLAIM_OK &&
	    !trip_script(&trip, pg, sql, db->in_transaction ? NULL : &watch)) {
		status = postgres_fail(pg, &trip, "script", sql,
				       /* commits= */ !db->in_transaction, error);
	}
	lockwatch_finish(&watch);
	if (!db->in_transaction) {
		postgres_rollback(db);
	}
	return status;
}

/* Processes meet at the server, not at a file. */
static const char *postgres_lock_path(struct db *db)
{
	(void)db;
	return NULL;
}

static const char *const system_schemas[] = { "pg_catalog", "information_schema", NULL };
static const char *const schemes[] = { "postgres", "postgresql", NULL };

/* "  ->  Parallel Seq Scan on jobs_2024 t_1": a partition's name has a number behind it. */
static bool plan_scans(const struct result *plan, const struct table *table, const char *name)
{
	(void)table;
	bool scans = false;
	size_t size = strlen(name);
	for (size_t i = 0; i < plan->rows; i++) {
		const struct value *line = result_cell(plan, i, 0);
		const char *text = line->type == VALUE_TEXT ? line->data : "";
		const char *last = strstr(text, "Seq Scan on ") ? strrchr(text, ' ') : NULL;
		scans |= last && strncmp(last + 1, name, size) == 0 &&
			 (!last[size + 1] || last[size + 1] == '_');
	}
	return scans;
}

const struct db_driver postgres_driver = {
	.name = "postgres",
	.schemes = schemes,
	.quote = '"',
	.native_time = TIME_ZONED,
	.system_schemas = system_schemas,
	.explain = "EXPLAIN (COSTS OFF) ",
	.plan_scans = plan_scans,
	.own_prefix = "reclaim.",
	/* Each occurrence of a parameter gets the type of its own place. */
	.marks_by_place = false,
	.marker = marker,
	.open = postgres_open,
	.close = postgres_close,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.run = postgres_run,
	.run_many = postgres_run_many,
	.script = postgres_script,
	.wait = postgres_wait,
	.look_up = postgres_look_up,
	.lock_path = postgres_lock_path,
};
