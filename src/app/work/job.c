/* The jobs of a worker: from the claim to its command, the keeper's word in between, and the list of them. */
#include "array.h"
#include "clock.h"
#include "duration.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define RETRY_FIRST (50 * MSEC)

static void say_claimed(const struct job *job, const struct claimed *claimed)
{
	struct text TEXT_CLEANUP line = { 0 };
	text_add(&line, "claimed task ");
	text_add_visible(&line, claimed->id, strlen(claimed->id));
	if (claimed->attempt >= 0) {
		text_printf(&line, ", attempt %lld", (long long)claimed->attempt);
	}
	if (claimed->queue && *claimed->queue) {
		text_add(&line, ", queue ");
		text_add_visible(&line, claimed->queue, strlen(claimed->queue));
	}
	if (claimed->kind && *claimed->kind) {
		text_add(&line, ", kind ");
		text_add_visible(&line, claimed->kind, strlen(claimed->kind));
	}
	app_log(job->work->app, /* debug= */ false, "%s", text_string(&line));
}

static void job_destroy(struct job *job)
{
	run_finish(&job->run);
	text_finish(&job->words);
	if (job->control >= 0) {
		close(job->control);
	}
	free(job->id);
	free(job->token);
	free(job->reason);
	free(job);
}

struct job *job_add(struct work *work, const struct claimed *claimed)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job) {
		return NULL;
	}
	*job = (struct job){ .work = work,
			     .id = strdup(claimed->id),
			     .token = strdup(claimed->token),
			     .attempt = claimed->attempt,
			     .began = monotonic_now(),
			     .control = -1,
			     .pause = RETRY_FIRST };
	if (!job->id || !job->token) {
		job_destroy(job);
		return NULL;
	}
	pthread_mutex_lock(&work->mutex);
	job->next = work->jobs;
	work->jobs = job;
	work->job_count++;
	pthread_mutex_unlock(&work->mutex);
	struct reclaim_error error = { 0 };
	if (reclaim_keeper_hold(work->keeper, job->id, job->token, &error)) {
		text_add(&job->words, error.message);
		job_hand_in(job, HAND_RELEASE);
	}
	return job;
}

/* From the keeper's thread: the command is told at once, whatever the worker's own thread is waiting for. */
void job_lost(void *context, const char *id, const char *token, const char *reason)
{
	struct work *work = context;
	pthread_mutex_lock(&work->mutex);
	for (struct job *job = work->jobs; job; job = job->next) {
		if (!job->lost && string_equal(job->id, id) &&
		    string_equal(job->token, token)) {
			job->lost = true;
			job->reason = strdup(reason);
			if (job->control >= 0) {
				guardian_tell(job->control, GUARDIAN_TERM);
			}
		}
	}
	pthread_mutex_unlock(&work->mutex);
	uint64_t one = 1;
	(void)!write(work->wake.fd, &one, sizeof(one));
}

void jobs_tell(struct work *work, enum guardian_order order)
{
	pthread_mutex_lock(&work->mutex);
	for (struct job *job = work->jobs; job; job = job->next) {
		if (job->control >= 0) {
			guardian_tell(job->control, order);
		}
	}
	pthread_mutex_unlock(&work->mutex);
}

/* Before a guardian is started: one that is not listed would never be waited for. */
static bool has_room_for_guardian(struct work *work)
{
	pid_t *list = array_grown(work->guardians, sizeof(*list), work->guardian_count,
				  &work->guardian_room);
	if (list) {
		work->guardians = list;
	}
	return list != NULL;
}

void jobs_reap(struct work *work)
{
	for (size_t i = work->guardian_count; i-- > 0;) {
		if (waitpid(work->guardians[i], NULL, WNOHANG) != 0) {
			work->guardians[i] = work->guardians[--work->guardian_count];
		}
	}
}

/* The keeper may have called between the claim and now. */
static void publish_control(struct job *job)
{
	struct work *work = job->work;
	work->guardians[work->guardian_count++] = job->run.guardian.pid;
	pthread_mutex_lock(&work->mutex);
	job->control = job->run.guardian.control;
	if (job->lost || work->stops > 1) {
		guardian_tell(job->control, GUARDIAN_TERM);
	}
	pthread_mutex_unlock(&work->mutex);
}

void job_start(struct job *job, const struct claimed *claimed, const char *worker)
{
	struct work *work = job->work;
	struct reclaim_error error = { 0 };
	int lock = -1;
	if (job->state != JOB_RUNNING) {
		return;
	}
	const struct errand errand = { .id = claimed->id,
				       .token = claimed->token,
				       .kind = claimed->kind,
				       .queue = claimed->queue,
				       .payload = claimed->payload,
				       .attempt = claimed->attempt };
	if (!has_room_for_guardian(work)) {
		text_add(&job->words, "out of memory");
		job_hand_in(job, HAND_RELEASE);
		return;
	}
	if (!keeper_lock(work->keeper, worker, &lock)) {
		text_add(&job->words, "the worker's registration is over");
		job_hand_in(job, HAND_RELEASE);
		return;
	}
	say_claimed(job, claimed);
	enum reclaim_status status =
		run_start(&job->run, &work->running, &errand, lock, &error);
	if (lock >= 0) {
		close(lock);
	}
	if (status) {
		text_add(&job->words, error.message);
		job_hand_in(job, HAND_RELEASE);
		return;
	}
	publish_control(job);
}

/* ---- all of them ---- */

static bool free_those_over(struct work *work)
{
	bool any = false;
	pthread_mutex_lock(&work->mutex);
	for (struct job **at = &work->jobs; *at;) {
		struct job *job = *at;
		if (job->state == JOB_OVER) {
			*at = job->next;
			work->job_count--;
			job_destroy(job);
			any = true;
		} else {
			at = &job->next;
		}
	}
	pthread_mutex_unlock(&work->mutex);
	return any;
}

bool jobs_go_on(struct work *work)
{
	jobs_reap(work);
	for (struct job *job = work->jobs; job; job = job->next) {
		if (job->state == JOB_RUNNING && job->run.ended) {
			job_settle(job);
		}
		if (job->state == JOB_HANDING_IN && monotonic_now() >= job->retry_at) {
			job_deliver(job);
		}
	}
	return free_those_over(work);
}

int64_t jobs_due(const struct work *work)
{
	int64_t due = INT64_MAX;
	for (const struct job *job = work->jobs; job; job = job->next) {
		if (job->state == JOB_HANDING_IN && job->retry_at < due) {
			due = job->retry_at;
		}
	}
	return due;
}
