/*
 * The judge: one pure function of (row, its worker, evidence, now, policy) that says whether a claim is stale and why.
 * Sweep, dry run, explain, stale and the valve all call it.
 *
 * Rules come in three families. Limits judge the task, even if its worker lives: deadline, age. Silence judges the
 * signals of the worker: lease, heartbeat, worker. Proof: evidence.
 *
 * - I6  a claim that no rule could ever judge is blind.
 * - I7  silence never takes a claim whose lease is good.
 * - I15 a grace holds back silence only, and nothing beyond twice its threshold.
 */
#ifndef CORE_JUDGE_H
#define CORE_JUDGE_H

#include "state.h"
#include "timefmt.h"

/* The times of a row that a rule can look at. */
enum signal {
	SIGNAL_CLAIMED,
	SIGNAL_BEAT,
	SIGNAL_LEASE, /* until when the claim is good */
	SIGNAL_DEADLINE,
	SIGNAL_UPDATED,
	SIGNAL_CREATED,
	SIGNAL_DUE,
	SIGNAL_FINISHED,
	SIGNAL_COUNT,
};
#define SIGNAL_BIT(signal) (1u << (signal))

/* The name that profiles and messages use: claimed_at, beat_at, lease_until, deadline, … */
const char *signal_name(enum signal signal);

enum rule_kind {
	RULE_DEADLINE,
	RULE_AGE,
	RULE_LEASE,
	RULE_HEARTBEAT,
	RULE_WORKER,
	RULE_EVIDENCE,
	RULE_KIND_COUNT
};
enum family { FAMILY_LIMIT, FAMILY_SILENCE, FAMILY_PROOF };
enum remedy {
	REMEDY_REPORT,
	REMEDY_REQUEUE,
	REMEDY_FAIL,
	REMEDY_STUCK,
	REMEDY_CANCEL,
	REMEDY_COUNT
};

const char *rule_kind_name(enum rule_kind kind);
enum family rule_family(enum rule_kind kind);
const char *remedy_name(enum remedy remedy);
bool remedy_parse(const char *name, enum remedy *ret_remedy);
enum state remedy_state(enum remedy remedy); /* where it leads; STATE_NONE for report */

#define AFTER_NEVER INT64_MAX
/* How many rules a policy may have: facts have a place for each. */
#define RULES_MAX 32

/* A threshold of its own for some kinds and queues; a NULL pattern is any. The first that matches counts. */
struct after_override {
	const char *kind, *queue;
	int64_t after; /* or AFTER_NEVER */
};

struct rule {
	const char *name;
	enum rule_kind kind;
	unsigned from; /* STATE_BITs it judges */
	unsigned of;   /* SIGNAL_BITs; the newest that is not NULL counts (age, heartbeat) */
	int64_t after; /* threshold; 0 for deadline, lease and evidence */
	/* Of seconds; where it is not NULL it counts instead, and below 0 is never. NULL: none. */
	const char *after_column;
	/* SQL predicate over the row, or the rule does not judge it; NULL: none. */
	const char *where;
	int place;             /* of its own where and threshold among a row's facts */
	bool inclusive;        /* age = threshold is stale already */
	bool missing_is_stale; /* worker: a claim whose worker has no row */
	bool unless_alive;     /* evidence of life vetoes it */
	enum remedy then;
	const char *reason;       /* for the audit; see message.h. Never NULL */
	const char *spent_reason; /* the same when the budget is used up; NULL: reason */
	const char *error; /* for the host's error column; NULL: nothing is written there */
	const char *spent_error; /* the same when the budget is used up */
	const struct after_override *overrides;
	size_t override_count;
};

#define NO_LIMIT INT64_MAX

struct policy {
	const struct rule *rules;
	size_t rule_count;
	enum remedy last_resort; /* instead of a requeue when the budget is used up */
	int64_t budget_attempts; /* requeue needs attempts < this; NO_LIMIT: no such budget. A row's own maximum counts first */
	int64_t budget_recoveries; /* requeue needs recoveries < this */
	int64_t skew;              /* how far ahead of the engine a host's clocks may be */
	int64_t beat; /* how often a living worker gives a sign; 0: a tenth of the threshold */
	int64_t lease; /* the lease a claim gets, where the ledger keeps neither claim nor renewal time */
	int64_t valve_min; /* NO_LIMIT: the valve is off */
	double valve_fraction;
};

enum presence {
	WORKER_UNMAPPED,
	WORKER_MISSING,
	WORKER_ACTIVE,
	WORKER_STALLED,
	WORKER_STOPPED
};
enum evidence { EVIDENCE_UNKNOWN, EVIDENCE_ALIVE, EVIDENCE_DEAD };

const char *presence_name(enum presence presence);
const char *evidence_name(enum evidence evidence);

/* What a verdict reads. Times may be NO_TIME, counts -1 for "the ledger does not keep it". */
struct facts {
	enum state state;
	bool owned;
	int64_t times[SIGNAL_COUNT];
	int64_t attempts, max_attempts, recoveries;
	const char *kind, *queue;
	enum presence presence;
	bool worker_terminal; /* ids of workers never come back: one that is not active has no lease (our own ledger) */
	bool worker_ignored; /* its label is one that the worker rule leaves alone */
	int64_t worker_seen, worker_lease;
	enum evidence evidence;
	bool told_by_row; /* … which the row says itself, not the worker's process */
	/* By a rule's place: whether its `where` holds, and the row's own threshold. */
	bool where[RULES_MAX];
	int64_t after[RULES_MAX]; /* NO_TIME: the rule's */
};

/*
 * Events after which silence waits: the end of an outage of our view of the ledger, the server's start. A claim whose
 * last signal is older than `at` waits until at + min(threshold, wait).
 */
struct grace_event {
	int64_t at; /* NO_TIME: none */
	int64_t wait; /* outage: its length and one beat; server start: INT64_MAX, a whole threshold */
};
struct grace {
	struct grace_event events[2];
	bool startup; /* the daemon's own start-up grace: no silence at all */
};

enum outcome {
	OUTCOME_FINE,
	OUTCOME_STALE,
	OUTCOME_VETOED, /* stale, but its worker proved alive */
	OUTCOME_GRACE,  /* stale, and a grace holds it back */
	OUTCOME_BLIND,
};

/* One rule's view of one row. */
struct finding {
	bool applies; /* the rule judges this state and has the signals it needs */
	bool matches; /* … and says stale */
	bool vetoed,
		held; /* … but the worker proved alive; but a grace or a good lease (I7) holds it back */
	const char *saw; /* what it looked at, or why it can't: a constant string */
	int64_t signal;  /* the time it looked at, or NO_TIME */
	int64_t age; /* now - signal; for deadline and lease how long it is over (negative: still to come) */
	int64_t threshold; /* or AFTER_NEVER */
};

struct verdict {
	enum outcome outcome;
	const struct rule *rule; /* NULL when fine or blind */
	enum remedy remedy;      /* after the budget */
	bool spent;              /* the budget is used up: the last resort */
	struct finding finding;
	int64_t last_signal; /* silence: the last sign of life, and how long without one is stale (the valve's input) */
	int64_t patience;
};

void judge_rule(const struct policy *policy, const struct rule *rule, const struct facts *facts,
		const struct grace *grace, int64_t now, struct finding *ret_finding);
/* First match wins. A rule that is vetoed or held does not stop a later one from matching. */
void judge(const struct policy *policy, const struct facts *facts, const struct grace *grace,
	   int64_t now, struct verdict *ret_verdict);
/* The later of the task's own lease and its worker's, if that was not ended; NO_TIME: neither. */
int64_t effective_lease(const struct facts *facts);
/* Whether a grace (NULL: none) holds a silence back; `patience`: how long without a sign is stale. */
bool judge_grace(const struct grace *grace, int64_t signal, int64_t patience, int64_t now);
/* Whether a worker has been silent by that rule. */
bool judge_worker(const struct rule *rule, int64_t seen, int64_t now);
/* Whether a requeue is within the budget. */
bool budget_left(const struct policy *policy, const struct facts *facts);

#endif
