/* The end of a job: what its command's end means, and handing that in until the ledger has answered. */
#include "clock.h"
#include "duration.h"
#include "worker.h"

#include <string.h>
#include <unistd.h>

#define RETRY_MOST (2 * USEC_PER_SEC)
#define NOT_NOW_PAUSE (1 * USEC_PER_SEC)
#define SHOWN_MAX 512 /* bytes of an error in a log line */

void job_say(const struct job *job, const char *what, const char *why)
{
	struct text TEXT_CLEANUP line = { 0 };
	text_printf(&line, "%s task ", what);
	text_add_visible(&line, job->id, strlen(job->id));
	if (job->attempt >= 0) {
		text_printf(&line, ", attempt %lld", (long long)job->attempt);
	}
	text_add(&line, ", after ");
	duration_print_human(&line, monotonic_now() - job->began);
	if (why && *why) {
		text_add(&line, ": ");
		text_add_visible(&line, why, utf8_cut(why, strlen(why), SHOWN_MAX));
	}
	app_log(job->work->app, /* debug= */ false, "%s", text_string(&line));
}

void job_hand_in(struct job *job, enum hand_in how)
{
	job->hand_in = how;
	job->state = JOB_HANDING_IN;
	job->retry_at = 0;
}

static bool is_lost(struct job *job)
{
	pthread_mutex_lock(&job->work->mutex);
	bool lost = job->lost;
	pthread_mutex_unlock(&job->work->mutex);
	return lost;
}

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
		job_hand_in(job, HAND_COMPLETE);
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
		job_hand_in(job, HAND_RELEASE);
		break;
	case ENDING_FAILED:
		run_error(run, work->running.path, &job->words);
		job_hand_in(job, HAND_FAIL);
		break;
	case ENDING_FAILED_FOR_GOOD:
		run_error(run, work->running.path, &job->words);
		job_hand_in(job, HAND_FAIL_FOR_GOOD);
		break;
	case ENDING_NO_PROCESS:
		text_printf(&job->words, "no process for the command: %s",
			    strerror(run->exec_error));
		job_hand_in(job, HAND_RELEASE);
		break;
	}
	if (job->words.failed) {
		text_finish(&job->words);
		job_hand_in(job, HAND_RELEASE);
	}
}

/* A command that was told to end has not done its work, whatever its exit status; one that ended before has. */
void job_settle(struct job *job)
{
	close_control(job);
	if (job->run.by_order && is_lost(job)) {
		job_say(job, "lost", job->reason);
		over(job);
	} else if (job->run.by_order) {
		text_add(&job->words, "the worker was stopped");
		job_hand_in(job, HAND_RELEASE);
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
		job_say(job, "completed", NULL);
		break;
	case HAND_FAIL:
	case HAND_FAIL_FOR_GOOD:
		job_say(job, job->hand_in == HAND_FAIL ? "failed" : "failed for good",
			text_string(&job->words));
		break;
	case HAND_RELEASE:
		job_say(job, "released", text_string(&job->words));
		/* It is due at once: whoever said "not now" is not asked again at once. */
		work->claim_at =
			monotonic_now() + work_jitter(work, NOT_NOW_PAUSE) + NOT_NOW_PAUSE / 2;
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
		job_hand_in(job, HAND_FAIL);
		return;
	}
	job_say(job, "could not hand in", error->message);
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
		job_say(job, "lost", error->message);
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

void job_deliver(struct job *job)
{
	struct work *work = job->work;
	struct reclaim_error error = { 0 };
	error.status = work_connect(work, &error);
	if (!error.status) {
		error.status = deliver(job, &error);
	}
	if (error.status && work_may_retry(work, &error)) {
		job->retry_at = monotonic_now() + work_jitter(work, job->pause);
		job->pause = job->pause * 2 < RETRY_MOST ? job->pause * 2 : RETRY_MOST;
		if (monotonic_now() >= work->give_up_at ||
		    (work->stops > 0 && !reclaim_keeper_healthy(work->keeper))) {
			job_say(job, "gave up handing in", error.message);
			work->code = app_exit_code(error.status);
			over(job);
		}
		return;
	}
	work_answered(work);
	answered(job, &error);
}
