/*
 * reclaim: gets stuck tasks moving again.
 *
 * A ledger is a table of tasks. Workers claim tasks for a lease, renew the lease while they work, and hand the task
 * in. When a worker dies, its claims go stale; a sweep finds them and puts each one right once, with an audit row in
 * the same transaction. The ledger is our own (`reclaim_init` makes it) or a table that you already have, described
 * by a profile.
 *
 *	#include <reclaim.h>
 *	#include <stdio.h>
 *
 *	int main(void)
 *	{
 *		struct reclaim_error error = { 0 };
 *		struct reclaim *ledger = NULL;
 *		struct reclaim_claims *claims = NULL;
 *		if (reclaim_open(&(struct reclaim_options){ .db = "sqlite:tasks.db", .create = true }, &ledger, &error) ||
 *		    reclaim_submit(ledger, &(struct reclaim_task){ .payload = "{\"n\":1}" }, 1, NULL, &error) ||
 *		    reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me" }, &claims, &error)) {
 *			fprintf(stderr, "%s\n", error.message);
 *		}
 *		for (size_t i = 0; i < reclaim_claims_count(claims); i++) {
 *			const struct reclaim_claimed *c = reclaim_claims_at(claims, i);
 *			reclaim_complete(ledger, c->id, c->token, "\"done\"", &error);
 *		}
 *		reclaim_claims_destroy(claims);
 *		reclaim_close(ledger);
 *		return (int)error.status;
 *	}
 *
 * Threads: a handle belongs to one thread at a time; open one for each thread. A keeper runs a thread and a
 * connection of its own. Ownership: what a `ret_` parameter gives is yours, and its `_destroy` or `_close` takes it
 * back; these take NULL. Strings that you pass are copied. Errors: every call returns a status; `error` may be NULL,
 * is written only on failure, and names the object. Times are microseconds since 1970 in UTC, durations microseconds;
 * in options 0 is the default and -1 is "off". The library never logs, prints or exits.
 */
#ifndef RECLAIM_H
#define RECLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RECLAIM_API __attribute__((visibility("default")))
#else
#define RECLAIM_API
#endif

#define RECLAIM_VERSION "0.1.0"

/* What a status says is what to do next. */
enum reclaim_status {
	RECLAIM_OK = 0,
	RECLAIM_INVALID,     /* mend the call, the configuration or the mapping */
	RECLAIM_NOT_FOUND,   /* no such task, or nothing to claim */
	RECLAIM_LOST,        /* the claim is somebody else's now: stop the work */
	RECLAIM_NOT_ALLOWED, /* the task's state does not allow it */
	RECLAIM_BUSY,        /* somebody holds a lock: try again */
	RECLAIM_UNAVAILABLE, /* the database is unreachable, missing, read-only, full, corrupted, or gives no right */
	RECLAIM_UNKNOWN, /* the connection broke during the commit: repeat with the same token */
	RECLAIM_UNSUPPORTED, /* not on this build, engine or ledger */
	RECLAIM_NO_MEMORY,
	RECLAIM_INTERNAL, /* a defect of ours: please report it */
};

#define RECLAIM_MESSAGE_SIZE 1024

struct reclaim_error {
	enum reclaim_status status;
	/* One line that names the object, the value and what is allowed. */
	char message[RECLAIM_MESSAGE_SIZE];
	bool unique;   /* INVALID because a unique index refuses it */
	bool overlong; /* BUSY because it took too long, not for somebody's lock */
};

/* A status in one or two words ("not found"); never NULL. */
RECLAIM_API const char *reclaim_status_text(enum reclaim_status status);
RECLAIM_API const char *reclaim_version(void);

/* ---- open and close ---- */

struct reclaim;

struct reclaim_options {
	const char *db;      /* URL; default $RECLAIM_DB, else "sqlite:reclaim.db" */
	const char *profile; /* a built-in name or a file; default "reclaim", our own ledger */
	bool create;         /* make a missing SQLite file and our tables */
	int64_t busy;        /* how long to wait for a lock; default 10 s */
};

RECLAIM_API enum reclaim_status reclaim_open(const struct reclaim_options *options,
					     struct reclaim **ret_ledger,
					     struct reclaim_error *error);
RECLAIM_API void reclaim_close(struct reclaim *ledger);

/* Creates or upgrades our tables, or adds what a host's ledger may lack. Idempotent. */
RECLAIM_API enum reclaim_status reclaim_init(struct reclaim *ledger,
					     struct reclaim_error *error);

/* ---- submit ---- */

#define RECLAIM_ID_SIZE 256 /* an id is 1…255 bytes of UTF-8 without NUL, and its end */

struct reclaim_task {
	const char *id;      /* default: a new UUIDv7 */
	const char *queue;   /* default "default" */
	const char *kind;    /* default "" */
	const char *payload; /* JSON text, kept byte for byte; default null */
	const char
		*key;  /* idempotency key: one task for each (queue, key) until it is pruned */
	int64_t delay; /* not before now + delay */
	int64_t deadline; /* failed when not finished by now + deadline; default none */
	int max_attempts; /* default 25 */
	int priority;     /* higher first; default 0 */
};

/*
 * Adds `count` tasks in one transaction: all or none. `ret_ids`, an array of `count`, gets the ids; a task whose key
 * is known already gives the id of the first. INVALID names the task (counted from 1) and the field.
 */
RECLAIM_API enum reclaim_status reclaim_submit(struct reclaim *ledger,
					       const struct reclaim_task *tasks, size_t count,
					       char (*ret_ids)[RECLAIM_ID_SIZE],
					       struct reclaim_error *error);

/* ---- claim ---- */

struct reclaim_claiming {
	const char *owner; /* required: your name, or a keeper's worker id */
	const char *queue; /* default: every queue */
	int count;         /* at most so many; default 1 */
	int64_t lease; /* default 30 s. A registered worker's claims live on the worker's lease: leave it 0 */
	bool registered; /* owner is a keeper's worker id: the claim needs its active registration */
};

struct reclaim_claimed {
	const char *id, *token, *queue, *kind, *payload; /* payload may be NULL */
	int attempt, max_attempts;                       /* -1: the ledger counts none */
	int64_t lease_until, deadline;                   /* INT64_MIN: none */
};

struct reclaim_claims;

/* Claims due tasks, highest priority and then oldest first. NOT_FOUND when there is none. */
RECLAIM_API enum reclaim_status reclaim_claim(struct reclaim *ledger,
					      const struct reclaim_claiming *claiming,
					      struct reclaim_claims **ret_claims,
					      struct reclaim_error *error);
RECLAIM_API size_t reclaim_claims_count(const struct reclaim_claims *claims);
RECLAIM_API const struct reclaim_claimed *reclaim_claims_at(const struct reclaim_claims *claims,
							    size_t i);
RECLAIM_API void reclaim_claims_destroy(struct reclaim_claims *claims);

/* ---- the keeper: beats from a thread of its own ---- */

struct reclaim_keeper;

/*
 * Called from the keeper's thread when a claim must stop: refused, cancelled, or about to be over with no way to
 * renew it. Must not block and must not call the keeper. Drop the claim when the work has ended: until then (for a few
 * beats) the keeper does not give it back, so that nobody else begins while you end.
 */
typedef void reclaim_lost_fn(void *context, const char *id, const char *token,
			     const char *reason);

struct reclaim_keeping {
	/* Shown to people, default host:pid; on a host's ledger the owner it claims as. */
	const char *name;
	int64_t lease; /* default 30 s */
	int64_t beat;  /* default a third of the lease */
	int64_t kill_grace; /* stop the work so long before the lease is over; default 5 s, at most a third of the lease */
	reclaim_lost_fn *lost;
	void *context;
};

/* Registers a worker (one incarnation; its id never comes back) and keeps its lease. */
RECLAIM_API enum reclaim_status reclaim_keeper_start(const struct reclaim_options *options,
						     const struct reclaim_keeping *keeping,
						     struct reclaim_keeper **ret_keeper,
						     struct reclaim_error *error);
/* The worker id to claim under; "" after the registration was lost and until a new one stands. */
RECLAIM_API void reclaim_keeper_worker(struct reclaim_keeper *keeper,
				       char (*ret_id)[RECLAIM_ID_SIZE]);
/* Whether the worker may claim now: registered, and its last beat acknowledged in time. */
RECLAIM_API bool reclaim_keeper_healthy(struct reclaim_keeper *keeper);
/* Says that a claim request is under way (+1) or that its answer is known (-1), so that no claim looks unexplained. */
RECLAIM_API void reclaim_keeper_claiming(struct reclaim_keeper *keeper, int change);
/* Says which claims this program holds. */
RECLAIM_API enum reclaim_status reclaim_keeper_hold(struct reclaim_keeper *keeper,
						    const char *id, const char *token,
						    struct reclaim_error *error);
RECLAIM_API void reclaim_keeper_drop(struct reclaim_keeper *keeper, const char *id,
				     const char *token);
/* Signs the worker off and frees the keeper. The claims still held become due at once. */
RECLAIM_API void reclaim_keeper_stop(struct reclaim_keeper *keeper);

/* ---- the worker's verbs. LOST: the claim is not yours any more ---- */

/* Both `progress` and `result` are JSON text or NULL. A renewal never shortens. */
RECLAIM_API enum reclaim_status reclaim_renew(struct reclaim *ledger, const char *id,
					      const char *token, int64_t lease,
					      const char *progress,
					      struct reclaim_error *error);
RECLAIM_API enum reclaim_status reclaim_complete(struct reclaim *ledger, const char *id,
						 const char *token, const char *result,
						 struct reclaim_error *error);

struct reclaim_failing {
	const char *message; /* required */
	int64_t retry_in;    /* default: 10 s x 2^(n-1), at most 1 h, +-20 % */
	bool no_retry;       /* failed for good, whatever is left of the budget */
};

RECLAIM_API enum reclaim_status reclaim_fail(struct reclaim *ledger, const char *id,
					     const char *token,
					     const struct reclaim_failing *failing,
					     struct reclaim_error *error);
/* Gives the task back at once, and the attempt with it. */
RECLAIM_API enum reclaim_status reclaim_release(struct reclaim *ledger, const char *id,
						const char *token, struct reclaim_error *error);

enum reclaim_handing_verb { RECLAIM_RENEW, RECLAIM_COMPLETE, RECLAIM_FAIL, RECLAIM_RELEASE };

struct reclaim_handing {
	enum reclaim_handing_verb verb;
	const char *id, *token;
	const char *text; /* progress, result or message */
	int64_t time;     /* renew: the lease; fail: retry_in; 0: the default */
	bool no_retry;
};

/*
 * Many at once, in one transaction. `ret_statuses[i]` tells of the i-th: OK, NOT_FOUND, LOST or NOT_ALLOWED; such a
 * failure stops none of the others. Any other failure is the call's own, and then nothing has happened.
 */
RECLAIM_API enum reclaim_status reclaim_hand_in(struct reclaim *ledger,
						const struct reclaim_handing *handings,
						size_t count, enum reclaim_status *ret_statuses,
						struct reclaim_error *error);

/* ---- the operator's verbs, audited ---- */

RECLAIM_API enum reclaim_status reclaim_retry(struct reclaim *ledger, const char *id,
					      struct reclaim_error *error);
RECLAIM_API enum reclaim_status reclaim_cancel(struct reclaim *ledger, const char *id,
					       struct reclaim_error *error);

/* ---- sweep ---- */

struct reclaim_sweeping {
	bool dry_run; /* the same look and the same verdicts, nothing written */
	bool force;   /* opens the valve, and allows a scan without an index */
	int64_t limit; /* lowers the cap of the pass; default the profile's; -1: nothing is taken */
};

struct reclaim_swept {
	int64_t in_flight, stale, requeued, failed, stuck, cancelled, held_back, lost_races,
		errors, locked, blind, vetoed;
	bool valve_holding;
};

/*
 * One pass. What could not be taken is counted; only a pass that could not be made, or was cut short by the database or
 * for having taken too long (BUSY), is an error. `ret_swept` is written then, too: what was committed before.
 */
RECLAIM_API enum reclaim_status reclaim_sweep(struct reclaim *ledger,
					      const struct reclaim_sweeping *sweeping,
					      struct reclaim_swept *ret_swept,
					      struct reclaim_error *error);

#ifdef __cplusplus
}
#endif
#endif
