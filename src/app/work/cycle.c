/* The worker's cycle: claiming, waiting for commands and for tasks, and its connection. */
#include "clock.h"
#include "config.h"
#include "worker.h"

#define MSEC INT64_C(1000)
#define CLAIM_EVERY (50 * MSEC) /* two at most, while there is nothing */
#define CLAIM_WHEN_STIRRED (100 * MSEC)
#define POLL_FIRST (200 * MSEC)
#define TROUBLE_PAUSE (500 * MSEC)
#define HEALTH_EVERY (100 * MSEC)
#define CLAIM_AT_ONCE 32

int64_t work_jitter(struct work *work, int64_t span)
{
	return span / 2 + (int64_t)random_below(&work->random, (uint64_t)(span / 2 + 1));
}

/* ---- the connection ---- */

enum reclaim_status work_connect(struct work *work, struct reclaim_error *error)
{
	if (work->ledger) {
		return RECLAIM_OK;
	}
	struct ledger *ledger = NULL;
	enum reclaim_status status = ledger_open(&work->options, &ledger, error);
	if (!status) {
		config_override(work->app, ledger->profile);
		status = ledger_plan(ledger, error);
	}
	if (status) {
		ledger_close(ledger);
		return status;
	}
	work->ledger = ledger;
	return RECLAIM_OK;
}

bool work_may_retry(struct work *work, const struct reclaim_error *error)
{
	bool busy = error->status == RECLAIM_BUSY || error->status == RECLAIM_NO_MEMORY;
	bool broken = error->status == RECLAIM_UNAVAILABLE || error->status == RECLAIM_UNKNOWN;
	if (busy) {
		app_log(work->app, /* debug= */ true, "%s; trying again", error->message);
	} else if (broken) {
		ledger_close(work->ledger);
		work->ledger = NULL;
		app_log(work->app, /* debug= */ work->troubled, "%s; trying again",
			error->message);
		work->troubled = true;
	}
	return busy || broken;
}

void work_answered(struct work *work)
{
	if (work->troubled) {
		app_log(work->app, /* debug= */ false, "the database answers again");
	}
	work->troubled = false;
}

/* ---- claiming ---- */

void work_poll_anew(struct work *work)
{
	work->poll_pause = POLL_FIRST < work->poll ? POLL_FIRST : work->poll;
}

/* Nothing more, that is. */
static void found_nothing(struct work *work)
{
	work->idle = true;
	work->poll_at = monotonic_now() + work_jitter(work, work->poll_pause);
	work->poll_pause =
		work->poll_pause * 2 < work->poll ? work->poll_pause * 2 : work->poll;
}

/* A hint right after a look that found nothing is heard at once; many of them are not. */
static void found(struct work *work, int64_t count, int64_t asked)
{
	if (count > 0) {
		work_poll_anew(work);
		work->claim_at = 0;
	} else {
		work->claim_at = work->looked_at + CLAIM_EVERY;
		work->looked_at = monotonic_now();
	}
	if (count < asked) {
		found_nothing(work);
	}
}

/* All are known to the keeper before the first is started. */
static void start_all(struct work *work, const struct claims *claims, const char *worker)
{
	struct job *jobs[CLAIM_AT_ONCE] = { NULL };
	for (size_t i = 0; i < claims->count && i < CLAIM_AT_ONCE; i++) {
		jobs[i] = job_add(work, &claims->items[i]);
	}
	reclaim_keeper_claiming(work->keeper, -1);
	for (size_t i = 0; i < claims->count && i < CLAIM_AT_ONCE; i++) {
		if (jobs[i]) {
			job_start(jobs[i], &claims->items[i], worker);
		}
	}
}

static void claim_failed(struct work *work, const struct reclaim_error *error)
{
	work->claim_at = monotonic_now() + work_jitter(work, TROUBLE_PAUSE);
	if (!work_may_retry(work, error)) {
		work->code = app_fail(work->app, error);
		work->stops = work->stops ? work->stops : 1;
	}
}

/* A claim that was kept can be renewed; OK: it has been found out for all, and those that are ours are started. */
static enum reclaim_status settle(struct work *work, const char *worker,
				  struct reclaim_error *error)
{
	struct claims *unsure = &work->unsure;
	bool ours[CLAIM_AT_ONCE];
	size_t kept = 0;
	for (size_t i = 0; i < unsure->count; i++) {
		enum reclaim_status status =
			verb_renew(work->ledger, unsure->items[i].id, unsure->items[i].token,
				   work->keeping.lease, /* progress= */ NULL, error);
		ours[i] = status == RECLAIM_OK;
		if (status && status != RECLAIM_LOST && status != RECLAIM_NOT_FOUND &&
		    status != RECLAIM_NOT_ALLOWED && status != RECLAIM_UNSUPPORTED) {
			return status;
		}
	}
	for (size_t i = 0; i < unsure->count; i++) {
		if (ours[i]) {
			unsure->items[kept++] = unsure->items[i];
		}
	}
	unsure->count = kept;
	reclaim_keeper_claiming(work->keeper, 1);
	start_all(work, unsure, worker);
	claims_finish(unsure);
	return RECLAIM_OK;
}

static void claim(struct work *work)
{
	char worker[RECLAIM_ID_SIZE];
	struct claims claims = { 0 };
	struct reclaim_error error = { 0 };
	int64_t left = work->concurrency - work->job_count;
	struct claiming claiming = { .owner = worker,
				     .queue = work->queue,
				     .count = left < CLAIM_AT_ONCE ? left : CLAIM_AT_ONCE };
	error.status = work_connect(work, &error);
	if (error.status) {
		claim_failed(work, &error);
		return;
	}
	reclaim_keeper_worker(work->keeper, &worker);
	if (!*worker) {
		work->claim_at = monotonic_now() + CLAIM_EVERY;
		return;
	}
	if (work->unsure.count) {
		error.status = settle(work, worker, &error);
		if (error.status) {
			claim_failed(work, &error);
		}
		return;
	}
	claiming.registered = work->ledger->profile->native;
	claiming.lease = claiming.registered ? 0 : work->keeping.lease;
	reclaim_keeper_claiming(work->keeper, 1);
	error.status = verb_claim(work->ledger, &claiming, &claims, &error);
	if (error.status) {
		reclaim_keeper_claiming(work->keeper, -1);
		work->unsure = claims;
		claim_failed(work, &error);
		return;
	}
	work_answered(work);
	found(work, (int64_t)claims.count, claiming.count);
	start_all(work, &claims, worker);
	claims_finish(&claims);
}

static bool is_healthy(struct work *work)
{
	bool healthy = reclaim_keeper_healthy(work->keeper);
	if (healthy == work->unhealthy) {
		app_log(work->app, /* debug= */ false, "%s",
			healthy ? "beats are acknowledged again: claiming"
				: "no beat was acknowledged in time: claiming nothing, beating "
				  "on");
	}
	work->unhealthy = !healthy;
	return healthy;
}

static bool has_room(const struct work *work)
{
	return work->stops == 0 && work->job_count < work->concurrency;
}

static bool may_claim(struct work *work)
{
	int64_t now = monotonic_now();
	return has_room(work) && is_healthy(work) && now >= work->claim_at &&
	       (!work->idle || now >= work->poll_at);
}

/* ---- waiting ---- */

/* Until a command says or does something, it is time to do something, or somebody may have submitted a task. */
static void wait_for_hint(struct work *work, int64_t timeout)
{
	struct reclaim_error error = { 0 };
	if (db_wait(work->ledger->db, timeout, work->loop.fd, &error)) {
		work_may_retry(work, &error);
		loop_run(&work->loop, timeout);
		return;
	}
	if (loop_run(&work->loop, 0) > 0) {
		/* A command's output, or a hint, or both: look, but not for every line it prints. */
		work->claim_at = monotonic_now() + CLAIM_WHEN_STIRRED;
	}
	work->idle = false;
}

/* When it makes sense to claim again, if no hint comes before. */
static int64_t claim_due(const struct work *work, int64_t now)
{
	if (!has_room(work)) {
		return INT64_MAX;
	}
	if (work->unhealthy) {
		return now + HEALTH_EVERY;
	}
	return now < work->claim_at ? work->claim_at : work->idle ? work->poll_at : now;
}

static void wait_for_something(struct work *work)
{
	int64_t now = monotonic_now(), until = jobs_due(work), due = claim_due(work, now);
	bool hint = has_room(work) && work->idle && !work->unhealthy && now >= work->claim_at;
	until = due < until ? due : until;
	int64_t timeout = until == INT64_MAX ? -1 : until > now ? until - now : 0;
	if (hint && work->ledger && timeout > 0) {
		wait_for_hint(work, timeout);
	} else {
		loop_run(&work->loop, timeout);
	}
}

static bool is_finished(const struct work *work)
{
	return !work->jobs && (work->stops > 0 || (work->drain && work->idle));
}

void work_cycle(struct work *work)
{
	for (;;) {
		if (jobs_go_on(work)) {
			work->idle = false;
		}
		if (may_claim(work)) {
			claim(work);
		}
		if (is_finished(work)) {
			return;
		}
		wait_for_something(work);
	}
}
