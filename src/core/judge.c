/* The judge: rules in order, first match wins; every rule's view of a row is a finding of its own. */
#include "judge.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b; /* NO_TIME is the smallest */
}

/* a - b and a + b without overflow: times come from rows. */
static int64_t minus(int64_t a, int64_t b)
{
	int64_t difference;
	if (__builtin_sub_overflow(a, b, &difference)) {
		return a < b ? INT64_MIN + 1 : INT64_MAX;
	}
	return difference;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t newest(const struct facts *facts, unsigned signals)
{
	int64_t time = NO_TIME;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (signals & SIGNAL_BIT(i)) {
			time = later(time, facts->times[i]);
		}
	}
	return time;
}

/* It never comes back: lost, signed off, or its row is gone. */
static bool ended(const struct facts *facts)
{
	return facts->worker_terminal && facts->presence != WORKER_ACTIVE &&
	       facts->presence != WORKER_UNMAPPED;
}

/* A label by itself ends no lease: a host's worker may beat again under it. */
static int64_t worker_lease(const struct facts *facts)
{
	bool has_row = facts->presence != WORKER_UNMAPPED && facts->presence != WORKER_MISSING;
	return has_row && !ended(facts) ? facts->worker_lease : NO_TIME;
}

int64_t effective_lease(const struct facts *facts)
{
	return later(facts->times[SIGNAL_LEASE], worker_lease(facts));
}

static bool lease_is_good(const struct policy *policy, const struct facts *facts, int64_t now)
{
	int64_t lease = effective_lease(facts);
	return lease != NO_TIME && plus(lease, policy->skew) > now;
}

static int64_t threshold_of(const struct rule *rule, const struct facts *facts)
{
	int64_t own = rule->after_column ? facts->after[rule->place] : NO_TIME;
	if (own != NO_TIME) {
		return own < 0 ? AFTER_NEVER : own;
	}
	for (size_t i = 0; i < rule->override_count; i++) {
		const struct after_override *o = &rule->overrides[i];
		if ((!o->kind || string_equal(o->kind, facts->kind)) &&
		    (!o->queue || string_equal(o->queue, facts->queue))) {
			return o->after;
		}
	}
	return rule->after;
}

static bool past(int64_t age, int64_t threshold, bool inclusive)
{
	return inclusive ? age >= threshold : age > threshold;
}

static void look_at(struct finding *f, int64_t signal, int64_t now, const char *saw)
{
	f->saw = saw;
	f->signal = signal;
	f->applies = signal != NO_TIME;
	if (f->applies) {
		f->age = minus(now, signal);
	}
}

static void find_deadline(const struct rule *rule, const struct facts *facts, int64_t now,
			  struct finding *f)
{
	look_at(f, facts->times[SIGNAL_DEADLINE], now,
		facts->times[SIGNAL_DEADLINE] == NO_TIME ? "no deadline" : "the deadline");
	f->matches = f->applies && past(f->age, 0, rule->inclusive);
}

static void find_age(const struct rule *rule, const struct facts *facts, int64_t now,
		     struct finding *f)
{
	int64_t signal = newest(facts, rule->of);
	look_at(f, signal, now,
		signal == NO_TIME ? "no time to go by" : "the newest of its times");
	f->matches = f->applies && f->threshold != AFTER_NEVER &&
		     past(f->age, f->threshold, rule->inclusive);
	if (signal == NO_TIME && rule->missing_is_stale) {
		f->applies = f->matches = f->threshold != AFTER_NEVER;
	}
}

static void find_lease(const struct rule *rule, const struct facts *facts, int64_t now,
		       struct finding *f)
{
	int64_t lease = effective_lease(facts);
	bool has_row = facts->presence == WORKER_STALLED || facts->presence == WORKER_STOPPED;
	if (lease != NO_TIME) {
		look_at(f, lease, now, "the effective lease");
		f->matches = f->age >= f->threshold;
		return;
	}
	f->saw = ended(facts) && has_row ? "its worker's lease was ended"
					 : "neither a lease nor a worker row";
	f->applies = ended(facts) || rule->missing_is_stale;
	f->matches = f->applies;
	f->signal = facts->presence == WORKER_STALLED ? facts->worker_lease : NO_TIME;
	if (f->signal == NO_TIME) {
		f->signal = newest(facts, SIGNAL_BIT(SIGNAL_CLAIMED) | SIGNAL_BIT(SIGNAL_BEAT));
	}
	f->age = f->signal == NO_TIME ? 0 : minus(now, f->signal);
}

static void find_worker(const struct rule *rule, const struct facts *facts, int64_t now,
			struct finding *f)
{
	if (!facts->owned || facts->presence == WORKER_UNMAPPED) {
		f->saw = "no owner";
	} else if (facts->presence == WORKER_MISSING) {
		look_at(f, newest(facts, SIGNAL_BIT(SIGNAL_CLAIMED) | SIGNAL_BIT(SIGNAL_BEAT)),
			now, "the worker has no row");
		f->applies = rule->missing_is_stale;
		f->matches =
			f->applies && f->threshold != AFTER_NEVER &&
			(f->signal == NO_TIME || past(f->age, f->threshold, rule->inclusive));
	} else if (facts->worker_ignored) {
		f->saw = "the worker's label is one that this rule leaves alone";
	} else {
		look_at(f, facts->worker_seen, now,
			facts->worker_seen == NO_TIME ? "the worker was never seen"
						      : "the worker's last sign");
		f->matches = f->applies && f->threshold != AFTER_NEVER &&
			     past(f->age, f->threshold, rule->inclusive);
	}
}

static void find_evidence(const struct rule *rule, const struct facts *facts, int64_t now,
			  struct finding *f)
{
	static const char *const words[][2] = {
		[EVIDENCE_UNKNOWN] = { "no evidence either way", "no evidence either way" },
		[EVIDENCE_ALIVE] = { "the worker's process lives",
				     "its row says that the worker lives" },
		[EVIDENCE_DEAD] = { "the worker's process is gone",
				    "its row says that the worker is gone" },
	};
	(void)rule;
	bool stopped = facts->worker_terminal && facts->presence == WORKER_STOPPED;
	f->saw = stopped ? "the worker signed off" : words[facts->evidence][facts->told_by_row];
	f->applies = stopped || facts->evidence != EVIDENCE_UNKNOWN;
	f->matches = stopped || facts->evidence == EVIDENCE_DEAD;
	f->signal = later(facts->worker_seen,
			  newest(facts, SIGNAL_BIT(SIGNAL_CLAIMED) | SIGNAL_BIT(SIGNAL_BEAT)));
	f->age = f->signal == NO_TIME ? 0 : minus(now, f->signal);
}

static void (*const finders[RULE_KIND_COUNT])(const struct rule *, const struct facts *,
					      int64_t, struct finding *) = {
	[RULE_DEADLINE] = find_deadline, [RULE_AGE] = find_age,
	[RULE_LEASE] = find_lease,       [RULE_HEARTBEAT] = find_age,
	[RULE_WORKER] = find_worker,     [RULE_EVIDENCE] = find_evidence,
};

/* The last sign of life, and how long without one is stale. */
static void patience_of(const struct policy *policy, const struct rule *rule,
			const struct facts *facts, const struct finding *f, int64_t *ret_signal,
			int64_t *ret_patience)
{
	*ret_signal = f->signal;
	*ret_patience = f->threshold;
	if (rule->kind != RULE_LEASE) {
		return;
	}
	int64_t end = later(effective_lease(facts), facts->worker_lease);
	bool own = facts->times[SIGNAL_LEASE] != NO_TIME && end == facts->times[SIGNAL_LEASE];
	int64_t signal =
		own ? newest(facts, SIGNAL_BIT(SIGNAL_CLAIMED) | SIGNAL_BIT(SIGNAL_BEAT))
		    : facts->worker_seen;
	bool kept = end != NO_TIME && signal != NO_TIME && signal < end;
	*ret_patience = kept ? minus(end, signal) : policy->lease;
	*ret_signal = kept ? signal : end != NO_TIME ? minus(end, policy->lease) : f->signal;
}

bool judge_grace(const struct grace *grace, int64_t signal, int64_t patience, int64_t now)
{
	if (!grace) {
		return false;
	}
	for (size_t i = 0; i < sizeof(grace->events) / sizeof(grace->events[0]); i++) {
		const struct grace_event *event = &grace->events[i];
		int64_t wait = event->wait < patience ? event->wait : patience;
		if (event->at != NO_TIME && signal != NO_TIME && signal < event->at &&
		    now < plus(event->at, wait) &&
		    minus(now, signal) < plus(patience, patience)) {
			return true;
		}
	}
	return grace->startup;
}

/* Its `where` holds, or it has none: else the rule is not about this row, and leaves nobody in limbo (I6). */
static bool is_about(const struct rule *rule, const struct facts *facts)
{
	return (rule->from & STATE_BIT(facts->state)) &&
	       (!rule->where || facts->where[rule->place]);
}

void judge_rule(const struct policy *policy, const struct rule *rule, const struct facts *facts,
		const struct grace *grace, int64_t now, struct finding *ret_finding)
{
	struct finding f = { .saw = "a state that this rule does not judge",
			     .signal = NO_TIME,
			     .threshold = threshold_of(rule, facts) };
	bool silence = rule_family(rule->kind) == FAMILY_SILENCE;
	if (silence && f.threshold != AFTER_NEVER) {
		f.threshold = plus(f.threshold, policy->skew);
	}
	if (is_about(rule, facts)) {
		finders[rule->kind](rule, facts, now, &f);
	} else if (rule->from & STATE_BIT(facts->state)) {
		f.saw = "a row that its `where` leaves out";
	}
	if (f.matches && silence && rule->kind != RULE_LEASE &&
	    lease_is_good(policy, facts, now)) {
		f.matches = false;
		f.saw = "silent, but its lease is still good";
	}
	if (f.matches && silence) {
		int64_t signal, patience;
		patience_of(policy, rule, facts, &f, &signal, &patience);
		f.held = judge_grace(grace, signal, patience, now);
	}
	f.vetoed = f.matches && rule->unless_alive && facts->evidence == EVIDENCE_ALIVE;
	*ret_finding = f;
}

bool budget_left(const struct policy *policy, const struct facts *facts)
{
	int64_t attempts =
		facts->max_attempts >= 0 ? facts->max_attempts : policy->budget_attempts;
	return (facts->attempts < 0 || facts->attempts < attempts) &&
	       (facts->recoveries < 0 || facts->recoveries < policy->budget_recoveries);
}

static void stale(const struct policy *policy, const struct rule *rule,
		  const struct facts *facts, const struct finding *f, struct verdict *v)
{
	v->rule = rule;
	v->finding = *f;
	v->outcome = f->vetoed ? OUTCOME_VETOED : f->held ? OUTCOME_GRACE : OUTCOME_STALE;
	v->spent = rule->then == REMEDY_REQUEUE && !budget_left(policy, facts);
	v->remedy = v->spent ? policy->last_resort : rule->then;
	v->last_signal = NO_TIME;
	v->patience = 0;
	if (rule_family(rule->kind) == FAMILY_SILENCE) {
		patience_of(policy, rule, facts, f, &v->last_signal, &v->patience);
	}
}

void judge(const struct policy *policy, const struct facts *facts, const struct grace *grace,
	   int64_t now, struct verdict *ret_verdict)
{
	struct verdict verdict = { .outcome = OUTCOME_FINE, .last_signal = NO_TIME };
	bool in_flight = false, seen = false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		struct finding f;
		judge_rule(policy, rule, facts, grace, now, &f);
		seen |= f.applies;
		in_flight |= rule->kind != RULE_DEADLINE && is_about(rule, facts);
		if (f.matches && (verdict.outcome == OUTCOME_FINE || (!f.vetoed && !f.held))) {
			stale(policy, rule, facts, &f, &verdict);
		}
		if (verdict.outcome == OUTCOME_STALE) {
			break;
		}
	}
	if (in_flight && !seen) {
		verdict.outcome = OUTCOME_BLIND;
	}
	*ret_verdict = verdict;
}

bool judge_worker(const struct rule *rule, int64_t seen, int64_t now)
{
	return seen != NO_TIME && rule->after != AFTER_NEVER &&
	       past(minus(now, seen), rule->after, rule->inclusive);
}
