/* The keeper: its start and stop, its beat thread, and what it lets the program say and ask. */
#include "keeper.h"

#include "clock.h"

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

/* The first connection waits for a lock as long as any program's; the beat thread's no longer than a beat. */
static enum reclaim_status begin(struct reclaim_keeper *keeper,
				 const struct reclaim_keeping *keeping,
				 struct reclaim_error *error)
{
	enum reclaim_status status = keeper_connect(keeper, error);
	if (!status) {
		status = keeper_set_timing(keeper, keeping, error);
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
				  : keeper_set_options(keeper, options, keeping, error);
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
