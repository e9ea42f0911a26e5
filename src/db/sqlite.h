/* What the files of the SQLite driver share. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "driver.h"
#include "random.h"

#include <sqlite3.h>

struct prepared {
	sqlite3_stmt *statement;
	uint64_t hash; /* of its text */
	uint64_t used; /* when it was used last */
};

#define PREPARED_COUNT 64

struct sqlite {
	struct db db;
	sqlite3 *handle;
	const char *file;  /* to give to the engine */
	const char *shown; /* to give to people */
	const char *path;  /* absolute, symbolic links resolved */

	int64_t patience;   /* how long a call may wait for a lock */
	int64_t wait_until; /* … and until when this one may (monotonic) */
	int naps;
	struct random jitter;
	volatile int *cancel;
	bool cancellable; /* the statement that runs may be interrupted */

	bool writing; /* a write transaction is open: it has one `now` */
	bool now_known;
	int64_t now;

	int64_t version; /* the database's as last seen */
	uint64_t uses;
	struct prepared prepared[PREPARED_COUNT];
};

/* Turns an engine's code into ours, with what was tried (a statement's name) if that helps. */
enum reclaim_status sqlite_fail(struct sqlite *sqlite, int code, const char *tried,
				struct reclaim_error *error);

/* The file of a URL, looked at before the engine does, for errors that say more than "unable to open". */
enum reclaim_status sqlite_find_file(struct sqlite *sqlite, const struct db_options *options,
				     struct reclaim_error *error);
enum reclaim_status sqlite_open_file(struct sqlite *sqlite, const struct db_options *options,
				     struct reclaim_error *error);

/* A call begins: it may wait for a lock from now on. */
void sqlite_start(struct sqlite *sqlite);
bool sqlite_cancelled(const struct sqlite *sqlite);
/* The busy handler: sleeps a little; 0: the time is over, or the call was cancelled. */
int sqlite_nap(void *context, int count);
/* Runs SQL without a result, again and again while the database is locked; the engine's code. */
int sqlite_insist(struct sqlite *sqlite, const char *sql);
/* A prepared statement from the cache, or a new one; the engine's code. */
int sqlite_prepare(struct sqlite *sqlite, const char *sql, sqlite3_stmt **ret_statement);
void sqlite_forget(struct sqlite *sqlite);
/* One integer, answered by SQL without parameters; the engine's code. */
int sqlite_ask(struct sqlite *sqlite, const char *sql, int64_t *ret_answer);

enum reclaim_status sqlite_run(struct db *db, const struct statement *statement,
			       const struct value *params, struct result *ret_result,
			       struct reclaim_error *error);
enum reclaim_status sqlite_wait(struct db *db, int64_t timeout, int wake,
				struct reclaim_error *error);
enum reclaim_status sqlite_look_up(struct db *db, const char *name, struct table **ret_table,
				   struct reclaim_error *error);

#endif
