/*
 * The worker: claims tasks, runs a command for each, and hands them in.
 *
 *   claimed -> running --- the command has ended ---> handing in --- accepted, or lost ---> over
 *
 * One thread does all of it but three things: the keeper beats, and tells the commands of lost claims to end, from
 * threads of its own, whatever this one is waiting for; and the sweeps have a thread and a connection of their own.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "app.h"
#include "keeper.h"
#include "runner.h"

enum job_state { JOB_RUNNING, JOB_HANDING_IN, JOB_OVER };
enum hand_in { HAND_COMPLETE, HAND_FAIL, HAND_FAIL_FOR_GOOD, HAND_RELEASE };

/* A claim of ours. */
struct job {
	struct job *next;
	struct work *work;
	char *id, *token;
	int64_t attempt, began;
	enum job_state state;
	struct run run;

	enum hand_in hand_in;
	struct text words; /* the result or the error */
	int64_t retry_at, pause;

	/* Under the worker's mutex. */
	int control; /* of the guardian; -1: there is none any more */
	bool lost;   /* the keeper has said so */
	char *reason;
};

struct work {
	struct app *app;
	struct ledger_options options;
	struct reclaim_keeping keeping;
	const char *queue;
	int64_t concurrency, poll;
	bool drain, sweep;

	struct ledger *ledger; /* NULL: to be opened again */
	struct reclaim_keeper *keeper;
	struct loop loop;
	struct running running;
	struct source signals, wake;
	struct random random;
	int stops;          /* SIGTERM, SIGINT and SIGHUP so far */
	int64_t give_up_at; /* what can't be handed in by then is left to the sweep; INT64_MAX: never */
	int code;           /* of the exit */

	pthread_mutex_t mutex; /* of the list and of what the keeper touches in a job */
	struct job *jobs;
	int64_t job_count;
	pid_t *guardians; /* to be reaped */
	size_t guardian_count, guardian_room;

	/* The commit's answer was lost; to be settled before the next claim. */
	struct claims unsure;
	int64_t claim_at;  /* not before */
	int64_t looked_at; /* when a claim last found nothing */
	int64_t poll_at;   /* nothing is expected to be due before, but for a hint */
	int64_t poll_pause;
	bool idle; /* the last claim found nothing more, and no job has ended since */
	bool unhealthy, troubled; /* it has been said */
};

/* Between a half and the whole of it. */
int64_t work_jitter(struct work *work, int64_t span);
/* The worker's connection, opened again if need be. */
enum reclaim_status work_connect(struct work *work, struct reclaim_error *error);
/* After a failed call: whether it makes sense to try again later; says once that there is trouble. */
bool work_may_retry(struct work *work, const struct reclaim_error *error);
/* After a call that the database answered. */
void work_answered(struct work *work);
/* The next polls follow each other closely again. */
void work_poll_anew(struct work *work);
/* Claims, runs and hands in until it is to stop, or nothing is left to drain. */
void work_cycle(struct work *work);

/* ---- jobs ---- */

/* Takes one claim: the keeper knows it from here on. NULL: no memory, and the keeper will give it back. */
struct job *job_add(struct work *work, const struct claimed *claimed);
/* Starts the command under the lock of `worker`. */
void job_start(struct job *job, const struct claimed *claimed, const char *worker);
/* The keeper's call. */
void job_lost(void *context, const char *id, const char *token, const char *reason);
/* Orders for all commands. */
void jobs_tell(struct work *work, enum guardian_order order);
/* Decides about commands that have ended, hands in what is due, and frees what is over; true: something is over. */
bool jobs_go_on(struct work *work);
/* When the next of them wants to be handed in; INT64_MAX: none. */
int64_t jobs_due(const struct work *work);
/* Reaps guardians that have exited. */
void jobs_reap(struct work *work);

/* ---- between the job's own files ---- */

/* A log line: the task, its attempt, how long it took. */
void job_say(const struct job *job, const char *what, const char *why);
/* From now on it is only to be handed in, in this way. */
void job_hand_in(struct job *job, enum hand_in how);
/* Its command has ended: what does that mean? */
void job_settle(struct job *job);
/* What can't be delivered is kept and tried again, with the same token, so that an answer that was lost does not matter. */
void job_deliver(struct job *job);

#endif
