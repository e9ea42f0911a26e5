/* Checks rules against what the profile maps: columns, states, remedies, and the beat. */
#include "check.h"
#include "duration.h"

#include <string.h>

static bool needs(struct checker *c, const char *column)
{
	return BAD(c, c->node->line, "rule '%s' (%s) needs columns { %s = \"…\" }",
		   c->rule->name, rule_kind_name(c->rule->kind), column);
}

static bool check_signals(struct checker *c, unsigned of)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if ((of & SIGNAL_BIT(i)) && !c->profile->signals[i].column) {
			return needs(c, signal_name((enum signal)i));
		}
	}
	return true;
}

static bool check_columns(struct checker *c)
{
	const struct profile *p = c->profile;
	const struct rule *rule = c->rule;
	bool owned = p->roles[ROLE_OWNER] != NULL, alive = p->roles[ROLE_ALIVE] != NULL;
	if (rule->unless_alive && !owned && !alive) {
		return needs(c, "owner");
	}
	switch (rule->kind) {
	case RULE_DEADLINE:
		return check_signals(c, SIGNAL_BIT(SIGNAL_DEADLINE));
	case RULE_AGE:
	case RULE_HEARTBEAT:
		return check_signals(c, rule->of);
	case RULE_LEASE:
		return p->signals[SIGNAL_LEASE].column || p->workers.lease.column ||
		       needs(c, "lease_until");
	case RULE_WORKER:
		return p->workers.table || BAD(c, c->node->line,
					       "rule '%s' (worker) needs workers { table = "
					       "\"…\" key = \"…\" seen = "
					       "\"…\" }",
					       rule->name);
	case RULE_EVIDENCE:
		if (alive) {
			return true;
		}
		if (!owned) {
			return needs(c, "owner");
		}
		return p->workers.evidence || p->probe.command.count > 0 ||
		       BAD(c, c->node->line,
			   "rule '%s' (evidence) has none to look at; allowed: probe { command "
			   "= "
			   "{ … } }, columns { alive = \"…\" }, or workers { evidence = true }",
			   rule->name);
	case RULE_KIND_COUNT:
		break;
	}
	return true;
}

static bool check_from(struct checker *c)
{
	const struct rule *rule = c->rule;
	int line = node_line(c->node, "from");
	for (unsigned i = STATE_READY; i < STATE_COUNT; i++) {
		enum state state = (enum state)i;
		if (!(rule->from & STATE_BIT(state))) {
			continue;
		}
		if (state_is_terminal(state)) {
			return BAD(c, line,
				   "rule '%s' is from '%s', which is for ever; allowed: ready, "
				   "running, stuck",
				   rule->name, state_word(state));
		}
		if (c->profile->states[state].count == 0) {
			return BAD(c, line,
				   "rule '%s' is from '%s', which has no %s; allowed: those in "
				   "%s { … }",
				   rule->name, state_word(state),
				   by_predicate(c->profile) ? "predicate" : "native state",
				   by_predicate(c->profile) ? "predicates" : "states");
		}
	}
	return true;
}

static bool check_after(struct checker *c, const struct node *section, int64_t after)
{
	int64_t beat = c->profile->policy.beat;
	if (rule_family(c->rule->kind) != FAMILY_SILENCE || after > beat || beat == 0) {
		return true;
	}
	TEXT_CLEANUP struct text text = { 0 };
	duration_print(&text, after);
	text_add(&text, " must be longer than the beat of ");
	duration_print(&text, beat);
	return BAD(c, node_line(section, "after"), "rule '%s': after = %s", c->rule->name,
		   text_string(&text));
}

static bool check_threshold(struct checker *c)
{
	const struct rule *rule = c->rule;
	int64_t beat = c->profile->policy.beat;
	if (rule->kind == RULE_LEASE) {
		return c->profile->lease > beat ||
		       BAD(c, node_line(section_of(c, "limits"), "beat"),
			   "limits: the lease must be longer than the beat (rule '%s')",
			   rule->name);
	}
	if (rule->after != 0 && !check_after(c, c->node, rule->after)) {
		return false;
	}
	for (size_t i = 0; i < rule->override_count; i++) {
		if (!check_after(c, node_child(c->node, "override", i),
				 rule->overrides[i].after)) {
			return false;
		}
	}
	return true;
}

static bool sets_error(const struct assignment *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(items[i].expression, "{error}")) {
			return true;
		}
	}
	return false;
}

/* A remedy may put the error where no column of the task's is. */
static bool takes_error(const struct change *change)
{
	bool takes = sets_error(change->set, change->set_count) ||
		     (change->call && strstr(change->call, "{error}"));
	for (size_t i = 0; i < change->also_count; i++) {
		takes |= sets_error(change->also[i].assignments, change->also[i].count);
	}
	for (size_t i = 0; i < change->run.count; i++) {
		takes |= strstr(change->run.items[i], "{error}") != NULL;
	}
	return takes;
}

bool remedies_take_error(const struct profile *profile)
{
	for (int i = 0; i < REMEDY_COUNT; i++) {
		if (takes_error(&profile->remedies[i])) {
			return true;
		}
	}
	return false;
}

static bool check_error_column(struct checker *c)
{
	const char *option = c->rule->error ? "error" : "spent_error";
	bool taken = c->profile->roles[ROLE_ERROR] || remedies_take_error(c->profile);
	if ((!c->rule->error && !c->rule->spent_error) || taken) {
		return true;
	}
	return BAD(c, node_line(c->node, option),
		   "rule '%s' writes an %s, but nothing takes it; allowed: columns { error = "
		   "\"…\" }, or {error} in a remedy",
		   c->rule->name, option);
}

static bool check_where(struct checker *c)
{
	return !c->rule->where ||
	       check_expression(c->reader, c->node, "where", 0, c->rule->where, HOLES_ROW);
}

static bool check_rule(struct checker *c)
{
	TEXT_CLEANUP struct text whose = { 0 };
	text_printf(&whose, "rule '%s'", c->rule->name);
	return check_columns(c) && check_from(c) && check_threshold(c) && check_where(c) &&
	       check_error_column(c) &&
	       check_remedy(c, c->rule->then, node_line(c->node, "then"), text_string(&whose));
}

bool check_rules(struct checker *c)
{
	const struct policy *policy = &c->profile->policy;
	for (size_t i = 0; i < policy->rule_count; i++) {
		c->rule = &policy->rules[i];
		c->node = node_child(c->reader->root, "rule", i);
		if (!check_rule(c)) {
			return false;
		}
	}
	return true;
}
