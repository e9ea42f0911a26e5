/* The SQLite driver: connections and transactions. */
#include "sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define NAP_MIN (USEC_PER_SEC / 1000)
#define NAP_MAX (USEC_PER_SEC / 20)

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)db;
}

static void marker(struct text *sql, int n)
{
	text_printf(sql, "?%d", n);
}

void sqlite_start(struct sqlite *sqlite)
{
	sqlite->wait_until = monotonic_now() + sqlite->patience;
	sqlite->naps = 0;
}

bool sqlite_cancelled(const struct sqlite *sqlite)
{
	return sqlite->cancel && __atomic_load_n(sqlite->cancel, __ATOMIC_RELAXED);
}

/* From 1 ms on, half as long again each time, up to 50 ms; each between a half and the whole of it. */
int sqlite_nap(void *context, int count)
{
	struct sqlite *sqlite = context;
	(void)count; /* it starts anew with each lock of a call */
	int64_t left = sqlite->wait_until - monotonic_now();
	if (left <= 0 || sqlite_cancelled(sqlite)) {
		return 0;
	}
	int64_t nap = NAP_MIN;
	for (int i = 0; i < sqlite->naps && nap < NAP_MAX; i++) {
		nap += nap / 2;
	}
	sqlite->naps++;
	nap = nap < NAP_MAX ? nap : NAP_MAX;
	nap = nap / 2 + (int64_t)random_below(&sqlite->jitter, (uint64_t)(nap / 2 + 1));
	nap = nap < left ? nap : left;
	struct timespec time = { .tv_nsec = (long)(nap * 1000) };
	nanosleep(&time, NULL);
	return 1;
}

static void sqlite_close(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);
	sqlite_forget(sqlite);
	sqlite3_close(sqlite->handle);
	arena_finish(&db->arena);
	free(sqlite);
}

static void seed_jitter(struct sqlite *sqlite)
{
	uint64_t seed = (uint64_t)monotonic_now() ^ (uint64_t)getpid() << 40 ^
			(uint64_t)(uintptr_t)sqlite;
	random_seed(&sqlite->jitter, seed);
}

static enum reclaim_status sqlite_open(const struct url *url, const struct db_options *options,
				       struct db **ret_db, struct reclaim_error *error)
{
	struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
	if (!sqlite) {
		return fail_no_memory(error);
	}
	enum reclaim_status status;
	sqlite->db.driver = &sqlite_driver;
	sqlite->db.url = url_copy(&sqlite->db.arena, url);
	sqlite->patience = options_patience(options);
	sqlite->cancel = options->cancel;
	seed_jitter(sqlite);
	sqlite_start(sqlite);
	if (!sqlite->db.url) {
		status = fail_no_memory(error);
		goto failed;
	}
	status = sqlite_find_file(sqlite, options, error);
	if (status != RECLAIM_OK) {
		goto failed;
	}
	status = sqlite_open_file(sqlite, options, error);
	if (status != RECLAIM_OK) {
		goto failed;
	}
	*ret_db = &sqlite->db;
	return RECLAIM_OK;
failed:
	sqlite_close(&sqlite->db);
	return status;
}

static void sqlite_rollback(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);
	if (!sqlite3_get_autocommit(sqlite->handle)) {
		sqlite_insist(sqlite, "ROLLBACK");
	}
	sqlite->writing = false;
}

static enum reclaim_status sqlite_begin(struct db *db, enum db_mode mode,
					struct reclaim_error *error)
{
	struct sqlite *sqlite = sqlite_of(db);
	sqlite_start(sqlite);
	int code = sqlite_insist(sqlite, mode != DB_READ ? "BEGIN IMMEDIATE" : "BEGIN");
	if (code != SQLITE_OK) {
		enum reclaim_status status = sqlite_fail(sqlite, code, "begin", error);
		sqlite_rollback(db);
		return status;
	}
	sqlite->writing = mode != DB_READ;
	sqlite->now_known = sqlite->writing;
	if (sqlite->writing) {
		sqlite->now = wall_now();
	}
	return RECLAIM_OK;
}

static enum reclaim_status sqlite_commit(struct db *db, struct reclaim_error *error)
{
	struct sqlite *sqlite = sqlite_of(db);
	sqlite_start(sqlite);
	if (sqlite3_get_autocommit(sqlite->handle)) {
		sqlite->writing = false;
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': the engine has rolled the transaction back",
			    sqlite->shown);
	}
	int code = sqlite_insist(sqlite, "COMMIT");
	enum reclaim_status status =
		code == SQLITE_OK ? RECLAIM_OK : sqlite_fail(sqlite, code, "commit", error);
	sqlite_rollback(db);
	return status;
}

static enum reclaim_status sqlite_script(struct db *db, const char *sql,
					 struct reclaim_error *error)
{
	struct sqlite *sqlite = sqlite_of(db);
	sqlite_start(sqlite);
	if (db->in_transaction && sqlite3_get_autocommit(sqlite->handle)) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': the engine has rolled the transaction back",
			    sqlite->shown);
	}
	sqlite->now_known = sqlite->writing;
	int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		enum reclaim_status status = sqlite_fail(sqlite, code, "script", error);
		if (!db->in_transaction) {
			sqlite_rollback(db);
		}
		return status;
	}
	if (!db->in_transaction && !sqlite3_get_autocommit(sqlite->handle)) {
		sqlite_rollback(db);
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': a script left its transaction open", sqlite->shown);
	}
	return RECLAIM_OK;
}

static const char *sqlite_lock_path(struct db *db)
{
	return sqlite_of(db)->path;
}

static const char *const schemes[] = { "sqlite", NULL };

/* Whether the plan's line goes through an index that holds some of the rows only. */
static bool goes_by_partial(const char *line, const struct table *table)
{
	static const char by[] = " INDEX ";
	const char *name = strstr(line, by);
	bool partial = false;
	for (size_t i = 0; name && i < table->index_count; i++) {
		const struct table_index *index = &table->indexes[i];
		partial |= index->partial && strcmp(index->name, name + strlen(by)) == 0;
	}
	return partial;
}

/* "SCAN jobs", "SCAN jobs USING INDEX jobs_state"; in older versions "SCAN TABLE jobs AS t". */
static bool plan_scans(const struct result *plan, const struct table *table, const char *name)
{
	bool scans = false;
	for (size_t i = 0; i < plan->rows; i++) {
		const struct value *detail = result_cell(plan, i, plan->columns - 1);
		if (detail->type != VALUE_TEXT) {
			continue;
		}
		const char *line = detail->data;
		const char *end = strstr(line, " USING ");
		size_t size = end ? (size_t)(end - line) : strlen(line), word = strlen(name);
		scans |= strncmp(line, "SCAN ", 5) == 0 && size > word &&
			 strncasecmp(line + size - word, name, word) == 0 &&
			 line[size - word - 1] == ' ' && !goes_by_partial(line, table);
	}
	return scans;
}

const struct db_driver sqlite_driver = {
	.name = "sqlite",
	.schemes = schemes,
	.quote = '"',
	.native_time = TIME_EPOCH_US,
	.explain = "EXPLAIN QUERY PLAN ",
	.plan_scans = plan_scans,
	.own_prefix = "reclaim_",
	.flat_names = true,
	.loose_types = true,
	.marks_by_place = true,
	.marker = marker,
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.run = sqlite_run,
	.run_many = run_one_by_one,
	.script = sqlite_script,
	.wait = sqlite_wait,
	.look_up = sqlite_look_up,
	.lock_path = sqlite_lock_path,
};
