/*
 * What the files of the PostgreSQL driver share. Nothing depends on the session, so that a pooler may stand between:
 * every statement runs in an explicit transaction that says its own isolation and timeouts, unnamed, and in binary.
 */
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "driver.h"
#include "random.h"

#include <libpq-fe.h>

struct postgres {
	struct db db;
	PGconn *handle;   /* NULL: the connection was lost */
	PGconn *listener; /* for `wait`; NULL: none yet, or never */
	bool no_listener; /* a pooler stands between: then `wait` only waits */
	const char *shown;
	const char *settings
		[DB_MODES]; /* SQL that sets the timeouts, for the transaction it runs in */
	bool read_only;
	bool reading;      /* the open transaction is for reading */
	bool brief;        /* … or hardly waits for a lock */
	int64_t patience;  /* how long a call may wait for a lock, or for a server */
	int64_t statement; /* how long a statement may take */
	struct random jitter;
	volatile int *cancel;
};

/* ---- postgres_open.c ---- */

/* One attempt; UNAVAILABLE and its like say why. */
enum reclaim_status postgres_connect(struct postgres *pg, PGconn **ret_handle,
				     struct reclaim_error *error);
/* A connection that seems to live: the one there is, or else, after some patience, another one. */
enum reclaim_status postgres_ready(struct postgres *pg, struct reclaim_error *error);
void postgres_disconnect(struct postgres *pg);
bool postgres_cancelled(const struct postgres *pg);
/* Sleeps; false: cancelled meanwhile. */
bool postgres_nap(const struct postgres *pg, int64_t time);

/* ---- postgres_watch.c ---- */

/* Over a script that runs: whether it waits for somebody's transaction, and for whose. */
struct lockwatch {
	struct postgres *pg;
	const char *sql;
	PGconn *other; /* NULL: none yet, or it was lost */
	bool asked;
	int64_t every, next; /* looks (monotonic) */
	int64_t since;       /* when it was first seen to wait (monotonic); 0: it does not */
	struct text holders;
};

void lockwatch_start(struct lockwatch *watch, struct postgres *pg, const char *sql);
/* Looks, from time to time; true: it has waited for longer than our patience. */
bool lockwatch_is_over(struct lockwatch *watch);
void lockwatch_finish(struct lockwatch *watch);

/* ---- postgres_trip.c ---- */

/* One round trip: what is sent together and answered in this order. The first failure ends it. */
struct trip {
	struct postgres *pg;
	int sent;
	int failed;        /* the place of what failed; -1: nothing */
	PGresult *failure; /* NULL: the connection was lost without a word */
	bool lost;
	bool no_memory;
	struct lockwatch *watch; /* of a script outside of a transaction; or NULL */
	bool overdue;            /* it was cancelled because it waited for too long */
	bool asked;              /* … or for whatever reason */
};

#define TRIP_CLEANUP __attribute__((cleanup(trip_finish)))

/* Parameters as the client library wants them. */
struct bound {
	int count;
	const char **values;
	int *lengths, *formats;
};

/* Gets each answer of a trip; false: no memory. */
typedef bool answer_fn(void *context, int place, const PGresult *answer);

void trip_start(struct trip *trip, struct postgres *pg);
/* A failure to send is told by trip_end. */
void trip_send(struct trip *trip, const char *sql, const struct bound *bound);
/* The same statement many times: prepared without a name, which lasts as long as this trip. */
void trip_prepare(struct trip *trip, const char *sql);
void trip_send_prepared(struct trip *trip, const struct bound *bound);
/* Sends what is left and reads all answers; false: something failed. */
bool trip_end(struct trip *trip, answer_fn *answer, void *context);
void trip_finish(struct trip *trip);
/* A script, as it is; `watch` says when it has waited for too long, and may be NULL. */
bool trip_script(struct trip *trip, struct postgres *pg, const char *sql,
		 struct lockwatch *watch);

/* ---- postgres_value.c ---- */

enum reclaim_status postgres_fail_nul(const struct statement *statement,
				      struct reclaim_error *error);
enum reclaim_status postgres_bind(struct arena *arena, const struct statement *statement,
				  const struct value *params, struct bound *ret_bound,
				  struct reclaim_error *error);
/* False: no memory. A cell that can't be read is told in *ret_bad: its column. */
bool postgres_copy(const PGresult *answer, struct result *result, int *ret_bad);

/* What statements about a column of that built-in type depend on. */
enum column_kind postgres_kind(const char *name);

/* ---- postgres_error.c ---- */

/* Why a trip failed. `commits`: what failed may have happened, if the connection was lost. */
enum reclaim_status postgres_fail(struct postgres *pg, struct trip *trip, const char *tried,
				  const char *sql, bool commits, struct reclaim_error *error);
/* Why there is no connection; `try_again`: it may be there a little later. */
enum reclaim_status postgres_fail_connect(const struct postgres *pg, PGconn *handle,
					  bool *ret_try_again, struct reclaim_error *error);

/* ---- the slots ---- */

extern const char *const postgres_begin_sql[DB_MODES];
extern const char postgres_settle_sql[]; /* before each commit */

enum reclaim_status postgres_run(struct db *db, const struct statement *statement,
				 const struct value *params, struct result *ret_result,
				 struct reclaim_error *error);
/* ---- postgres_many.c ---- */

enum reclaim_status postgres_run_many(struct db *db, const struct statement *statement,
				      const struct value *params, size_t count,
				      int64_t *ret_changed, struct reclaim_error *error);
enum reclaim_status postgres_wait(struct db *db, int64_t timeout, int wake,
				  struct reclaim_error *error);
enum reclaim_status postgres_look_up(struct db *db, const char *name, struct table **ret_table,
				     struct reclaim_error *error);

#endif
