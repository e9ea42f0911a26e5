/* Round trips: pipelines that can be cancelled, have an end, and never block while both sides want to send. */
#include "postgres.h"

#include <poll.h>

#define LOOK_EVERY (50 * USEC_PER_SEC / 1000)
/* What a network may add to the time that the server gives a statement. */
#define NETWORK (10 * USEC_PER_SEC)

static const struct bound nothing = { 0 };

static void cancel(const struct postgres *pg)
{
	char unheard[256];
	PGcancel *request = PQgetCancel(pg->handle);
	if (request) {
		PQcancel(request, unheard, sizeof(unheard));
		PQfreeCancel(request);
	}
}

/*
 * Sends what is left and waits until an answer is there; false: none came in time. The server's own limit is for one
 * statement; what has many in it is asked to end, too.
 */
static bool await(struct trip *trip, int64_t until)
{
	struct postgres *pg = trip->pg;
	for (;;) {
		int left = PQflush(pg->handle);
		if (left < 0 || !PQisBusy(pg->handle)) {
			return true; /* the answer, or the failure, is read next */
		}
		struct pollfd socket = { .fd = PQsocket(pg->handle),
					 .events = (short)(POLLIN | (left ? POLLOUT : 0)) };
		poll(&socket, 1, (int)(LOOK_EVERY / 1000));
		if (socket.revents && !PQconsumeInput(pg->handle)) {
			return true;
		}
		trip->overdue =
			trip->overdue || (trip->watch && lockwatch_is_over(trip->watch));
		bool slow = until != INT64_MAX && monotonic_now() > until - NETWORK / 2;
		if (!trip->asked && (slow || trip->overdue || postgres_cancelled(pg))) {
			cancel(pg);
			trip->asked = true;
		}
		if (monotonic_now() > until) {
			return false;
		}
	}
}

void trip_start(struct trip *trip, struct postgres *pg)
{
	*trip = (struct trip){ .pg = pg, .failed = -1 };
	trip->lost = !pg->handle || !PQenterPipelineMode(pg->handle);
}

void trip_send(struct trip *trip, const char *sql, const struct bound *bound)
{
	const struct bound *b = bound ? bound : &nothing;
	if (!trip->lost) {
		trip->lost = !PQsendQueryParams(trip->pg->handle, sql, b->count, NULL,
						b->values, b->lengths, b->formats,
						/* resultFormat= */ 1);
		trip->sent++;
	}
}

void trip_prepare(struct trip *trip, const char *sql)
{
	if (!trip->lost) {
		trip->lost = !PQsendPrepare(trip->pg->handle, "", sql, 0, NULL);
		trip->sent++;
	}
}

void trip_send_prepared(struct trip *trip, const struct bound *bound)
{
	if (!trip->lost) {
		trip->lost = !PQsendQueryPrepared(trip->pg->handle, "", bound->count,
						  bound->values, bound->lengths, bound->formats,
						  /* resultFormat= */ 1);
		trip->sent++;
	}
}

/* FATAL and PANIC end the session. */
static bool is_fatal(const PGresult *answer)
{
	const char *severity = PQresultErrorField(answer, PG_DIAG_SEVERITY_NONLOCALIZED);
	return severity && severity[0] != 'E';
}

/* Takes one answer over. */
static void take_answer(struct trip *trip, int place, PGresult *answer, answer_fn *report,
			void *context)
{
	ExecStatusType kind = PQresultStatus(answer);
	if (kind == PGRES_FATAL_ERROR || kind == PGRES_BAD_RESPONSE) {
		trip->lost |= is_fatal(answer) || PQstatus(trip->pg->handle) == CONNECTION_BAD;
		if (trip->failed < 0) {
			trip->failed = place;
			trip->failure = answer;
			return;
		}
	} else if (trip->failed < 0 && report && !trip->no_memory) {
		trip->no_memory = !report(context, place, answer);
	}
	PQclear(answer);
}

/* The answers to one thing that was sent. */
static void read_answers(struct trip *trip, int place, int64_t until, answer_fn *report,
			 void *context)
{
	PGconn *handle = trip->pg->handle;
	for (;;) {
		if (!await(trip, until)) {
			trip->lost = true;
			return;
		}
		PGresult *answer = PQgetResult(handle);
		if (!answer) {
			return;
		}
		bool last = PQresultStatus(answer) == PGRES_PIPELINE_SYNC;
		take_answer(trip, place, answer, report, context);
		if (last || trip->lost) {
			return;
		}
	}
}

static bool came_well(struct trip *trip)
{
	if (trip->lost && trip->failed < 0) {
		trip->failed = 0;
	}
	return trip->failed < 0 && !trip->no_memory;
}

bool trip_end(struct trip *trip, answer_fn *answer, void *context)
{
	struct postgres *pg = trip->pg;
	int64_t until = monotonic_now() + pg->statement + NETWORK;
	trip->lost = trip->lost || !PQpipelineSync(pg->handle);
	/* What was sent to a connection that breaks may have been answered all the same: why it broke. */
	for (int i = 0; pg->handle && i <= trip->sent; i++) {
		bool lost = trip->lost;
		read_answers(trip, i, until, answer, context);
		if (lost || trip->lost) {
			break;
		}
	}
	if (!trip->lost && !PQexitPipelineMode(pg->handle)) {
		trip->lost = true;
	}
	return came_well(trip);
}

bool trip_script(struct trip *trip, struct postgres *pg, const char *sql,
		 struct lockwatch *watch)
{
	*trip = (struct trip){ .pg = pg, .failed = -1, .sent = 1, .watch = watch };
	trip->lost = !pg->handle || !PQsendQuery(pg->handle, sql);
	if (!trip->lost) {
		read_answers(trip, 0, INT64_MAX, NULL, NULL);
	}
	return came_well(trip);
}

void trip_finish(struct trip *trip)
{
	PQclear(trip->failure);
	trip->failure = NULL;
	if (trip->lost) {
		postgres_disconnect(trip->pg);
	}
}
