/* The watch thread: when the lease can't be renewed any more, and telling the program what it has lost. */
#include "clock.h"
#include "keeper.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TELL_AGAIN INT64_C(100000)

static struct timespec timespec_of(int64_t time)
{
	return (struct timespec){ .tv_sec = time / USEC_PER_SEC,
				  .tv_nsec = (time % USEC_PER_SEC) * 1000 };
}

void keeper_wake(struct reclaim_keeper *keeper, int64_t at)
{
	const struct itimerspec when = { .it_value = timespec_of(at > 0 ? at : 1) };
	timerfd_settime(keeper->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void lose_in_time(struct reclaim_keeper *keeper)
{
	if (boot_now() < keeper->fence_at) {
		return;
	}
	held_lose_all(&keeper->held, "the lease could not be renewed in time");
	if (!keeper->fenced) {
		/* After a suspend the next beat may be far off by the beat thread's clock. */
		keeper->fenced = keeper->hurry = true;
		pthread_cond_broadcast(&keeper->changed);
	}
}

/* With the mutex held, but for the call. */
static void tell(struct reclaim_keeper *keeper)
{
	struct held lost;
	while (held_tell(&keeper->held, &lost)) {
		pthread_mutex_unlock(&keeper->mutex);
		if (keeper->lost) {
			keeper->lost(keeper->context, lost.id, lost.token,
				     lost.reason ? lost.reason : "the claim is lost");
		}
		free(lost.id);
		free(lost.token);
		free(lost.reason);
		pthread_mutex_lock(&keeper->mutex);
	}
}

void *keeper_watch(void *context)
{
	struct reclaim_keeper *keeper = context;
	uint64_t expired;
	pthread_mutex_lock(&keeper->mutex);
	while (!keeper->stopping) {
		pthread_mutex_unlock(&keeper->mutex);
		ssize_t got = read(keeper->timer, &expired, sizeof(expired));
		pthread_mutex_lock(&keeper->mutex);
		if (got < 0 || keeper->stopping) {
			continue;
		}
		lose_in_time(keeper);
		tell(keeper);
		if (held_untold(&keeper->held)) {
			keeper_wake(keeper, boot_now() + TELL_AGAIN);
		} else if (!keeper->stopping && boot_now() < keeper->fence_at) {
			keeper_wake(keeper, keeper->fence_at);
		}
	}
	pthread_mutex_unlock(&keeper->mutex);
	return NULL;
}

void keeper_acknowledge(struct reclaim_keeper *keeper, int64_t sent)
{
	pthread_mutex_lock(&keeper->mutex);
	keeper->fence_at = sent + keeper->lease - keeper->kill_grace;
	keeper->fenced = false;
	/* What the watch was woken for and has not seen yet comes first. */
	bool woken = keeper->stopping || held_untold(&keeper->held);
	keeper_wake(keeper, woken ? 0 : keeper->fence_at);
	pthread_mutex_unlock(&keeper->mutex);
}

void keeper_lose(struct reclaim_keeper *keeper, const char *id, const char *token,
		 const char *reason)
{
	pthread_mutex_lock(&keeper->mutex);
	if (held_lose(&keeper->held, id, token, reason)) {
		keeper_wake(keeper, /* at= */ 0);
	}
	pthread_mutex_unlock(&keeper->mutex);
}

void keeper_end_registration(struct reclaim_keeper *keeper, const char *reason)
{
	pthread_mutex_lock(&keeper->mutex);
	keeper->worker[0] = '\0';
	keeper->fence_at = 0;
	held_lose_all(&keeper->held, reason);
	keeper_wake(keeper, /* at= */ 0);
	pthread_mutex_unlock(&keeper->mutex);
}
