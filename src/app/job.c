/* The jobs of a worker: from the claim to the answer of the ledger. */
#include "duration.h"
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define RETRY_FIRST (50 * MSEC)
#define RETRY_MOST (2 * USEC_PER_SEC)
#define NOT_NOW_PAUSE (1 * USEC_PER_SEC)
#define SHOWN_MAX 512 /* bytes of an error in a log line */

/* ---- what is said ---- */

static void say(const struct job *job, const char *what, const char *why)
{
	struct text TEXT_CLEANUP line = { 0 };
	text_printf(&line, "%s task ", what);
	text_add_visible(&line, job->id, strlen(job->id));
	text_printf(&line, ", attempt %lld, after ", (long long)job->attempt);
	duration_print_human(&line, work_now() - job->began);
	if (why && *why) {
		text_add(&line, ": ");
		text_add_visible(&line, why, utf8_cut(why, strlen(why), SHOWN_MAX));
	}
	app_log(job->work->app, /* debug= */ false, "%s", text_string(&line));
}

static void say_claimed(const struct job *job, const struct claimed *claimed)
{
	struct text TEXT_CLEANUP line = { 0 };
	text_add(&line, "claimed task ");
	text_add_visible(&line, claimed->id, strlen(claimed->id));
	text_printf(&line, ", attempt %lld", (long long)claimed->attempt);
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

/* ---- from the claim on ---- */

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
			     .began = work_now(),
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
	/* One that the keeper can't hold it will release; its token is burnt then. */
	reclaim_keeper_hold(work->keeper, job->id, job->token, NULL);
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

static bool is_lost(struct job *job)
{
	pthread_mutex_lock(&job->work->mutex);
	bool lost = job->lost;
	pthread_mutex_unlock(&job->work->mutex);
	return lost;
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

static void hand_in(struct job *job, enum hand_in how)
{
	job->hand_in = how;
	job->state = JOB_HANDING_IN;
	job->retry_at = 0;
}

static bool note_guardian(struct work *work, pid_t pid)
{
	if (work->guardian_count == work->guardian_room) {
		size_t room = work->guardian_room ? work->guardian_room * 2 : 16;
		pid_t *list = reallocarray(work->guardians, room, sizeof(*list));
		if (!list) {
			return false;
		}
		work->guardians = list;
		work->guardian_room = room;
	}
	work->guardians[work->guardian_count++] = pid;
	return true;
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
	note_guardian(work, job->run.guardian.pid);
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
	const struct errand errand = { .id = claimed->id,
				       .token = claimed->token,
				       .kind = claimed->kind,
				       .queue = claimed->queue,
				       .payload = claimed->payload,
				       .attempt = claimed->attempt };
	if (!keeper_lock(work->keeper, worker, &lock)) {
		text_add(&job->words, "the worker's registration is over");
		hand_in(job, HAND_RELEASE);
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
		hand_in(job, HAND_RELEASE);
		return;
	}
	publish_control(job);
}

/* ---- to its end ---- */

static void close_control(struct job *job)
{
	pthread_mutex_lock(&job->work->mutex);
	if (job->control >= 0) {
		close(job->control);
	}
	job->control = -1;
	pthread_mutex_unlock(&job->work->mutex);
}

static void over(struct job *job)
{
	reclaim_keeper_drop(job->work->keeper, job->id, job->token);
	job->state = JOB_OVER;
}

static void put_into_words(struct job *job)
{
	const struct work *work = job->work;
	struct run *run = &job->run;
	switch (run_ending(run)) {
	case ENDING_COMPLETED:
		run_result(run, &job->words);
		hand_in(job, HAND_COMPLETE);
		if (run->dropped > 0) {
			app_log(work->app, /* debug= */ false,
				"the output of task %s is cut: %llu bytes are kept, %llu "
				"dropped",
				job->id, (unsigned long long)run->kept.size,
				(unsigned long long)run->dropped);
		}
		break;
	case ENDING_NOT_NOW:
		text_add(&job->words, "not now (exit status 75)");
		hand_in(job, HAND_RELEASE);
		break;
	case ENDING_FAILED:
		run_error(run, work->running.path, &job->words);
		hand_in(job, HAND_FAIL);
		break;
	case ENDING_FAILED_FOR_GOOD:
		run_error(run, work->running.path, &job->words);
		hand_in(job, HAND_FAIL_FOR_GOOD);
		break;
	case ENDING_NO_PROCESS:
		text_printf(&job->words, "no process for the command: %s",
			    strerror(run->exec_error));
		hand_in(job, HAND_RELEASE);
		break;
	}
	if (job->words.failed) {
		text_finish(&job->words);
		hand_in(job, HAND_RELEASE);
	}
}

/* A command that was told to end has not done its work, whatever its exit status; one that ended before has. */
static void settle(struct job *job)
{
	close_control(job);
	if (job->run.by_order && is_lost(job)) {
		say(job, "lost", job->reason);
		over(job);
	} else if (job->run.by_order) {
		text_add(&job->words, "the worker was stopped");
		hand_in(job, HAND_RELEASE);
	} else {
		put_into_words(job);
	}
	run_finish(&job->run);
	job->run = (struct run){ 0 };
}

static enum reclaim_status deliver(struct job *job, struct reclaim_error *error)
{
	struct ledger *ledger = job->work->ledger;
	const char *words = text_string(&job->words);
	switch (job->hand_in) {
	case HAND_COMPLETE:
		return verb_complete(ledger, job->id, job->token, *words ? words : NULL, error);
	case HAND_FAIL:
	case HAND_FAIL_FOR_GOOD:
		return verb_fail(ledger, job->id, job->token, words, /* retry_in= */ -1,
				 job->hand_in == HAND_FAIL_FOR_GOOD, error);
	case HAND_RELEASE:
		break;
	}
	return verb_release(ledger, job->id, job->token, error);
}

static void accepted(struct job *job)
{
	struct work *work = job->work;
	switch (job->hand_in) {
	case HAND_COMPLETE:
		say(job, "completed", NULL);
		break;
	case HAND_FAIL:
	case HAND_FAIL_FOR_GOOD:
		say(job, job->hand_in == HAND_FAIL ? "failed" : "failed for good",
		    text_string(&job->words));
		break;
	case HAND_RELEASE:
		say(job, "released", text_string(&job->words));
		/* It is due at once: whoever said "not now" is not asked again at once. */
		work->claim_at =
			work_now() + work_jitter(work, NOT_NOW_PAUSE) + NOT_NOW_PAUSE / 2;
		break;
	}
	over(job);
}

/* The ledger will not have it in this way: the next best, and in the end the sweep's. */
static void refused(struct job *job, const struct reclaim_error *error)
{
	bool stopping = job->work->stops > 0;
	if (job->hand_in == HAND_COMPLETE || (job->hand_in == HAND_RELEASE && !stopping)) {
		text_clear(&job->words);
		text_printf(&job->words, "%s is not possible: %s",
			    job->hand_in == HAND_COMPLETE ? "complete" : "release",
			    error->message);
		hand_in(job, HAND_FAIL);
		return;
	}
	say(job, "could not hand in", error->message);
	over(job);
}

static void answered(struct job *job, const struct reclaim_error *error)
{
	switch (error->status) {
	case RECLAIM_OK:
		accepted(job);
		return;
	case RECLAIM_LOST:
	case RECLAIM_NOT_FOUND:
	case RECLAIM_NOT_ALLOWED:
		say(job, "lost", error->message);
		over(job);
		return;
	case RECLAIM_INVALID:
	case RECLAIM_UNSUPPORTED:
	case RECLAIM_INTERNAL:
		refused(job, error);
		return;
	case RECLAIM_BUSY:
	case RECLAIM_UNAVAILABLE:
	case RECLAIM_UNKNOWN:
	case RECLAIM_NO_MEMORY:
		return;
	}
}

/* What can't be delivered is kept and tried again, with the same token, so that an answer that was lost does not matter. */
static void try_to_deliver(struct job *job)
{
	struct work *work = job->work;
	struct reclaim_error error = { 0 };
	error.status = work_connect(work, &error);
	if (!error.status) {
		error.status = deliver(job, &error);
	}
	if (error.status && work_may_retry(work, &error)) {
		job->retry_at = work_now() + work_jitter(work, job->pause);
		job->pause = job->pause * 2 < RETRY_MOST ? job->pause * 2 : RETRY_MOST;
		if (work_now() >= work->give_up_at ||
		    (work->stops > 0 && !reclaim_keeper_healthy(work->keeper))) {
			say(job, "gave up handing in", error.message);
			work->code = app_exit_code(error.status);
			over(job);
		}
		return;
	}
	work_answered(work);
	answered(job, &error);
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
			settle(job);
		}
		if (job->state == JOB_HANDING_IN && work_now() >= job->retry_at) {
			try_to_deliver(job);
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
