/* The keeper: its start and stop, its beat thread, and what it lets the program say and ask. */
#include "keeper.h"

#include "clock.h"
#include "duration.h"
#include "handle.h"
#include "incarnation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define LEASE_DEFAULT (30 * USEC_PER_SEC)
#define LEASE_MIN (100 * MSEC)
#define KILL_GRACE_DEFAULT (5 * USEC_PER_SEC)
#define PATIENCE_MAX (1 * USEC_PER_SEC)
#define RETRY_FIRST (50 * MSEC)

/* ---- the beat ---- */

/* Until that time (CLOCK_MONOTONIC), a reason to hurry, or the end: then it is false. */
static bool wait_until(struct reclaim_keeper *keeper, int64_t until)
{
	const struct timespec time = { .tv_sec = until / USEC_PER_SEC,
				       .tv_nsec = (until % USEC_PER_SEC) * 1000 };
	int code = 0;
	pthread_mutex_lock(&keeper->mutex);
	while (!keeper->stopping && !keeper->hurry && code != ETIMEDOUT) {
		code = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &time);
	}
	bool stopping = keeper->stopping;
	keeper->hurry = false;
	pthread_mutex_unlock(&keeper->mutex);
	return !stopping;
}

static int64_t between_half_and_whole(struct reclaim_keeper *keeper, int64_t span)
{
	return span / 2 + (int64_t)random_below(&keeper->random, (uint64_t)(span / 2 + 1));
}

/* A connection after which nothing is known may be broken: the next beat opens another one. */
static void after_failure(struct reclaim_keeper *keeper, enum reclaim_status status)
{
	if (status == RECLAIM_UNAVAILABLE || status == RECLAIM_UNKNOWN ||
	    status == RECLAIM_INTERNAL) {
		ledger_close(keeper->ledger);
		keeper->ledger = NULL;
	}
}

static void sign_off(struct reclaim_keeper *keeper)
{
	__atomic_store_n(&keeper->cancel, 0, __ATOMIC_RELAXED);
	beat_last(keeper);
	ledger_close(keeper->ledger);
	keeper->ledger = NULL;
}

static void *beat(void *context)
{
	struct reclaim_keeper *keeper = context;
	int64_t retry = RETRY_FIRST < keeper->beat / 2 ? RETRY_FIRST : keeper->beat / 2;
	int64_t next = keeper->beat, pause = retry;
	int64_t began = monotonic_now();
	while (wait_until(keeper, began + next)) {
		struct reclaim_error error = { 0 };
		began = monotonic_now();
		enum reclaim_status status = beat_once(keeper, &error);
		if (status == RECLAIM_OK) {
			next = keeper->beat;
			pause = retry;
		} else if (status == RECLAIM_LOST) {
			next = 0;
		} else {
			after_failure(keeper, status);
			began = monotonic_now();
			next = between_half_and_whole(keeper, pause);
			pause = pause * 2 < keeper->beat ? pause * 2 : keeper->beat;
		}
	}
	sign_off(keeper);
	return NULL;
}

/* ---- start and stop ---- */

enum reclaim_status keeper_connect(struct reclaim_keeper *keeper, struct reclaim_error *error)
{
	if (keeper->ledger) {
		return RECLAIM_OK;
	}
	struct ledger *ledger = NULL;
	enum reclaim_status status = ledger_open(&keeper->options, &ledger, error);
	if (!status) {
		status = ledger_plan(ledger, error);
	}
	if (status) {
		ledger_close(ledger);
		return status;
	}
	keeper->ledger = ledger;
	return RECLAIM_OK;
}

static const char *environment(const char *name)
{
	return getenv(name);
}

static enum reclaim_status copy_options(struct reclaim_keeper *keeper,
					const struct reclaim_options *options,
					const struct reclaim_keeping *keeping,
					struct reclaim_error *error)
{
	struct incarnation own;
	struct arena *arena = &keeper->arena;
	const char *url = options && options->db ? options->db : getenv("RECLAIM_DB");
	const char *profile = options && options->profile ? options->profile : DEFAULT_PROFILE;
	incarnation_read(&own);
	keeper->options = (struct ledger_options){
		.url = url && *url ? arena_string(arena, url) : default_db_url(arena),
		.profile = arena_string(arena, profile),
		.db = { .busy = options ? options->busy : 0, .cancel = &keeper->cancel },
		.environment = environment,
	};
	keeper->named = keeping->name != NULL;
	keeper->name = keeping->name
			       ? arena_string(arena, keeping->name)
			       : arena_printf(arena, "%s:%lld", own.host, (long long)own.pid);
	keeper->lost = keeping->lost;
	keeper->context = keeping->context;
	return keeper->options.url && keeper->options.profile && keeper->name
		       ? RECLAIM_OK
		       : fail_no_memory(error);
}

static enum reclaim_status check_span(const char *what, int64_t span, int64_t least,
				      int64_t most, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (span >= least && span <= most) {
		return RECLAIM_OK;
	}
	duration_print_human(&text, span);
	text_add(&text, "; allowed: ");
	duration_print(&text, least);
	text_add(&text, " to ");
	duration_print(&text, most);
	return fail(error, RECLAIM_INVALID, "%s is %s", what, text_string(&text));
}

/* On a host's ledger silence is judged by its rules: the shortest of them is how long an acknowledged beat is good. */
static int64_t lease_of(const struct profile *profile, int64_t asked)
{
	int64_t own = asked ? asked : profile->lease > 0 ? profile->lease : LEASE_DEFAULT;
	int64_t lease = INT64_MAX;
	for (size_t i = 0; !profile->native && i < profile->policy.rule_count; i++) {
		const struct rule *rule = &profile->policy.rules[i];
		if (rule_family(rule->kind) == FAMILY_SILENCE) {
			int64_t after = rule->kind == RULE_LEASE ? own : rule->after;
			lease = after < lease ? after : lease;
		}
	}
	return lease == INT64_MAX ? own : lease;
}

static int64_t or_at_most(int64_t given, int64_t otherwise, int64_t most)
{
	return given ? given : otherwise < most ? otherwise : most;
}

/* Two beats at least before the work has to stop. */
static enum reclaim_status set_timing(struct reclaim_keeper *keeper,
				      const struct reclaim_keeping *keeping,
				      struct reclaim_error *error)
{
	const struct profile *profile = keeper->ledger->profile;
	keeper->registers = profile->native;
	keeper->asked = keeping->lease;
	keeper->lease = lease_of(profile, keeping->lease);
	enum reclaim_status status =
		check_span("the lease", keeper->lease, LEASE_MIN, DURATION_MAX, error);
	if (status) {
		return status;
	}
	int64_t third = keeper->lease / 3;
	keeper->kill_grace = or_at_most(keeping->kill_grace, KILL_GRACE_DEFAULT, third);
	if (keeper->kill_grace < 0) {
		keeper->kill_grace = 0;
	}
	status = check_span("the kill grace", keeper->kill_grace, 0, third, error);
	int64_t usual =
		!profile->native && profile->policy.beat > 0 ? profile->policy.beat : third;
	int64_t most = (keeper->lease - keeper->kill_grace) / 2;
	keeper->beat = or_at_most(keeping->beat, usual, most);
	if (!status) {
		status = check_span("the beat", keeper->beat, MSEC, most, error);
	}
	return status;
}

/* The first connection waits for a lock as long as any program's; the beat thread's no longer than a beat. */
static enum reclaim_status begin(struct reclaim_keeper *keeper,
				 const struct reclaim_keeping *keeping,
				 struct reclaim_error *error)
{
	enum reclaim_status status = keeper_connect(keeper, error);
	if (!status) {
		status = set_timing(keeper, keeping, error);
	}
	if (!status) {
		status = beat_first(keeper, error);
	}
	if (!status) {
		keeper->options.db.busy =
			keeper->beat < PATIENCE_MAX ? keeper->beat : PATIENCE_MAX;
		ledger_close(keeper->ledger);
		keeper->ledger = NULL;
	}
	return status;
}

/* Signals are the program's own business. */
static bool start_threads(struct reclaim_keeper *keeper)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool watching = pthread_create(&keeper->watching, NULL, keeper_watch, keeper) == 0;
	bool beating = watching && pthread_create(&keeper->beating, NULL, beat, keeper) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (watching && !beating) {
		pthread_mutex_lock(&keeper->mutex);
		keeper->stopping = true;
		keeper_wake(keeper, /* at= */ 0);
		pthread_mutex_unlock(&keeper->mutex);
		pthread_join(keeper->watching, NULL);
	}
	return beating;
}

static void destroy(struct reclaim_keeper *keeper)
{
	ledger_close(keeper->ledger);
	lockfile_close(&keeper->lockfile);
	if (keeper->timer >= 0) {
		close(keeper->timer);
	}
	held_finish(&keeper->held);
	pthread_cond_destroy(&keeper->changed);
	pthread_mutex_destroy(&keeper->mutex);
	arena_finish(&keeper->arena);
	free(keeper);
}

static struct reclaim_keeper *create(void)
{
	struct reclaim_keeper *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t attributes;
	uint64_t seed;
	if (!keeper) {
		return NULL;
	}
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		seed = (uint64_t)boot_now() ^ (uint64_t)getpid() << 32;
	}
	random_seed(&keeper->random, seed);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&keeper->mutex, NULL);
	keeper->lockfile.fd = -1;
	keeper->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	return keeper;
}

enum reclaim_status reclaim_keeper_start(const struct reclaim_options *options,
					 const struct reclaim_keeping *keeping,
					 struct reclaim_keeper **ret_keeper,
					 struct reclaim_error *error)
{
	static const struct reclaim_keeping defaults;
	struct reclaim_error unread;
	struct reclaim_keeper *keeper = create();
	error = error ? error : &unread;
	keeping = keeping ? keeping : &defaults;
	if (!keeper) {
		return fail_no_memory(error);
	}
	enum reclaim_status status =
		keeper->timer < 0 ? fail(error, RECLAIM_INTERNAL, "no timer for the keeper: %s",
					 strerror(errno))
				  : copy_options(keeper, options, keeping, error);
	if (!status) {
		status = begin(keeper, keeping, error);
	}
	if (!status && !start_threads(keeper)) {
		beat_last(keeper);
		status = fail(error, RECLAIM_INTERNAL, "no thread for the keeper");
	}
	if (status) {
		destroy(keeper);
		return status;
	}
	*ret_keeper = keeper;
	return RECLAIM_OK;
}

void reclaim_keeper_stop(struct reclaim_keeper *keeper)
{
	if (!keeper) {
		return;
	}
	__atomic_store_n(&keeper->cancel, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&keeper->mutex);
	keeper->stopping = true;
	pthread_cond_broadcast(&keeper->changed);
	keeper_wake(keeper, /* at= */ 0);
	pthread_mutex_unlock(&keeper->mutex);
	pthread_join(keeper->beating, NULL);
	pthread_join(keeper->watching, NULL);
	destroy(keeper);
}

/* ---- what the program says and asks ---- */

void reclaim_keeper_worker(struct reclaim_keeper *keeper, char (*ret_id)[RECLAIM_ID_SIZE])
{
	pthread_mutex_lock(&keeper->mutex);
	memcpy(*ret_id, keeper->worker, sizeof(*ret_id));
	pthread_mutex_unlock(&keeper->mutex);
}

bool reclaim_keeper_healthy(struct reclaim_keeper *keeper)
{
	pthread_mutex_lock(&keeper->mutex);
	bool healthy = keeper->worker[0] && boot_now() < keeper->fence_at;
	pthread_mutex_unlock(&keeper->mutex);
	return healthy;
}

void reclaim_keeper_claiming(struct reclaim_keeper *keeper, int change)
{
	pthread_mutex_lock(&keeper->mutex);
	held_claiming(&keeper->held, change);
	pthread_mutex_unlock(&keeper->mutex);
}

enum reclaim_status reclaim_keeper_hold(struct reclaim_keeper *keeper, const char *id,
					const char *token, struct reclaim_error *error)
{
	pthread_mutex_lock(&keeper->mutex);
	bool held = held_add(&keeper->held, id, token);
	if (boot_now() >= keeper->fence_at) {
		keeper_wake(keeper, /* at= */ 0); /* it came too late: the watch says so */
	}
	pthread_mutex_unlock(&keeper->mutex);
	return held ? RECLAIM_OK : fail_no_memory(error);
}

void reclaim_keeper_drop(struct reclaim_keeper *keeper, const char *id, const char *token)
{
	pthread_mutex_lock(&keeper->mutex);
	held_drop(&keeper->held, id, token);
	pthread_mutex_unlock(&keeper->mutex);
}

bool keeper_lock(struct reclaim_keeper *keeper, const char *worker, int *ret_fd)
{
	pthread_mutex_lock(&keeper->mutex);
	bool current = strcmp(keeper->worker, worker) == 0;
	int fd = -1;
	if (current && keeper->lockfile.fd >= 0) {
		fd = fcntl(keeper->lockfile.fd, F_DUPFD_CLOEXEC, 3);
	}
	bool copied = fd >= 0 || keeper->lockfile.fd < 0;
	pthread_mutex_unlock(&keeper->mutex);
	if (!current || !copied) {
		return false;
	}
	*ret_fd = fd;
	return true;
}

int64_t keeper_kill_grace(const struct reclaim_keeper *keeper)
{
	return keeper->kill_grace;
}
