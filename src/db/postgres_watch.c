/*
 * A script outside of a transaction (an index that is made CONCURRENTLY) has no timeouts that a pooler could not carry
 * to somebody else's session. So it is looked at over another connection: whether it waits, and for whom.
 */
#include "postgres.h"

#include <string.h>

#define LOOK_MIN (USEC_PER_SEC / 20)
#define LOOK_MAX USEC_PER_SEC

/* Its text tells which backend runs it: behind a pooler the client library knows another number. */
static const char holders_sql[] =
	"SELECT pg_catalog.string_agg(coalesce('backend ' || h.pid || coalesce(' of ' || "
	"h.usename, '')"
	" || coalesce(' (' || nullif(h.application_name, '') || ')', '') || coalesce(', ' || "
	"h.state, '')"
	" || coalesce(', in its transaction for ' || pg_catalog.round(extract(epoch FROM"
	" pg_catalog.clock_timestamp() - h.xact_start)) || ' s', ''), 'a prepared "
	"transaction'), '; '"
	" ORDER BY h.xact_start)"
	" FROM (SELECT a.pid, a.usename, a.application_name, a.state, a.xact_start"
	" FROM (SELECT DISTINCT p.pid FROM pg_catalog.pg_stat_activity AS w,"
	" pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS p(pid)"
	" WHERE w.datname = pg_catalog.current_database() AND w.usename = current_user"
	" AND w.wait_event_type = 'Lock' AND w.query <> ''"
	" AND pg_catalog.starts_with($1, w.query)) AS b"
	" LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid"
	" ORDER BY a.xact_start LIMIT 3) AS h";

void lockwatch_start(struct lockwatch *watch, struct postgres *pg, const char *sql)
{
	int64_t every = pg->patience / 4;
	*watch = (struct lockwatch){ .pg = pg, .sql = sql };
	watch->every = every < LOOK_MIN ? LOOK_MIN : every > LOOK_MAX ? LOOK_MAX : every;
	watch->next = monotonic_now() + watch->every;
}

void lockwatch_finish(struct lockwatch *watch)
{
	PQfinish(watch->other);
	text_finish(&watch->holders);
	*watch = (struct lockwatch){ 0 };
}

static void give_up_look(struct lockwatch *watch)
{
	PQfinish(watch->other);
	watch->other = NULL;
	watch->asked = false;
}

static void ask(struct lockwatch *watch)
{
	if (!watch->other) {
		if (postgres_connect(watch->pg, &watch->other, NULL) != RECLAIM_OK) {
			return;
		}
		PQsetnonblocking(watch->other, 0);
	}
	watch->asked = PQsendQueryParams(watch->other, holders_sql, 1, NULL, &watch->sql, NULL,
					 NULL, /* resultFormat= */ 0);
	if (!watch->asked) {
		give_up_look(watch);
	}
}

static void note(struct lockwatch *watch, const char *holders)
{
	int64_t now = monotonic_now();
	watch->since = !*holders ? 0 : watch->since ? watch->since : now;
	text_clear(&watch->holders);
	text_add_visible(&watch->holders, holders, strlen(holders));
}

/* The answer, if it is there: nobody waits for it, it could be the one that waits. */
static void hear(struct lockwatch *watch)
{
	if (!PQconsumeInput(watch->other)) {
		give_up_look(watch);
		return;
	}
	if (PQisBusy(watch->other)) {
		return;
	}
	PGresult *answer;
	while ((answer = PQgetResult(watch->other))) {
		if (PQresultStatus(answer) == PGRES_TUPLES_OK) {
			note(watch, PQgetvalue(answer, 0, 0));
		}
		PQclear(answer);
	}
	watch->asked = false;
	watch->next = monotonic_now() + watch->every;
}

bool lockwatch_is_over(struct lockwatch *watch)
{
	if (watch->asked) {
		hear(watch);
	} else if (monotonic_now() >= watch->next) {
		watch->next = monotonic_now() + watch->every;
		ask(watch);
	}
	return watch->since && monotonic_now() - watch->since > watch->pg->patience;
}
