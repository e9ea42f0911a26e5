/* What the files of the MariaDB driver share. */
#ifndef DB_MARIADB_H
#define DB_MARIADB_H

#include "driver.h"
#include "random.h"

#include <mysql.h>

struct maria_prepared {
	MYSQL_STMT *statement;
	char *sql;
	size_t size;
	uint64_t hash; /* of its text */
	uint64_t used; /* when it was used last */
};

#define PREPARED_COUNT 64

/* Where to connect: the URL, taken apart. NULL: the client's own default, or what ~/.my.cnf says. */
struct maria_target {
	const char *user, *password, *host, *database, *socket;
	const char *ssl_ca, *ssl_cert, *ssl_key;
	unsigned port;            /* 0: the default */
	unsigned connect_timeout; /* seconds */
};

struct mariadb {
	struct db db;
	MYSQL *handle; /* NULL: no connection */
	struct maria_target target;

	int64_t patience;  /* how long a call may wait for a lock */
	int64_t statement; /* how long a statement may take */
	bool read_only;
	volatile int *cancel;

	bool reading; /* a transaction for reading is open */
	bool brief;   /* … or one that does not wait for locks */
	bool broken;  /* the connection is of no use any more */
	bool dropped; /* the engine has ended the open transaction */

	int64_t used_at;    /* the last answer (monotonic) */
	int64_t changed_at; /* when we last changed something, or connected (monotonic) */
	int64_t connect_at; /* no attempt before (monotonic) */
	int failures;       /* attempts in a row that failed */
	struct random jitter;

	int64_t packet; /* the most that the server takes in one call; 0: not asked yet */
	/* Whether many rows of parameters can go in one call. */
	enum { MANY_UNKNOWN, MANY_AT_ONCE, MANY_ALONE } many;
	uint64_t uses;
	struct maria_prepared prepared[PREPARED_COUNT];
};

/* A failure in the engine's words, kept beyond whatever gave it. */
struct maria_answer {
	unsigned code;
	char state[SQLSTATE_LENGTH + 1];
	char message[MYSQL_ERRMSG_SIZE];
};
/* The statement's, or (NULL) the connection's. */
void maria_answer(struct mariadb *mariadb, MYSQL_STMT *statement,
		  struct maria_answer *ret_answer);
bool maria_is_lost(unsigned code);
/* Turns an engine's answer into ours. `commits`: what was tried may have been kept although the answer is lost. */
enum reclaim_status maria_fail(struct mariadb *mariadb, const struct maria_answer *answer,
			       const char *tried, bool commits, struct reclaim_error *error);
/* The values of a call are more than the server takes; it would end the connection. */
enum reclaim_status maria_fail_large(struct mariadb *mariadb, const char *tried, int64_t bytes,
				     struct reclaim_error *error);
/* What is many statements takes too long. */
enum reclaim_status maria_fail_overlong(struct mariadb *mariadb, const char *tried,
					struct reclaim_error *error);

enum reclaim_status maria_target_parse(struct mariadb *mariadb, struct reclaim_error *error);

/* A connection with our settings; there is none afterwards if this fails. */
enum reclaim_status maria_connect(struct mariadb *mariadb, struct reclaim_error *error);
void maria_disconnect(struct mariadb *mariadb);
/* Outside a transaction: connects again where the connection was lost, not too often. */
enum reclaim_status maria_be_connected(struct mariadb *mariadb, struct reclaim_error *error);
/* The same; and a connection that was idle is asked first, before something that must not be lost on the way. */
enum reclaim_status maria_be_alive(struct mariadb *mariadb, struct reclaim_error *error);
bool maria_cancelled(const struct mariadb *mariadb);
/* Ends the statement that runs on this connection, from another one. */
void maria_interrupt(struct mariadb *mariadb);

/* Runs SQL without parameters and without a result; false: maria_answer tells why. */
bool maria_say(struct mariadb *mariadb, const char *sql);
/* Whether it is set that a lock's timeout ends the transaction; true, too, where that can't be asked. */
bool maria_ends_on_timeout(struct mariadb *mariadb);
/* How many bytes of values the server takes in one call; asked only about many. */
int64_t maria_packet(struct mariadb *mariadb);
/* How long a statement waits for a lock, as the engine counts it. */
int64_t maria_lock_seconds(const struct mariadb *mariadb);
/* Sets how long it waits until somebody says otherwise. */
bool maria_say_patience(struct mariadb *mariadb, int64_t seconds);
/* Sets that to what it is for now, and how long a statement may take (0: for ever). */
bool maria_say_limits(struct mariadb *mariadb, int64_t statement);
/* Whether the engine has the transaction open that we believe in. */
bool maria_in_transaction(const struct mariadb *mariadb);

/* A prepared statement from the cache, or a new one. NULL: the answer tells why. */
MYSQL_STMT *maria_prepare(struct mariadb *mariadb, const char *sql, size_t size,
			  struct maria_answer *ret_answer);
void maria_forget(struct mariadb *mariadb);
/* Executes it, whether it can be cancelled or not; as mysql_stmt_execute. */
int maria_execute(struct mariadb *mariadb, MYSQL_STMT *prepared);
bool maria_has_parts(const struct statement *statement);

/* Copies the rows of an executed statement; false: no memory, or the answer tells why. */
bool maria_fetch_all(MYSQL_STMT *statement, struct result *result, bool *ret_no_memory);

enum reclaim_status maria_begin(struct db *db, enum db_mode mode, struct reclaim_error *error);
enum reclaim_status maria_commit(struct db *db, struct reclaim_error *error);
void maria_rollback(struct db *db);
enum reclaim_status maria_run(struct db *db, const struct statement *statement,
			      const struct value *params, struct result *ret_result,
			      struct reclaim_error *error);
enum reclaim_status maria_run_many(struct db *db, const struct statement *statement,
				   const struct value *params, size_t count,
				   int64_t *ret_changed, struct reclaim_error *error);
enum reclaim_status maria_script(struct db *db, const char *sql, struct reclaim_error *error);
enum reclaim_status maria_wait(struct db *db, int64_t timeout, int wake,
			       struct reclaim_error *error);
enum reclaim_status maria_look_up(struct db *db, const char *name, struct table **ret_table,
				  struct reclaim_error *error);

#endif
