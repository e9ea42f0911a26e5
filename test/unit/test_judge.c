/* The judge: every kind of rule at its boundary, NULL, leases, proof, grace, budgets (I6, I7, I15). */
#include "judging.h"

static struct verdict judged(const struct rule *rules, size_t count, const struct facts *facts,
			     const struct grace *grace)
{
	struct policy policy = policy_of(rules, count);
	struct verdict verdict;
	judge(&policy, facts, grace, NOW, &verdict);
	return verdict;
}

static enum outcome outcome_of(const struct rule *rule, struct facts facts)
{
	return judged(rule, 1, &facts, /* grace= */ NULL).outcome;
}

/* ---- boundaries ---- */

static void test_boundaries(void **state)
{
	(void)state;
	static const struct {
		enum rule_kind kind;
		enum signal signal;
		int64_t age; /* of the signal */
		bool inclusive;
		enum outcome outcome;
	} cases[] = {
		{ RULE_AGE, SIGNAL_CLAIMED, 60 * S, false, OUTCOME_FINE },
		{ RULE_AGE, SIGNAL_CLAIMED, 60 * S + 1, false, OUTCOME_STALE },
		{ RULE_AGE, SIGNAL_CLAIMED, 60 * S, true, OUTCOME_STALE },
		{ RULE_AGE, SIGNAL_CLAIMED, 60 * S - 1, true, OUTCOME_FINE },
		{ RULE_AGE, SIGNAL_CLAIMED, -S, true, OUTCOME_FINE },
		{ RULE_HEARTBEAT, SIGNAL_BEAT, 60 * S, false, OUTCOME_FINE },
		{ RULE_HEARTBEAT, SIGNAL_BEAT, 60 * S + 1, false, OUTCOME_STALE },
		{ RULE_HEARTBEAT, SIGNAL_BEAT, 60 * S, true, OUTCOME_STALE },
		{ RULE_DEADLINE, SIGNAL_DEADLINE, 0, false, OUTCOME_FINE },
		{ RULE_DEADLINE, SIGNAL_DEADLINE, 1, false, OUTCOME_STALE },
		{ RULE_DEADLINE, SIGNAL_DEADLINE, 0, true, OUTCOME_STALE },
		/* A lease is good until its end, and over from then on. */
		{ RULE_LEASE, SIGNAL_LEASE, 0, false, OUTCOME_STALE },
		{ RULE_LEASE, SIGNAL_LEASE, -1, false, OUTCOME_FINE },
		{ RULE_LEASE, SIGNAL_LEASE, -1, true, OUTCOME_FINE },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool timed = cases[i].kind == RULE_AGE || cases[i].kind == RULE_HEARTBEAT;
		struct rule rule = rule_of(cases[i].kind, timed ? 60 * S : 0);
		rule.inclusive = cases[i].inclusive;
		struct facts facts = claim_with(cases[i].signal, NOW - cases[i].age);
		struct verdict verdict = judged(&rule, 1, &facts, NULL);
		assert_int_equal(verdict.outcome, cases[i].outcome);
		if (verdict.outcome == OUTCOME_STALE) {
			assert_ptr_equal(verdict.rule, &rule);
			assert_true(verdict.finding.age == cases[i].age);
			assert_true(verdict.finding.signal == NOW - cases[i].age);
			assert_int_equal(verdict.remedy, REMEDY_REQUEUE);
		}
	}
}

static void test_worker_boundaries(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_WORKER, 300 * S);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_ACTIVE, NOW - 300 * S, NO_TIME)),
			 OUTCOME_FINE);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_ACTIVE, NOW - 300 * S - 1, NO_TIME)),
			 OUTCOME_STALE);
	/* The label only says who has been reported. */
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_STALLED, NOW, NO_TIME)),
			 OUTCOME_FINE);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_STALLED, NOW - 301 * S, NO_TIME)),
			 OUTCOME_STALE);
	rule.inclusive = true;
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_ACTIVE, NOW - 300 * S, NO_TIME)),
			 OUTCOME_STALE);
	struct facts ignored = claim_of(WORKER_STOPPED, NOW - 900 * S, NO_TIME);
	ignored.worker_ignored = true;
	assert_int_equal(outcome_of(&rule, ignored), OUTCOME_BLIND);
	assert_false(judge_worker(&rule, NO_TIME, NOW));
	assert_true(judge_worker(&rule, NOW - 300 * S, NOW));
	rule.after = AFTER_NEVER;
	assert_false(judge_worker(&rule, 0, NOW));
}

static void test_a_missing_worker(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_WORKER, 300 * S);
	struct facts facts = claim_of(WORKER_MISSING, NO_TIME, NO_TIME);
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_BLIND);
	rule.missing_is_stale = true;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.times[SIGNAL_CLAIMED] = NOW - 300 * S;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.times[SIGNAL_CLAIMED]--;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.owned = false;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_BLIND);
}

/* ---- NULL ---- */

static void test_null_is_never_stale(void **state)
{
	(void)state;
	for (int kind = 0; kind < RULE_KIND_COUNT; kind++) {
		struct rule rule = rule_of((enum rule_kind)kind, 60 * S);
		assert_int_equal(outcome_of(&rule, claim()),
				 kind == RULE_DEADLINE ? OUTCOME_FINE : OUTCOME_BLIND);
	}
}

static void test_the_newest_of_several_ignores_null(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_HEARTBEAT, 60 * S);
	rule.of = SIGNAL_BIT(SIGNAL_BEAT) | SIGNAL_BIT(SIGNAL_UPDATED);
	struct facts facts = claim_with(SIGNAL_UPDATED, NOW - 61 * S);
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.times[SIGNAL_BEAT] = NOW - 60 * S;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.times[SIGNAL_UPDATED] = NO_TIME;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.times[SIGNAL_CREATED] = NOW; /* not one of them */
	facts.times[SIGNAL_BEAT] = NOW - 61 * S;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
}

/* I6: blind only where every rule but the deadline is without its times. */
static void test_blind(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_DEADLINE, 0), rule_of(RULE_HEARTBEAT, 60 * S),
				rule_of(RULE_AGE, 60 * S) };
	struct facts facts = claim();
	assert_int_equal(judged(rules, 3, &facts, NULL).outcome, OUTCOME_BLIND);
	facts.times[SIGNAL_DEADLINE] = NOW + S;
	assert_int_equal(judged(rules, 3, &facts, NULL).outcome, OUTCOME_FINE);
	facts = claim_with(SIGNAL_CLAIMED, NOW);
	assert_int_equal(judged(rules, 3, &facts, NULL).outcome, OUTCOME_FINE);
	facts = claim();
	facts.state = STATE_READY;
	assert_int_equal(judged(rules, 3, &facts, NULL).outcome, OUTCOME_FINE);
	facts.state = STATE_COMPLETED;
	facts.times[SIGNAL_CLAIMED] = 0;
	assert_int_equal(judged(rules, 3, &facts, NULL).outcome, OUTCOME_FINE);
}

static void test_times_that_overflow(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_AGE, 60 * S);
	assert_int_equal(outcome_of(&rule, claim_with(SIGNAL_CLAIMED, NO_TIME + 1)),
			 OUTCOME_STALE);
	assert_int_equal(outcome_of(&rule, claim_with(SIGNAL_CLAIMED, INT64_MAX)),
			 OUTCOME_FINE);
}

/* ---- leases ---- */

static void test_the_effective_lease_is_the_later_one(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_LEASE, 0);
	struct facts facts = claim_of(WORKER_ACTIVE, NOW - S, NOW + 1);
	facts.times[SIGNAL_LEASE] = NOW - 1;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.worker_lease = NOW - 2;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.times[SIGNAL_LEASE] = NOW + 1;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
}

/* An incarnation of ours that was ended never comes back: its lease is over whatever its row says. */
static void test_an_ended_worker_has_no_lease(void **state)
{
	(void)state;
	static const enum presence ended[] = { WORKER_STALLED, WORKER_STOPPED, WORKER_MISSING };
	struct rule rule = rule_of(RULE_LEASE, 0);
	for (size_t i = 0; i < COUNT_OF(ended); i++) {
		struct facts facts = claim_of(ended[i], NOW, NOW + 60 * S);
		facts.worker_terminal = true;
		assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
		facts.times[SIGNAL_LEASE] = NOW + 1; /* its own is still good */
		assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	}
}

/* Elsewhere a label says nothing about the lease: the worker may beat again under it. */
static void test_a_label_ends_no_lease_of_a_host(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_LEASE, 0);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_STALLED, NOW, NOW + 1)),
			 OUTCOME_FINE);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_STALLED, NOW, NOW)), OUTCOME_STALE);
	assert_int_equal(outcome_of(&rule, claim_of(WORKER_STOPPED, NOW, NOW)), OUTCOME_STALE);
}

/* I7: no theft. */
static void test_silence_respects_a_good_lease(void **state)
{
	(void)state;
	struct rule heartbeat = rule_of(RULE_HEARTBEAT, S), worker = rule_of(RULE_WORKER, S),
		    age = rule_of(RULE_AGE, S);
	struct facts facts = claim_of(WORKER_ACTIVE, NOW - 60 * S, NO_TIME);
	facts.times[SIGNAL_BEAT] = facts.times[SIGNAL_CLAIMED] = NOW - 60 * S;
	facts.times[SIGNAL_LEASE] = NOW + 1;
	assert_int_equal(outcome_of(&heartbeat, facts), OUTCOME_FINE);
	assert_int_equal(outcome_of(&worker, facts), OUTCOME_FINE);
	assert_int_equal(outcome_of(&age, facts), OUTCOME_STALE); /* a limit may */
	facts.times[SIGNAL_LEASE] = NOW;
	assert_int_equal(outcome_of(&heartbeat, facts), OUTCOME_STALE);
	assert_int_equal(outcome_of(&worker, facts), OUTCOME_STALE);
}

static void test_skew_lengthens_silence_only(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_HEARTBEAT, 60 * S), rule_of(RULE_AGE, 60 * S),
				rule_of(RULE_LEASE, 0) };
	static const enum signal signals[] = { SIGNAL_BEAT, SIGNAL_CLAIMED, SIGNAL_LEASE };
	static const int64_t after[] = { 60 * S, 60 * S, 0 };
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		struct policy policy = policy_of(&rules[i], 1);
		struct verdict verdict;
		policy.skew = 5 * S;
		int64_t skew = i == 1 ? 0 : policy.skew;
		struct facts facts = claim_with(signals[i], NOW - after[i] - skew - 1);
		judge(&policy, &facts, NULL, NOW, &verdict);
		assert_int_equal(verdict.outcome, OUTCOME_STALE);
		facts.times[signals[i]] += 2;
		judge(&policy, &facts, NULL, NOW, &verdict);
		assert_int_equal(verdict.outcome, OUTCOME_FINE);
	}
}

/* ---- proof, veto, grace ---- */

static void test_proof(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_EVIDENCE, 0);
	struct facts facts = claim_of(WORKER_ACTIVE, NOW, NOW + 60 * S);
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_BLIND);
	facts.evidence = EVIDENCE_ALIVE;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.evidence = EVIDENCE_DEAD;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.evidence = EVIDENCE_UNKNOWN;
	facts.presence = WORKER_STOPPED;
	facts.worker_terminal = true;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.worker_terminal = false; /* a host's worker may come back */
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_BLIND);
}

static void test_a_veto_needs_evidence_of_life(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_LEASE, 0), rule_of(RULE_AGE, 60 * S) };
	rules[0].unless_alive = true;
	struct facts facts = claim_with(SIGNAL_LEASE, NOW);
	assert_int_equal(outcome_of(rules, facts), OUTCOME_STALE);
	facts.evidence = EVIDENCE_ALIVE;
	struct verdict verdict = judged(rules, 2, &facts, NULL);
	assert_int_equal(verdict.outcome, OUTCOME_VETOED);
	assert_ptr_equal(verdict.rule, &rules[0]);
	assert_true(verdict.finding.vetoed);
	facts.times[SIGNAL_CLAIMED] = NOW - 61 * S; /* a later rule is not stopped by it */
	verdict = judged(rules, 2, &facts, NULL);
	assert_int_equal(verdict.outcome, OUTCOME_STALE);
	assert_ptr_equal(verdict.rule, &rules[1]);
	facts.evidence = EVIDENCE_DEAD;
	assert_ptr_equal(judged(rules, 2, &facts, NULL).rule, &rules[0]);
	rules[1] = rule_of(RULE_HEARTBEAT, 60 * S); /* vetoed first, and held after that */
	facts = claim_with(SIGNAL_BEAT, NOW - 61 * S);
	facts.times[SIGNAL_LEASE] = NOW;
	facts.evidence = EVIDENCE_ALIVE;
	struct grace grace = grace_after(NOW - S, INT64_MAX);
	grace.startup = true;
	rules[0].kind = RULE_AGE;
	facts.times[SIGNAL_CLAIMED] = NOW - 61 * S;
	rules[0].of = SIGNAL_BIT(SIGNAL_CLAIMED);
	verdict = judged(rules, 2, &facts, &grace);
	assert_int_equal(verdict.outcome, OUTCOME_VETOED);
	assert_ptr_equal(verdict.rule, &rules[0]);
}

/* I15: at most min(threshold, wait) after the event, only for signals older than it, and not beyond twice the threshold. */
static void test_grace(void **state)
{
	(void)state;
	static const struct {
		int64_t beat, at, wait; /* ages */
		enum outcome outcome;
	} cases[] = {
		{ 70, 5, 10, OUTCOME_GRACE },         { 70, 10, 10, OUTCOME_STALE },
		{ 70, 9, 10, OUTCOME_GRACE },         { 70, 59, INT64_MAX, OUTCOME_GRACE },
		{ 70, 60, INT64_MAX, OUTCOME_STALE }, { 119, 1, INT64_MAX, OUTCOME_GRACE },
		{ 120, 1, INT64_MAX, OUTCOME_STALE }, { 70, 70, INT64_MAX, OUTCOME_STALE },
		{ 61, 61, 60, OUTCOME_STALE },
	};
	struct rule rules[] = { rule_of(RULE_HEARTBEAT, 60 * S), rule_of(RULE_AGE, 60 * S) };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t wait = cases[i].wait == INT64_MAX ? INT64_MAX : cases[i].wait * S;
		struct grace grace = grace_after(NOW - cases[i].at * S, wait);
		struct facts facts = claim_with(SIGNAL_BEAT, NOW - cases[i].beat * S);
		assert_int_equal(judged(rules, 1, &facts, &grace).outcome, cases[i].outcome);
		grace.events[1] = grace.events[0];
		grace.events[0].at = NO_TIME;
		assert_int_equal(judged(rules, 1, &facts, &grace).outcome, cases[i].outcome);
		facts.times[SIGNAL_CLAIMED] = NOW - 61 * S; /* limits are not held back */
		assert_int_equal(judged(rules, 2, &facts, &grace).outcome, OUTCOME_STALE);
	}
}

/* A worker that was ended before its lease: its sign is younger than its patience, and may be than the event. */
static void test_grace_concerns_older_signals(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_LEASE, 0);
	struct facts facts = claim_of(WORKER_STALLED, NOW - 5 * S, NOW + 25 * S);
	facts.worker_terminal = true;
	struct grace grace = grace_after(NOW - 10 * S, INT64_MAX);
	assert_int_equal(judged(&rule, 1, &facts, &grace).outcome, OUTCOME_STALE);
	facts.worker_seen = NOW - 12 * S;
	assert_int_equal(judged(&rule, 1, &facts, &grace).outcome, OUTCOME_GRACE);
}

static void test_startup_grace_holds_all_silence(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_HEARTBEAT, 60 * S), rule_of(RULE_EVIDENCE, 0) };
	struct grace grace = grace_after(NO_TIME, 0);
	grace.startup = true;
	struct facts facts = claim_with(SIGNAL_BEAT, NOW - 900 * S);
	assert_int_equal(judged(rules, 2, &facts, &grace).outcome, OUTCOME_GRACE);
	facts.evidence = EVIDENCE_DEAD;
	assert_int_equal(judged(rules, 2, &facts, &grace).outcome, OUTCOME_STALE);
}

/* ---- budgets, overrides, order ---- */

static void test_budgets(void **state)
{
	(void)state;
	static const struct {
		int64_t attempts, max_attempts, recoveries, budget_attempts, budget_recoveries;
		bool left;
	} cases[] = {
		{ 2, -1, -1, 3, NO_LIMIT, true },   { 3, -1, -1, 3, NO_LIMIT, false },
		{ 0, -1, -1, 0, NO_LIMIT, false },  { -1, -1, -1, 0, 0, true },
		{ 24, 25, 0, 3, 3, true },          { 3, 3, 0, 25, 3, false },
		{ 1, 25, 2, 25, 3, true },          { 1, 25, 3, 25, 3, false },
		{ 1000, -1, 2, NO_LIMIT, 3, true }, { 0, 0, 0, NO_LIMIT, NO_LIMIT, false },
		{ 5, 25, 0, NO_LIMIT, 0, false },
	};
	struct rule rule = rule_of(RULE_LEASE, 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct policy policy = policy_of(&rule, 1);
		struct facts facts = claim_with(SIGNAL_LEASE, NOW);
		struct verdict verdict;
		facts.attempts = cases[i].attempts;
		facts.max_attempts = cases[i].max_attempts;
		facts.recoveries = cases[i].recoveries;
		policy.budget_attempts = cases[i].budget_attempts;
		policy.budget_recoveries = cases[i].budget_recoveries;
		assert_int_equal(budget_left(&policy, &facts), cases[i].left);
		judge(&policy, &facts, NULL, NOW, &verdict);
		assert_int_equal(verdict.spent, !cases[i].left);
		assert_int_equal(verdict.remedy, cases[i].left ? REMEDY_REQUEUE : REMEDY_STUCK);
		rule.then = REMEDY_FAIL; /* a budget is for requeues */
		judge(&policy, &facts, NULL, NOW, &verdict);
		assert_false(verdict.spent);
		assert_int_equal(verdict.remedy, REMEDY_FAIL);
		rule.then = REMEDY_REQUEUE;
	}
}

static void test_the_first_override_counts(void **state)
{
	(void)state;
	static const struct after_override overrides[] = {
		{ "batch", "night", 600 * S },
		{ "batch", NULL, 120 * S },
		{ NULL, "forever", AFTER_NEVER },
		{ "batch", NULL, S },
	};
	struct rule rule = rule_of(RULE_AGE, 60 * S);
	rule.overrides = overrides;
	rule.override_count = COUNT_OF(overrides);
	struct facts facts = claim_with(SIGNAL_CLAIMED, NOW - 119 * S);
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.kind = "batch";
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.times[SIGNAL_CLAIMED] = NOW - 121 * S;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.queue = "night";
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	facts.kind = NULL;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.queue = "forever";
	facts.times[SIGNAL_CLAIMED] = NO_TIME + 1;
	rule.inclusive = true;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
}

/* `never` holds where nothing is known, too. */
static void test_never_is_never(void **state)
{
	(void)state;
	static const struct after_override never = { "batch", NULL, AFTER_NEVER };
	struct rule worker = rule_of(RULE_WORKER, 60 * S), age = rule_of(RULE_AGE, 60 * S);
	struct facts facts = claim_of(WORKER_MISSING, NO_TIME, NO_TIME);
	worker.overrides = age.overrides = &never;
	worker.override_count = age.override_count = 1;
	worker.missing_is_stale = age.missing_is_stale = true;
	assert_int_equal(outcome_of(&worker, facts), OUTCOME_STALE);
	assert_int_equal(outcome_of(&age, facts), OUTCOME_STALE);
	facts.kind = "batch";
	assert_int_not_equal(outcome_of(&worker, facts), OUTCOME_STALE);
	assert_int_not_equal(outcome_of(&age, facts), OUTCOME_STALE);
}

static void test_the_first_match_wins(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_DEADLINE, 0), rule_of(RULE_HEARTBEAT, 60 * S) };
	rules[0].then = REMEDY_FAIL;
	rules[1].then = REMEDY_STUCK;
	struct facts facts = claim_with(SIGNAL_BEAT, NOW - 61 * S);
	facts.times[SIGNAL_DEADLINE] = NOW - 1;
	assert_int_equal(judged(rules, 2, &facts, NULL).remedy, REMEDY_FAIL);
	facts.times[SIGNAL_DEADLINE] = NOW;
	assert_int_equal(judged(rules, 2, &facts, NULL).remedy, REMEDY_STUCK);
	struct grace grace = grace_after(NOW - S, INT64_MAX);
	struct rule held_first[] = { rules[1], rules[0] };
	facts.times[SIGNAL_DEADLINE] = NOW - 1;
	struct verdict verdict = judged(held_first, 2, &facts, &grace);
	assert_int_equal(verdict.outcome, OUTCOME_STALE);
	assert_ptr_equal(verdict.rule, &held_first[1]);
}

/* ---- what the valve gets ---- */

static void test_the_last_sign_behind_a_lease(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_LEASE, 0);
	struct facts own = claim_with(SIGNAL_LEASE, NOW - S);
	own.times[SIGNAL_CLAIMED] = NOW - 50 * S;
	struct verdict verdict = judged(&rule, 1, &own, NULL);
	assert_true(verdict.last_signal == NOW - 50 * S && verdict.patience == 49 * S);
	own.times[SIGNAL_BEAT] = NOW - 21 * S; /* renewed */
	verdict = judged(&rule, 1, &own, NULL);
	assert_true(verdict.last_signal == NOW - 21 * S && verdict.patience == 20 * S);
	own.times[SIGNAL_CLAIMED] = own.times[SIGNAL_BEAT] =
		NO_TIME; /* the ledger keeps neither */
	verdict = judged(&rule, 1, &own, NULL);
	assert_true(verdict.last_signal == NOW - 31 * S && verdict.patience == 30 * S);
	struct facts shared = claim_of(WORKER_ACTIVE, NOW - 12 * S, NOW - 2 * S);
	shared.times[SIGNAL_CLAIMED] = NOW - 900 * S;
	verdict = judged(&rule, 1, &shared, NULL);
	assert_true(verdict.last_signal == NOW - 12 * S && verdict.patience == 10 * S);
	shared.presence = WORKER_STALLED;
	shared.worker_terminal = true;
	verdict = judged(&rule, 1, &shared, NULL);
	assert_true(verdict.last_signal == NOW - 12 * S && verdict.patience == 10 * S);
	struct facts limit = claim_with(SIGNAL_DEADLINE, NOW - S);
	struct rule deadline = rule_of(RULE_DEADLINE, 0);
	verdict = judged(&deadline, 1, &limit, NULL);
	assert_true(verdict.last_signal == NO_TIME && verdict.patience == 0);
}

/* ---- what a row says of itself ---- */

static void test_a_row_has_its_own_threshold(void **state)
{
	(void)state;
	static const struct {
		int64_t after, own; /* the rule's; the row's */
		int64_t age;
		bool inclusive;
		enum outcome outcome;
	} cases[] = {
		{ 60 * S, NO_TIME, 60 * S, false, OUTCOME_FINE }, /* NULL: the rule's */
		{ 60 * S, NO_TIME, 60 * S + 1, false, OUTCOME_STALE },
		{ 60 * S, 90 * S, 90 * S, false, OUTCOME_FINE },
		{ 60 * S, 90 * S, 90 * S, true, OUTCOME_STALE },
		{ 60 * S, 90 * S, 90 * S + 1, false, OUTCOME_STALE },
		{ 60 * S, 30 * S, 30 * S + 1, false, OUTCOME_STALE },
		{ 60 * S, 0, 0, false, OUTCOME_FINE },
		{ 60 * S, 0, 0, true, OUTCOME_STALE },
		{ 60 * S, 0, 1, false, OUTCOME_STALE },
		{ 60 * S, -1, 900 * S, false, OUTCOME_FINE }, /* never */
		{ 60 * S, -S, 900 * S, true, OUTCOME_FINE },
		{ AFTER_NEVER, NO_TIME, 900 * S, true, OUTCOME_FINE },
		{ AFTER_NEVER, 90 * S, 90 * S + 1, false, OUTCOME_STALE },
		{ AFTER_NEVER, 90 * S, 90 * S, false, OUTCOME_FINE },
		{ AFTER_NEVER, AFTER_NEVER, INT64_MAX, true, OUTCOME_FINE },
	};
	static const struct {
		enum rule_kind kind;
		enum signal signal;
	} kinds[] = { { RULE_AGE, SIGNAL_CLAIMED }, { RULE_HEARTBEAT, SIGNAL_BEAT } };
	for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(kinds); i++) {
		size_t c = i / COUNT_OF(kinds), k = i % COUNT_OF(kinds);
		struct rule rule = rule_of(kinds[k].kind, cases[c].after);
		rule.after_column = "expire_seconds";
		rule.place = 3;
		rule.inclusive = cases[c].inclusive;
		struct facts facts = claim_with(kinds[k].signal, cases[c].age == INT64_MAX
									 ? INT64_MIN + 1
									 : NOW - cases[c].age);
		for (size_t place = 0; place < RULES_MAX; place++) {
			facts.after[place] = 7 * S; /* other rules' */
		}
		facts.after[rule.place] = cases[c].own;
		assert_int_equal(outcome_of(&rule, facts), cases[c].outcome);
	}
}

/* It counts before what a kind's own threshold says, and without a column nobody asks for it. */
static void test_a_rows_threshold_comes_first(void **state)
{
	(void)state;
	const struct after_override override = { "mail", NULL, 10 * S };
	struct rule rule = rule_of(RULE_AGE, 60 * S);
	rule.overrides = &override;
	rule.override_count = 1;
	struct facts facts = claim_with(SIGNAL_CLAIMED, NOW - 11 * S);
	facts.kind = "mail";
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	rule.after_column = "expire_seconds";
	facts.after[0] = NO_TIME;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
	facts.after[0] = 20 * S;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_FINE);
	rule.after_column = NULL;
	assert_int_equal(outcome_of(&rule, facts), OUTCOME_STALE);
}

/* I7 and the skew hold for a row's own threshold too. */
static void test_a_rows_threshold_is_silence(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_HEARTBEAT, AFTER_NEVER);
	rule.after_column = "timeout";
	struct facts facts = claim_with(SIGNAL_BEAT, NOW - 31 * S);
	facts.after[0] = 30 * S;
	struct policy policy = policy_of(&rule, 1);
	struct verdict verdict;
	policy.skew = S;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_int_equal(verdict.outcome, OUTCOME_FINE);
	policy.skew = S - 1;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_int_equal(verdict.outcome, OUTCOME_STALE);
	assert_true(verdict.patience == 31 * S - 1);
	facts.times[SIGNAL_LEASE] = NOW + 1;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_int_equal(verdict.outcome, OUTCOME_FINE);
}

static void test_a_rule_leaves_rows_out(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_AGE, 60 * S), rule_of(RULE_HEARTBEAT, 60 * S) };
	rules[0].where = "NOT pinned";
	rules[0].place = 5;
	struct facts facts = claim_with(SIGNAL_CLAIMED, NOW - 61 * S);
	facts.where[5] = true;
	assert_int_equal(judged(rules, 1, &facts, NULL).outcome, OUTCOME_STALE);
	facts.where[5] = false;
	/* On purpose: nobody's claim is blind for it. */
	assert_int_equal(judged(rules, 1, &facts, NULL).outcome, OUTCOME_FINE);
	struct policy policy = policy_of(rules, 1);
	struct finding finding;
	judge_rule(&policy, &rules[0], &facts, NULL, NOW, &finding);
	assert_false(finding.applies);
	assert_string_equal(finding.saw, "a row that its `where` leaves out");
	/* But it is where the only rule that is about it has nothing to go by. */
	assert_int_equal(judged(rules, 2, &facts, NULL).outcome, OUTCOME_BLIND);
	facts.times[SIGNAL_BEAT] = NOW - 61 * S;
	assert_ptr_equal(judged(rules, 2, &facts, NULL).rule, &rules[1]);
	facts.where[5] = true;
	assert_ptr_equal(judged(rules, 2, &facts, NULL).rule, &rules[0]);
	facts.state = STATE_STUCK;
	assert_int_equal(judged(rules, 2, &facts, NULL).outcome, OUTCOME_FINE);
}

static void test_a_row_tells_of_its_worker(void **state)
{
	(void)state;
	struct rule rules[] = { rule_of(RULE_EVIDENCE, 0), rule_of(RULE_AGE, 60 * S) };
	rules[1].unless_alive = true;
	struct facts facts = claim_with(SIGNAL_CLAIMED, NOW - 61 * S);
	facts.told_by_row = true;
	facts.evidence = EVIDENCE_DEAD;
	struct verdict verdict = judged(rules, 2, &facts, NULL);
	assert_ptr_equal(verdict.rule, &rules[0]);
	assert_string_equal(verdict.finding.saw, "its row says that the worker is gone");
	facts.evidence = EVIDENCE_ALIVE;
	assert_int_equal(judged(rules, 2, &facts, NULL).outcome, OUTCOME_VETOED);
	facts.evidence = EVIDENCE_UNKNOWN;
	assert_ptr_equal(judged(rules, 2, &facts, NULL).rule, &rules[1]);
	assert_int_equal(judged(rules, 1, &facts, NULL).outcome, OUTCOME_BLIND);
}

static void test_a_cancel_is_a_last_resort(void **state)
{
	(void)state;
	struct rule rule = rule_of(RULE_AGE, 60 * S);
	struct policy policy = policy_of(&rule, 1);
	struct facts facts = claim_with(SIGNAL_CLAIMED, NOW - 61 * S);
	struct verdict verdict;
	policy.budget_recoveries = 2;
	policy.last_resort = REMEDY_CANCEL;
	facts.recoveries = 1;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_int_equal(verdict.remedy, REMEDY_REQUEUE);
	facts.recoveries = 2;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_true(verdict.spent);
	assert_int_equal(verdict.remedy, REMEDY_CANCEL);
	assert_int_equal(remedy_state(verdict.remedy), STATE_CANCELLED);
	rule.then = REMEDY_CANCEL;
	judge(&policy, &facts, NULL, NOW, &verdict);
	assert_false(verdict.spent);
	assert_int_equal(verdict.remedy, REMEDY_CANCEL);
}

static void test_names_go_both_ways(void **state)
{
	(void)state;
	enum remedy remedy;
	for (int i = 0; i < REMEDY_COUNT; i++) {
		assert_true(remedy_parse(remedy_name((enum remedy)i), &remedy));
		assert_int_equal(remedy, i);
	}
	assert_false(remedy_parse("", &remedy));
	assert_string_equal(rule_kind_name(RULE_LEASE), "lease");
	assert_string_equal(signal_name(SIGNAL_BEAT), "beat_at");
	assert_int_equal(remedy_state(REMEDY_REPORT), STATE_NONE);
	assert_string_equal(presence_name(WORKER_MISSING), "missing");
	assert_string_equal(evidence_name(EVIDENCE_DEAD), "dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_worker_boundaries),
		cmocka_unit_test(test_a_missing_worker),
		cmocka_unit_test(test_null_is_never_stale),
		cmocka_unit_test(test_the_newest_of_several_ignores_null),
		cmocka_unit_test(test_blind),
		cmocka_unit_test(test_times_that_overflow),
		cmocka_unit_test(test_the_effective_lease_is_the_later_one),
		cmocka_unit_test(test_an_ended_worker_has_no_lease),
		cmocka_unit_test(test_a_label_ends_no_lease_of_a_host),
		cmocka_unit_test(test_silence_respects_a_good_lease),
		cmocka_unit_test(test_skew_lengthens_silence_only),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_a_veto_needs_evidence_of_life),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_grace_concerns_older_signals),
		cmocka_unit_test(test_startup_grace_holds_all_silence),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_the_first_override_counts),
		cmocka_unit_test(test_never_is_never),
		cmocka_unit_test(test_a_row_has_its_own_threshold),
		cmocka_unit_test(test_a_rows_threshold_comes_first),
		cmocka_unit_test(test_a_rows_threshold_is_silence),
		cmocka_unit_test(test_a_cancel_is_a_last_resort),
		cmocka_unit_test(test_a_rule_leaves_rows_out),
		cmocka_unit_test(test_a_row_tells_of_its_worker),
		cmocka_unit_test(test_the_first_match_wins),
		cmocka_unit_test(test_the_last_sign_behind_a_lease),
		cmocka_unit_test(test_names_go_both_ways),
	};
	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
