/*
 * Waiting for a notification. Only a session of its own can listen, so there is a second connection for it; behind a
 * pooler there is no such session, and waiting is all.
 */
#include "postgres.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY (USEC_PER_SEC / 20)
/* Without notifications something may have changed after so long. */
#define POLL_EVERY USEC_PER_SEC

/* Whether the server that answers is another one than the client library believes to talk to; no answer tells nothing. */
static bool is_pooled(PGconn *handle)
{
	PGresult *answer = PQexec(handle, "SELECT pg_catalog.pg_backend_pid()");
	bool other = PQresultStatus(answer) == PGRES_TUPLES_OK &&
		     strtol(PQgetvalue(answer, 0, 0), NULL, 10) != PQbackendPID(handle);
	PQclear(answer);
	return other;
}

static void drop_listener(struct postgres *pg)
{
	PQfinish(pg->listener);
	pg->listener = NULL;
}

static void listen(struct postgres *pg)
{
	if (pg->no_listener || pg->listener ||
	    postgres_connect(pg, &pg->listener, NULL) != RECLAIM_OK) {
		return;
	}
	PQsetnonblocking(pg->listener, 0);
	pg->no_listener = is_pooled(pg->listener);
	PGresult *answer =
		pg->no_listener ? NULL : PQexec(pg->listener, "LISTEN reclaim_ready");
	if (PQresultStatus(answer) != PGRES_COMMAND_OK) {
		drop_listener(pg);
	}
	PQclear(answer);
}

/* Whether somebody has told something since the last look. */
static bool is_notified(struct postgres *pg)
{
	bool told = false;
	PGnotify *notice;
	if (!pg->listener) {
		return false;
	}
	if (!PQconsumeInput(pg->listener)) {
		drop_listener(pg); /* the next wait tries again */
		return true;
	}
	while ((notice = PQnotifies(pg->listener))) {
		told = true;
		PQfreemem(notice);
	}
	return told;
}

enum reclaim_status postgres_wait(struct db *db, int64_t timeout, int wake,
				  struct reclaim_error *error)
{
	struct postgres *pg = (struct postgres *)db;
	int64_t start = monotonic_now();
	listen(pg);
	int64_t most = pg->listener ? INT64_MAX : POLL_EVERY;
	timeout = timeout < 0 || timeout > most ? most : timeout;
	while (!is_notified(pg)) {
		int64_t left = timeout - (monotonic_now() - start);
		if (postgres_cancelled(pg)) {
			return fail(error, RECLAIM_BUSY, "database '%s': cancelled", pg->shown);
		}
		if (left <= 0) {
			break;
		}
		struct pollfd fds[2] = {
			{ .fd = wake, .events = POLLIN },
			{ .fd = pg->listener ? PQsocket(pg->listener) : -1, .events = POLLIN },
		};
		int64_t nap = pg->cancel && left > LOOK_EVERY ? LOOK_EVERY : left;
		nap = nap > 3600 * USEC_PER_SEC ? 3600 * USEC_PER_SEC : nap;
		if (poll(fds, 2, (int)((nap + 999) / 1000)) > 0 && fds[0].revents) {
			break;
		}
	}
	return RECLAIM_OK;
}
