/* Times against each other, and what this ledger can't promise. */
#include "lint.h"

#include "duration.h"

#include <inttypes.h>

#define CLEAR_MAX (3600 * USEC_PER_SEC)

static bool is_silence(const struct rule *rule)
{
	return rule_family(rule->kind) == FAMILY_SILENCE;
}

/* "5m", in the lint's memory. */
static const char *shown(struct lint *lint, int64_t duration)
{
	struct text TEXT_CLEANUP text = { 0 };
	duration_print(&text, duration);
	const char *copy = arena_string(&lint->arena, text_string(&text));
	return copy ? copy : "?";
}

/* ---- timing ---- */

static void lint_beat(struct lint *lint, const struct rule *rule, int64_t threshold)
{
	int64_t beat = lint->ledger->profile->policy.beat;
	if (beat <= 0 || threshold == AFTER_NEVER) {
		return;
	}
	if (threshold <= beat) {
		/* A profile can't say that; the environment can, and is no error. */
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "its threshold %s is not above the beat %s: every worker is silent "
			 "between two beats",
			 shown(lint, threshold), shown(lint, beat));
	} else if (threshold < 3 * beat) {
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "its threshold %s is less than three beats of %s: one slow beat is a "
			 "dead worker",
			 shown(lint, threshold), shown(lint, beat));
	}
}

static bool has_kind(const struct policy *policy, enum rule_kind kind)
{
	bool found = false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		found |= policy->rules[i].kind == kind;
	}
	return found;
}

/* I7: silence takes no claim whose lease is good, so the longer of the two counts. */
static void lint_silence(struct lint *lint, const struct rule *rule)
{
	const struct profile *profile = lint->ledger->profile;
	bool leases_end = has_kind(&lint->ledger->plan->policy, RULE_LEASE);
	if (rule->after < profile->lease) {
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "its threshold %s is below the lease %s: silence takes no claim whose "
			 "lease is good, so a dead worker is noticed when that ends",
			 shown(lint, rule->after), shown(lint, profile->lease));
	} else if (rule->after > profile->lease) {
		lint_add(lint, leases_end ? SEVERITY_NOTE : SEVERITY_WARNING, rule->name, NULL,
			 leases_end
				 ? "its threshold %s is above the lease %s: it is for claims "
				   "without a lease; those with one are taken when it ends"
				 : "its threshold %s is above the lease %s, and no rule "
				   "looks at the lease: a claim stays for so long after "
				   "its lease is over",
			 shown(lint, rule->after), shown(lint, profile->lease));
	}
}

static void lint_threshold(struct lint *lint, const struct rule *rule)
{
	const struct profile *profile = lint->ledger->profile;
	bool has_leases =
		profile->signals[SIGNAL_LEASE].column || profile->workers.lease.column;
	if (rule->after == AFTER_NEVER) {
		return;
	}
	if (is_silence(rule) && has_leases) {
		lint_silence(lint, rule);
	}
	if (rule->kind == RULE_AGE && has_leases && rule->after < profile->lease) {
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "its limit %s is below the lease %s: it takes claims from workers in "
			 "their first lease",
			 shown(lint, rule->after), shown(lint, profile->lease));
	}
	if (profile->interval > rule->after) {
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "the interval %s is longer than its threshold %s: most of the wait is "
			 "for the next sweep",
			 shown(lint, profile->interval), shown(lint, rule->after));
	}
}

static void lint_lease(struct lint *lint, const struct rule *rule)
{
	const struct profile *profile = lint->ledger->profile;
	int64_t beat = profile->policy.beat;
	if (beat > 0 && profile->lease < 3 * beat) {
		lint_add(lint, SEVERITY_WARNING, rule->name, NULL,
			 "the lease %s is less than three beats of %s: one slow beat loses the "
			 "claims",
			 shown(lint, profile->lease), shown(lint, beat));
	}
}

static void lint_cap(struct lint *lint)
{
	const struct profile *profile = lint->ledger->profile;
	int64_t in_flight = lint->condition->counts.in_flight, cap = profile->per_sweep;
	if (cap == NO_LIMIT || cap <= 0) {
		return;
	}
	int64_t passes = (in_flight + cap - 1) / cap;
	if (passes > 1 && profile->interval > 0 && passes > CLEAR_MAX / profile->interval) {
		lint_add(lint, SEVERITY_WARNING, "per_sweep", NULL,
			 "%" PRId64 " every %s: to recover all %" PRId64
			 " claims in flight would take %s",
			 cap, shown(lint, profile->interval), in_flight,
			 shown(lint, passes * profile->interval));
	}
}

static void lint_sweeper(struct lint *lint)
{
	const struct condition *c = lint->condition;
	bool swept = c->turn.exists && c->turn.last_at != NO_TIME;
	if (lint->ledger->profile->audit_is_log) {
		return;
	}
	if (!swept) {
		lint_add(lint, SEVERITY_NOTE, "sweeper", NULL,
			 "nobody has swept this ledger yet; `reclaim run` and `reclaim work` "
			 "do");
	} else if (c->now - c->turn.last_at > 3 * lint->ledger->profile->interval) {
		lint_add(lint, SEVERITY_WARNING, "sweeper", NULL,
			 "nobody has swept for %s, and the interval is %s: is `reclaim run` "
			 "down?",
			 shown(lint, (c->now - c->turn.last_at) / USEC_PER_SEC * USEC_PER_SEC),
			 shown(lint, lint->ledger->profile->interval));
	}
}

void lint_timing(struct lint *lint)
{
	const struct policy *policy = &lint->ledger->plan->policy;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		switch (rule->kind) {
		case RULE_HEARTBEAT:
		case RULE_WORKER:
			lint_beat(lint, rule, rule->after);
			lint_threshold(lint, rule);
			break;
		case RULE_AGE:
			lint_threshold(lint, rule);
			break;
		case RULE_LEASE:
			lint_lease(lint, rule);
			break;
		case RULE_DEADLINE:
		case RULE_EVIDENCE:
		case RULE_KIND_COUNT:
			break;
		}
	}
	lint_cap(lint);
	lint_sweeper(lint);
}

/* ---- promises ---- */

static bool has_rule(const struct policy *policy, bool (*wanted)(const struct rule *))
{
	bool found = false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		found |= wanted(&policy->rules[i]);
	}
	return found;
}

static bool requeues(const struct rule *rule)
{
	return rule->then == REMEDY_REQUEUE;
}

static bool is_limit(const struct rule *rule)
{
	return rule_family(rule->kind) == FAMILY_LIMIT;
}

static bool has_budget(const struct plan *plan)
{
	bool attempts =
		plan->at.roles[ROLE_MAX_ATTEMPTS] > 0 ||
		(plan->at.roles[ROLE_ATTEMPTS] > 0 && plan->policy.budget_attempts != NO_LIMIT);
	bool recoveries =
		(plan->at.roles[ROLE_RECOVERIES] > 0 || plan->profile->counts_recoveries) &&
		plan->policy.budget_recoveries != NO_LIMIT;
	return attempts || recoveries;
}

/* What tells one claim from the next: columns that are mapped already, else the one that would. */
static void lint_no_token(struct lint *lint)
{
	static const char what[] =
		"no token: a late worker of the host that completes, fails or "
		"releases by id alone ends what the new owner is doing, and its "
		"result is taken for the new one's";
	const struct profile *profile = lint->ledger->profile;
	const char *owner = profile->roles[ROLE_OWNER];
	const char *counter = profile->roles[ROLE_ATTEMPTS];
	const char *since = profile->signals[SIGNAL_CLAIMED].column;
	const char *second = counter ? counter : since;
	if (owner && second) {
		lint_add(
			lint, SEVERITY_WARNING, "I1", NULL,
			"%s. Columns { token = { \"%s\", \"%s\" } } would tell, if every claim "
			"changes them and no renewal does",
			what, owner, second);
		return;
	}
	const char *fix = arena_printf(
		&lint->arena, "ALTER TABLE %s ADD COLUMN claims integer NOT NULL DEFAULT 0",
		profile->table);
	lint_add(lint, SEVERITY_WARNING, "I1", fix,
		 "%s. One column would tell: a counter that every claim raises (claims = "
		 "claims + "
		 "1), that every hand-in compares, and columns { token = { \"claims\" } }",
		 what);
}

static bool is_sign(const struct rule *rule)
{
	return rule_family(rule->kind) != FAMILY_LIMIT;
}

/* A host may have an end of its own for what a requeue counts; that is its affair, and not seen from here. */
static void lint_no_budget(struct lint *lint)
{
	const struct profile *profile = lint->ledger->profile;
	const struct change *requeue = &profile->remedies[REMEDY_REQUEUE];
	const char *counter = profile->roles[ROLE_RECOVERIES];
	bool counted = false;
	for (size_t i = 0; counter && i < requeue->set_count; i++) {
		counted |= string_equal(requeue->set[i].column, counter);
	}
	if (counted) {
		lint_add(lint, SEVERITY_NOTE, "I5", NULL,
			 "no budget: a requeue counts in '%s', and what ends a task that kills "
			 "its workers is up to the host; a sweep requeues it each time",
			 counter);
	} else {
		lint_add(lint, SEVERITY_NOTE, "I5", NULL,
			 "no budget: nothing counts recoveries, so a task that kills its "
			 "workers is requeued for ever, unless the host ends it");
	}
}

static void lint_host(struct lint *lint)
{
	const struct plan *plan = lint->ledger->plan;
	const struct profile *profile = lint->ledger->profile;
	if (plan->token_count == 0) {
		lint_no_token(lint);
	} else {
		lint_add(lint, SEVERITY_NOTE, "I1", NULL,
			 "one holder: given for workers that use our verbs; the host's own "
			 "must match owner and state in "
			 "their updates, or a late one overwrites what another has done since");
	}
	if (has_rule(&plan->policy, requeues) && !has_budget(plan)) {
		lint_no_budget(lint);
	}
	if (profile->audit_is_log) {
		lint_add(lint, SEVERITY_NOTE, "I4", NULL,
			 "no audit table and no turn row: recoveries stand in the log alone, "
			 "and each sweeper has a cap "
			 "of its own");
	}
}

void lint_promises(struct lint *lint)
{
	const struct plan *plan = lint->ledger->plan;
	if (!lint->ledger->profile->native) {
		lint_host(lint);
	}
	if (!has_rule(&plan->policy, is_sign)) {
		lint_add(
			lint, SEVERITY_NOTE, "signals", NULL,
			"no rule looks at a sign of life: a dead worker is found by the age of "
			"its claim alone, and a slow one can't be told from it");
	}
	if (!has_rule(&plan->policy, is_limit)) {
		lint_add(lint, SEVERITY_NOTE, "I6", NULL,
			 "no deadline and no age rule: a worker that beats for ever and never "
			 "advances is not noticed");
	}
	if (has_rule(&plan->policy, is_silence) && plan->policy.valve_min == NO_LIMIT) {
		lint_add(lint, SEVERITY_NOTE, "I15", NULL,
			 "the valve is off: when all workers fall silent at once, all of their "
			 "claims are taken");
	}
}

/* ---- the worst case ---- */

struct worst_case worst_case_of(const struct profile *profile, const struct rule *rule)
{
	struct worst_case w = { .threshold = rule->after,
				.interval = profile->interval,
				.beyond = NO_TIME,
				.total = NO_TIME,
				.column = rule->after_column };
	switch (rule->kind) {
	case RULE_LEASE:
		w.threshold = profile->lease;
		break;
	case RULE_EVIDENCE:
		w.threshold = 0;
		break;
	case RULE_DEADLINE:
		w.threshold = NO_TIME;
		return w;
	case RULE_AGE:
	case RULE_HEARTBEAT:
	case RULE_WORKER:
	case RULE_KIND_COUNT:
		break;
	}
	bool never = w.threshold == AFTER_NEVER;
	if (never && !w.column) {
		w.threshold = NO_TIME;
		return w;
	}
	w.grace = is_silence(rule) ? profile->start_grace : 0;
	int64_t sum;
	bool fits =
		!__builtin_add_overflow(w.interval, w.grace, &sum) &&
		!__builtin_add_overflow(sum, is_silence(rule) ? profile->policy.skew : 0, &sum);
	w.beyond = fits ? sum : INT64_MAX;
	fits = !__builtin_add_overflow(w.beyond, w.threshold, &sum);
	w.total = never ? NO_TIME : fits ? sum : INT64_MAX;
	w.threshold = never ? NO_TIME : w.threshold;
	return w;
}
