/* The loop: what is due next, and what becomes of a pass that could not be made. */
#include "daemon.h"

#include "clock.h"
#include "config.h"
#include "duration.h"
#include "evidence.h"
#include "outage.h"
#include "told.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define MSEC INT64_C(1000)
#define EVIDENCE_EVERY (100 * MSEC)
#define WORKERS_EVERY USEC_PER_SEC
#define LOOK_UP_EVERY (500 * MSEC) /* at whether we are to stop */
#define PRUNE_EVERY (3600 * USEC_PER_SEC)
#define BACKOFF_FIRST (50 * MSEC)
#define BACKOFF_MOST (5 * USEC_PER_SEC)

struct sweeper {
	struct app *app;
	const struct daemon_options *options;
	struct profile *profile; /* stays when the database goes */
	struct ledger *ledger;   /* NULL: to be opened */
	struct told told;
	struct watch watch;
	struct random random;
	struct clocks clocks; /* at the last look */
	int64_t interval, started;
	int64_t next_pass, next_evidence, next_workers, next_prune;
	bool swept;     /* there was a pass */
	bool far_ahead; /* the turn is further off than an interval: a clock was wrong */
	int failures;   /* in a row */
	int misses;     /* those of them that were out of reach */
	bool locked_out;
	int64_t tried_at, away_since;
	bool stopped;
};

static bool must_stop(const struct sweeper *s)
{
	return s->stopped || __atomic_load_n(&s->app->cancel, __ATOMIC_RELAXED);
}

/* ---- away and back ---- */

/* One failure alone is a reconnect; a lock that outlasts our patience outlasts leases too. */
static bool is_away(const struct sweeper *s)
{
	return s->misses > 1 || s->locked_out;
}

static int64_t backoff_time(struct sweeper *s)
{
	int shift = s->failures < 8 ? s->failures - 1 : 7;
	int64_t most = s->interval < BACKOFF_MOST ? s->interval : BACKOFF_MOST;
	int64_t wait = BACKOFF_FIRST << shift;
	wait = wait < most ? wait : most;
	return wait * 4 / 5 + (int64_t)random_below(&s->random, (uint64_t)(wait * 2 / 5) + 1);
}

/* `seen`: the ledger is there. If a pass is refused all the same, its workers can beat: silence need not wait. */
static void note_failure(struct sweeper *s, bool seen, const struct reclaim_error *error)
{
	if (must_stop(s)) {
		return;
	}
	bool away = !seen || error->status != RECLAIM_INVALID;
	s->failures++;
	if (away && s->misses++ == 0) {
		s->away_since = s->tried_at;
	}
	s->locked_out |= error->status == RECLAIM_BUSY;
	app_log(s->app, /* debug= */ s->failures != 2, "the ledger %s, trying on: %s",
		away ? "is out of reach" : "can't be swept", error->message);
	if (error->status != RECLAIM_BUSY) {
		ledger_close(s->ledger);
		s->ledger = NULL;
		watch_finish(&s->watch);
	}
	s->next_pass = boot_now() + backoff_time(s);
}

static void note_success(struct sweeper *s)
{
	struct text TEXT_CLEANUP length = { 0 };
	if (is_away(s)) {
		duration_print_human(&length, boot_now() - s->away_since);
		app_log(s->app, /* debug= */ false, "the ledger is back after %s",
			text_string(&length));
	}
	s->failures = s->misses = 0;
	s->locked_out = false;
}

/* How long nobody could give a sign: the ledger was out of reach, or a clock says that more has passed. */
static int64_t blind_time(const struct sweeper *s, const struct clocks *now)
{
	int64_t away = is_away(s) ? now->boot - s->away_since : 0;
	int64_t jump = clocks_jump(&s->clocks, now, s->profile);
	return away > jump ? away : jump;
}

/* Sees to it that there is a ledger in sight, and that whoever was not is given time. */
static enum reclaim_status look(struct sweeper *s, struct reclaim_error *error)
{
	enum reclaim_status status =
		s->ledger ? RECLAIM_OK : app_open_ledger(s->app, &s->ledger, error);
	if (!status) {
		status = ledger_plan(s->ledger, error);
	}
	struct clocks now = { .engine = NO_TIME };
	if (!status) {
		status = clocks_read(s->ledger, &now, error);
	}
	if (!status) {
		status = record_outage(s->app, s->ledger, blind_time(s, &now), error);
	}
	if (!status) {
		s->clocks = now;
	}
	return status;
}

/* ---- a pass ---- */

/* The next tick of the grid that began at `start`. */
static int64_t next_tick(int64_t start, int64_t interval)
{
	int64_t since = boot_now() - start;
	return start + (since / interval + 1) * interval;
}

/* Nobody needs to sweep before the turn says so; a sweeper of another pace must not be waited for. */
static enum reclaim_status schedule(struct sweeper *s, int64_t start,
				    struct reclaim_error *error)
{
	struct turn turn = { 0 };
	s->next_pass = next_tick(start, s->interval);
	s->far_ahead = false;
	if (s->profile->audit_is_log) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = turn_read(s->ledger, &turn, error);
	int64_t wait = turn.exists ? turn.next_at - turn.now : 0;
	if (!status && wait > 0) {
		s->far_ahead = wait > s->interval;
		s->next_pass = boot_now() + (s->far_ahead ? s->interval : wait);
	}
	turn_finish(&turn);
	return status;
}

static enum reclaim_status sweep(struct sweeper *s, bool death, struct reclaim_error *error)
{
	int64_t elapsed = monotonic_now() - s->started;
	const struct pass_options options = {
		.wait_turn = s->swept && !s->far_ahead,
		.without_turn = death,
		.startup_grace = elapsed < s->profile->start_grace,
		.limit = -1,
		.interval = s->interval,
	};
	struct sweep_result result = { 0 };
	enum reclaim_status status = pass_run(s->ledger, &options, &result, error);
	if (status) {
		return status;
	}
	if (result.my_turn && options.startup_grace && !death) {
		tell_grace(&s->told, elapsed);
	}
	if (result.my_turn) {
		tell_pass(&s->told, &result, options.startup_grace);
	}
	/* A pass that took all its time found the database there. */
	status = result.cut_short.overlong ? RECLAIM_OK : result.cut_short.status;
	if (status) {
		*error = result.cut_short;
	} else if (result.cut_short.status) {
		app_log(s->app, /* debug= */ false, "the pass was cut short: %s",
			result.cut_short.message);
	}
	sweep_result_finish(&result);
	return status;
}

static void make_pass(struct sweeper *s, bool death)
{
	struct reclaim_error error = { 0 };
	int64_t start = s->tried_at = boot_now();
	enum reclaim_status status = look(s, &error);
	bool seen = !status;
	if (!status) {
		status = sweep(s, death, &error);
	}
	if (!status && !death) {
		status = schedule(s, start, &error);
	}
	if (status) {
		note_failure(s, seen, &error);
		return;
	}
	note_success(s);
	s->swept |= !death;
}

/* ---- evidence ---- */

static void look_for_deaths(struct sweeper *s)
{
	struct reclaim_error error = { 0 };
	int64_t now = s->tried_at = boot_now();
	s->next_evidence = now + EVIDENCE_EVERY;
	if (!s->ledger || s->failures > 0) {
		return;
	}
	if (now >= s->next_workers) {
		s->next_workers = now + WORKERS_EVERY;
		if (watch_refresh(&s->watch, s->ledger, &error)) {
			note_failure(s, /* seen= */ true, &error);
			return;
		}
	}
	if (watch_saw_death(&s->watch)) {
		make_pass(s, /* death= */ true);
		s->next_workers = boot_now();
	}
}

/* ---- pruning ---- */

static void prune_old(struct sweeper *s)
{
	struct reclaim_error error = { 0 };
	struct text TEXT_CLEANUP age = { 0 };
	struct pruned pruned = { 0 };
	int64_t keep = s->profile->keep;
	s->tried_at = boot_now();
	s->next_prune = s->tried_at + PRUNE_EVERY;
	if (!s->profile->native || keep == AFTER_NEVER) {
		return;
	}
	if (prune(s->ledger, keep, /* dry_run= */ false, &pruned, &error)) {
		note_failure(s, /* seen= */ true, &error);
		return;
	}
	if (pruned.tasks > 0 || pruned.events > 0) {
		duration_print_human(&age, keep);
		app_log(s->app, /* debug= */ false,
			"pruned %lld finished tasks and %lld events older than %s",
			(long long)pruned.tasks, (long long)pruned.events, text_string(&age));
	}
}

/* ---- settings ---- */

static enum reclaim_status read_profile(struct sweeper *s, const struct app *app,
					struct reclaim_error *error)
{
	struct profile *profile;
	enum reclaim_status status = ledger_profile(app->profile, app->db, &profile, error);
	if (status) {
		return status;
	}
	config_override(app, profile);
	profile_destroy(s->profile);
	s->profile = profile;
	s->interval = s->options->interval ? s->options->interval : profile->interval;
	s->told.profile = profile;
	s->told.interval = s->interval;
	return RECLAIM_OK;
}

/* What is wrong now leaves everything as it was. */
static void reread(struct sweeper *s)
{
	struct reclaim_error error = { 0 };
	struct app fresh = *s->app;
	*s->options->reread = 0;
	atomic_flag_clear(fresh.told);
	int code = config_apply(&fresh);
	s->app->arena = fresh.arena; /* the new blocks stand before the old ones */
	if (code) {
		app_log(s->app, /* debug= */ false, "the settings stay as they were");
		return;
	}
	if (read_profile(s, &fresh, &error)) {
		app_log(s->app, /* debug= */ false, "the settings stay as they were: %s",
			error.message);
		return;
	}
	int cancel = __atomic_load_n(&s->app->cancel, __ATOMIC_RELAXED);
	*s->app = fresh;
	__atomic_fetch_or(&s->app->cancel, cancel, __ATOMIC_RELAXED);
	ledger_close(s->ledger);
	s->ledger = NULL;
	watch_finish(&s->watch);
	s->next_pass = boot_now();
	app_log(s->app, /* debug= */ false, "settings read again");
}

/* ---- the loop ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void wait_for_work(struct sweeper *s)
{
	int64_t until = s->next_pass;
	if (s->profile->workers.evidence && s->failures == 0) {
		until = least(until, s->next_evidence);
	}
	int64_t wait = least(until - boot_now(), LOOK_UP_EVERY);
	struct pollfd stop = { .fd = s->options->stop, .events = POLLIN };
	const struct timespec timeout = { .tv_sec = wait > 0 ? wait / USEC_PER_SEC : 0,
					  .tv_nsec =
						  wait > 0 ? wait % USEC_PER_SEC * 1000 : 0 };
	s->stopped |= ppoll(&stop, 1, &timeout, NULL) > 0;
}

static void step(struct sweeper *s)
{
	int64_t now = boot_now();
	if (s->options->reread && *s->options->reread) {
		reread(s);
	} else if (now >= s->next_pass) {
		make_pass(s, /* death= */ false);
	} else if (s->profile->workers.evidence && now >= s->next_evidence) {
		look_for_deaths(s);
	}
	if (s->ledger && s->swept && s->failures == 0 && now >= s->next_prune &&
	    !must_stop(s)) {
		prune_old(s);
	}
}

/* A wrong mapping is refused at the start; a database that is away is waited for. */
static enum reclaim_status start(struct sweeper *s, struct reclaim_error *error)
{
	enum reclaim_status status = read_profile(s, s->app, error);
	if (status) {
		return status;
	}
	status = look(s, error);
	if (status == RECLAIM_INVALID || status == RECLAIM_UNSUPPORTED) {
		return status;
	}
	if (!s->options->quiet) {
		tell_start(&s->told);
	}
	if (status) {
		s->failures = s->misses =
			1; /* told at once: there is nothing to reconnect to */
		s->away_since = boot_now();
		note_failure(s, /* seen= */ false, error);
	}
	return RECLAIM_OK;
}

int daemon_run(struct app *app, const struct daemon_options *options)
{
	struct sweeper s = {
		.app = app,
		.options = options,
		.told = { .app = app },
		.clocks = { .engine = NO_TIME },
		.started = monotonic_now(),
	};
	struct reclaim_error error = { 0 };
	random_seed(&s.random, (uint64_t)machine_now() ^ (uintptr_t)&s);
	watch_init(&s.watch);
	int code = start(&s, &error) ? app_fail(app, &error) : EXIT_DONE;
	while (!code && !must_stop(&s)) {
		step(&s);
		if (!must_stop(&s)) {
			wait_for_work(&s);
		}
	}
	if (!code && !options->quiet) {
		tell_stop(&s.told);
	}
	watch_finish(&s.watch);
	ledger_close(s.ledger);
	profile_destroy(s.profile);
	return code;
}
