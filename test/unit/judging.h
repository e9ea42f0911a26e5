/* Claims, rules and policies for the tests of the judge. */
#ifndef JUDGING_H
#define JUDGING_H

#include "judge.h"
#include "unit.h"

#define S USEC_PER_SEC
#define NOW (INT64_C(1000000) * S)
#define RUNNING STATE_BIT(STATE_RUNNING)

/* A running claim of which nothing is known. */
static inline struct facts claim(void)
{
	struct facts facts = { .state = STATE_RUNNING,
			       .owned = true,
			       .attempts = -1,
			       .max_attempts = -1,
			       .recoveries = -1,
			       .worker_seen = NO_TIME,
			       .worker_lease = NO_TIME };
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		facts.times[i] = NO_TIME;
	}
	return facts;
}

static inline struct facts claim_with(enum signal signal, int64_t time)
{
	struct facts facts = claim();
	facts.times[signal] = time;
	return facts;
}

static inline struct facts claim_of(enum presence presence, int64_t seen, int64_t lease)
{
	struct facts facts = claim();
	facts.presence = presence;
	facts.worker_seen = seen;
	facts.worker_lease = lease;
	return facts;
}

static inline struct rule rule_of(enum rule_kind kind, int64_t after)
{
	return (struct rule){ .name = rule_kind_name(kind),
			      .kind = kind,
			      .from = RUNNING,
			      .of = kind == RULE_AGE ? SIGNAL_BIT(SIGNAL_CLAIMED)
						     : SIGNAL_BIT(SIGNAL_BEAT),
			      .after = after,
			      .then = REMEDY_REQUEUE,
			      .reason = "" };
}

static inline struct policy policy_of(const struct rule *rules, size_t count)
{
	return (struct policy){ .rules = rules,
				.rule_count = count,
				.last_resort = REMEDY_STUCK,
				.budget_attempts = NO_LIMIT,
				.budget_recoveries = NO_LIMIT,
				.lease = 30 * S,
				.valve_min = NO_LIMIT };
}

static inline struct grace grace_after(int64_t at, int64_t wait)
{
	return (struct grace){ .events = { { .at = at, .wait = wait }, { .at = NO_TIME } } };
}

#endif
