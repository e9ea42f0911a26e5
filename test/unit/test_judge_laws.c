/* What holds of every verdict, over random rules, rows and graces from a seed (I7). */
#include "judging.h"
#include "random.h"

#define ROUNDS 40000
#define RULES_DRAWN 4

struct world {
	struct random random;
	struct rule rules[RULES_DRAWN];
	struct after_override override;
	struct policy policy;
	struct facts facts;
	struct grace grace;
};

static int64_t below(struct world *w, uint64_t bound)
{
	return (int64_t)random_below(&w->random, bound);
}

/* Near the present, so that thresholds, leases and graces meet. */
static int64_t some_time(struct world *w)
{
	return below(w, 4) == 0 ? NO_TIME : NOW + 20 - below(w, 120);
}

static void draw_rule(struct world *w, struct rule *rule)
{
	static const enum remedy then[] = { REMEDY_REQUEUE, REMEDY_FAIL, REMEDY_STUCK,
					    REMEDY_REPORT };
	bool timed;
	*rule = rule_of((enum rule_kind)below(w, RULE_KIND_COUNT), 0);
	timed = rule->kind == RULE_AGE || rule->kind == RULE_HEARTBEAT ||
		rule->kind == RULE_WORKER;
	rule->from = (unsigned)below(w, 1 << STATE_COUNT) | RUNNING;
	rule->of = (unsigned)below(w, 1 << SIGNAL_COUNT);
	rule->after = timed ? 1 + below(w, 60) : 0;
	rule->inclusive = below(w, 2);
	rule->missing_is_stale = below(w, 2);
	rule->unless_alive = below(w, 3) == 0;
	rule->then = then[below(w, 4)];
	if (timed && below(w, 3) == 0) {
		rule->overrides = &w->override;
		rule->override_count = 1;
	}
}

static void draw_facts(struct world *w)
{
	w->facts = claim();
	w->facts.state = below(w, 4) ? STATE_RUNNING : (enum state)below(w, STATE_COUNT);
	w->facts.owned = below(w, 5) != 0;
	w->facts.presence = (enum presence)below(w, WORKER_STOPPED + 1);
	w->facts.worker_terminal = below(w, 2);
	w->facts.worker_ignored = below(w, 4) == 0;
	w->facts.worker_seen = some_time(w);
	w->facts.worker_lease = some_time(w);
	w->facts.evidence = (enum evidence)below(w, EVIDENCE_DEAD + 1);
	w->facts.kind = below(w, 2) ? "batch" : NULL;
	w->facts.attempts = below(w, 5) - 1;
	w->facts.max_attempts = below(w, 5) - 1;
	w->facts.recoveries = below(w, 5) - 1;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		w->facts.times[i] = some_time(w);
	}
}

static void draw(struct world *w)
{
	w->override = (struct after_override){ "batch", NULL,
					       below(w, 2) ? AFTER_NEVER : below(w, 60) };
	w->policy = policy_of(w->rules, 1 + (size_t)below(w, RULES_DRAWN));
	for (size_t i = 0; i < w->policy.rule_count; i++) {
		draw_rule(w, &w->rules[i]);
	}
	w->policy.skew = below(w, 3);
	w->policy.lease = 1 + below(w, 30);
	w->policy.budget_attempts = 3;
	w->policy.budget_recoveries = 3;
	draw_facts(w);
	w->grace = grace_after(some_time(w), below(w, 40));
	w->grace.events[1] = (struct grace_event){ some_time(w), INT64_MAX };
}

static void judge_at(const struct world *w, int64_t now, struct verdict *ret)
{
	judge(&w->policy, &w->facts, &w->grace, now, ret);
}

/* Staleness of an unchanged row only grows: that makes the comparison at the take the recheck. */
static void test_staleness_only_grows(void **state)
{
	(void)state;
	struct world w;
	size_t stale = 0;
	random_seed(&w.random, 7);
	for (int i = 0; i < ROUNDS; i++) {
		struct verdict before, after;
		draw(&w);
		judge_at(&w, NOW, &before);
		judge_at(&w, NOW + 1 + below(&w, 100), &after);
		if (before.outcome == OUTCOME_STALE) {
			stale++;
			assert_int_equal(after.outcome, OUTCOME_STALE);
			assert_true(after.rule <= before.rule);
		}
	}
	assert_true(stale > ROUNDS / 10);
}

static void shift(int64_t *time, int64_t by)
{
	*time += *time == NO_TIME ? 0 : by;
}

/* A verdict is made of the facts and of now alone: the same everywhere, whenever, however often. */
static void test_a_verdict_depends_on_nothing_else(void **state)
{
	(void)state;
	struct world w;
	random_seed(&w.random, 11);
	for (int i = 0; i < ROUNDS; i++) {
		struct verdict here, there;
		char kind[] = "batch";
		draw(&w);
		judge_at(&w, NOW, &here);
		struct world other = w;
		int64_t by = below(&w, 1000000) * S;
		for (int s = 0; s < SIGNAL_COUNT; s++) {
			shift(&other.facts.times[s], by);
		}
		shift(&other.facts.worker_seen, by);
		shift(&other.facts.worker_lease, by);
		shift(&other.grace.events[0].at, by);
		shift(&other.grace.events[1].at, by);
		other.facts.kind = w.facts.kind ? kind : NULL;
		memset(&there, 0xa5, sizeof(there));
		judge_at(&other, NOW + by, &there);
		assert_int_equal(there.outcome, here.outcome);
		assert_ptr_equal(there.rule, here.rule);
		if (here.rule) {
			assert_int_equal(there.remedy, here.remedy);
			assert_int_equal(there.spent, here.spent);
			assert_true(there.finding.age == here.finding.age);
			assert_true(there.patience == here.patience);
		}
	}
}

/* I7 */
static void test_silence_never_takes_a_good_lease(void **state)
{
	(void)state;
	struct world w;
	size_t good = 0;
	random_seed(&w.random, 13);
	for (int i = 0; i < ROUNDS; i++) {
		struct verdict verdict;
		draw(&w);
		judge_at(&w, NOW, &verdict);
		bool stale = verdict.outcome == OUTCOME_STALE;
		if (stale && effective_lease(&w.facts) > NOW) {
			good++;
			assert_int_not_equal(rule_family(verdict.rule->kind), FAMILY_SILENCE);
		}
	}
	assert_true(good > ROUNDS / 100);
}

/* What `explain` shows of each rule is what decides. */
static void test_the_findings_make_the_verdict(void **state)
{
	(void)state;
	struct world w;
	random_seed(&w.random, 17);
	for (int i = 0; i < ROUNDS; i++) {
		struct verdict verdict;
		const struct rule *first = NULL;
		draw(&w);
		judge_at(&w, NOW, &verdict);
		for (size_t r = 0; !first && r < w.policy.rule_count; r++) {
			struct finding f;
			judge_rule(&w.policy, &w.rules[r], &w.facts, &w.grace, NOW, &f);
			assert_true(f.applies || !f.matches);
			first = f.matches && !f.held && !f.vetoed ? &w.rules[r] : NULL;
		}
		assert_int_equal(verdict.outcome == OUTCOME_STALE, first != NULL);
		if (first) {
			assert_ptr_equal(verdict.rule, first);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_staleness_only_grows),
		cmocka_unit_test(test_a_verdict_depends_on_nothing_else),
		cmocka_unit_test(test_silence_never_takes_a_good_lease),
		cmocka_unit_test(test_the_findings_make_the_verdict),
	};
	return cmocka_run_group_tests_name("judge_laws", tests, NULL, NULL);
}
