/*
 * The worker's and the operator's verbs, on our own ledger and on any host's whose profile has them.
 *
 *   verb                accepted, token matching                        same token, same verb, in already   else
 *   renew               running                                         –                                   lost
 *   complete            running; ready or stuck by a recovery and not   ok, nothing written                 lost
 *                       claimed since
 *   fail, release       running                                         ok, nothing written                 lost
 *   cancel, retry       by the transition table                         ok                                  not allowed
 */
#ifndef LEDGER_VERBS_H
#define LEDGER_VERBS_H

#include "given.h"
#include "ledger.h"

struct submission {
	const char *id, *queue, *kind, *payload, *key;
	size_t id_size; /* with an id: its bytes, so that a NUL in it is seen; 0: strlen */
	int64_t delay;
	int64_t deadline; /* 0: none */
	int64_t max_attempts, priority;
};

/*
 * All in one transaction. `ret_ids` gets `count` ids of RECLAIM_ID_SIZE each. On INVALID `*ret_bad` is the place of the
 * submission that is wrong.
 */
enum reclaim_status verb_submit(struct ledger *ledger, const struct submission *submissions,
				size_t count, char (*ret_ids)[RECLAIM_ID_SIZE], size_t *ret_bad,
				struct reclaim_error *error);

struct claiming {
	const char *owner, *queue;
	int64_t count, lease; /* lease 0: the profile's */
	bool registered;      /* the owner is a worker that registered: its lease is shared */
};

struct claimed {
	const char *id, *token, *queue, *kind, *payload;
	int64_t attempt, max_attempts, lease_until,
		deadline; /* NO_TIME: none; attempt and max_attempts -1: none */
	int64_t priority, due_at;
};

struct claims {
	struct arena arena;
	struct claimed *items;
	size_t count;
};
void claims_finish(struct claims *claims);

/*
 * OK with no items when there is nothing to claim, or a registered owner is not active any more (its next beat says so).
 * UNKNOWN: on a host's ledger `ret_claims` are those that may have been kept; a renewal of each tells.
 */
enum reclaim_status verb_claim(struct ledger *ledger, const struct claiming *claiming,
			       struct claims *ret_claims, struct reclaim_error *error);
/* `lease` 0: only the progress is kept. */
enum reclaim_status verb_renew(struct ledger *ledger, const char *id, const char *token,
			       int64_t lease, const char *progress,
			       struct reclaim_error *error);
enum reclaim_status verb_complete(struct ledger *ledger, const char *id, const char *token,
				  const char *result, struct reclaim_error *error);
/* `retry_in` < 0: backoff. */
enum reclaim_status verb_fail(struct ledger *ledger, const char *id, const char *token,
			      const char *message, int64_t retry_in, bool no_retry,
			      struct reclaim_error *error);
enum reclaim_status verb_release(struct ledger *ledger, const char *id, const char *token,
				 struct reclaim_error *error);
enum reclaim_status verb_retry(struct ledger *ledger, const char *id,
			       struct reclaim_error *error);
enum reclaim_status verb_cancel(struct ledger *ledger, const char *id,
				struct reclaim_error *error);

/* One of many verbs that are handed in together. */
struct handing {
	enum verb verb; /* VERB_RENEW, VERB_COMPLETE, VERB_FAIL or VERB_RELEASE */
	const char *id, *token;
	const char *text; /* progress, result or message; may be NULL but for fail */
	int64_t time;     /* lease, or when to retry (< 0: backoff) */
	bool no_retry;
};

/*
 * All in one transaction. `ret_statuses[i]` tells of the i-th: OK, NOT_FOUND, LOST or NOT_ALLOWED; such a failure stops
 * none of the others. Any other failure is the call's own, and then nothing has happened.
 */
enum reclaim_status verb_hand_in(struct ledger *ledger, const struct handing *handings,
				 size_t count, enum reclaim_status *ret_statuses,
				 struct reclaim_error *error);

/* A host's worker tells that it lives. UNSUPPORTED where the profile has no such thing. */
enum reclaim_status verb_beat(struct ledger *ledger, const char *worker, const char *status,
			      struct reclaim_error *error);

/* How often a hand-in looks at a task that others write between its looks and its changes. */
enum { LOOKS_MAX = 3 };

/* The two ledgers' own ways; the calls above choose. */
struct verbs {
	enum reclaim_status (*claim)(struct ledger *, const struct claiming *, struct claims *,
				     struct reclaim_error *);
	enum reclaim_status (*renew)(struct ledger *, const char *id, const char *token,
				     int64_t lease, const char *progress,
				     struct reclaim_error *);
	enum reclaim_status (*complete)(struct ledger *, const char *id, const char *token,
					const char *result, struct reclaim_error *);
	enum reclaim_status (*fail)(struct ledger *, const char *id, const char *token,
				    const char *message, int64_t retry_in, bool no_retry,
				    struct reclaim_error *);
	enum reclaim_status (*release)(struct ledger *, const char *id, const char *token,
				       struct reclaim_error *);
	enum reclaim_status (*retry)(struct ledger *, const char *id, struct reclaim_error *);
	enum reclaim_status (*cancel)(struct ledger *, const char *id, struct reclaim_error *);
	/*
	 * As verb_hand_in, in the open transaction, all ids different, and what they say checked. BUSY is the status of one
	 * whose task somebody wrote after the look: it goes by itself. NULL: all of them do.
	 */
	enum reclaim_status (*hand_in)(struct ledger *, const struct handing *, size_t count,
				       enum reclaim_status *ret_statuses,
				       struct reclaim_error *);
};
extern const struct verbs own_verbs, host_verbs;
const struct verbs *verbs_of(const struct ledger *ledger);

#endif
