/* What sections need after their fields: defaults, and what no shape can say. */
#include "parse.h"

bool finish_columns(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)reader, (void)node, (void)cfg;
	struct profile *profile = base;
	enum time_format format = profile->signals[0].format;
	profile->time = format;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		profile->signals[i].format = format;
	}
	profile->time = format;
	profile->workers.seen.format = format;
	profile->workers.lease.format = format;
	return true;
}

bool finish_workers(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	profile->workers.lease.format = profile->workers.seen.format;
	if (!node_child(node, "beat", 0)) {
		return true;
	}
	struct change *beat = arena_take(reader->arena, sizeof(*beat));
	if (!beat) {
		return problem_memory(reader->problem);
	}
	beat->present = true;
	beat->line = node_line(node, "beat");
	profile->worker_beat = beat;
	return read_set(reader, node, "beat", cfg, HOLES_CHANGE, &beat->set, &beat->set_count);
}

/* What a rule has when its profile does not say. */
static const struct {
	unsigned from, of;
	bool has_after, has_of;
	const char *reason;
} rule_defaults[RULE_KIND_COUNT] = {
	[RULE_DEADLINE] = { STATE_BIT(STATE_READY) | STATE_BIT(STATE_RUNNING) |
				    STATE_BIT(STATE_STUCK),
			    0, false, false, "Deadline passed {age} ago" },
	[RULE_AGE] = { STATE_BIT(STATE_RUNNING), SIGNAL_BIT(SIGNAL_CLAIMED), true, true,
		       "Claimed {age} ago by {owner}, longer than {threshold}" },
	[RULE_LEASE] = { STATE_BIT(STATE_RUNNING), 0, false, false,
			 "Lease of {owner} ended {age} ago" },
	[RULE_HEARTBEAT] = { STATE_BIT(STATE_RUNNING), SIGNAL_BIT(SIGNAL_BEAT), true, true,
			     "No heartbeat from {owner} for {age}, longer than {threshold}" },
	[RULE_WORKER] = { STATE_BIT(STATE_RUNNING), 0, true, false,
			  "Worker {owner} is silent, last seen {last_seen}" },
	[RULE_EVIDENCE] = { STATE_BIT(STATE_RUNNING), 0, false, false,
			    "Worker {owner} is gone" },
};

static bool misplaced(struct reader *reader, const struct node *node, cfg_t *cfg,
		      const char *option, const char *where)
{
	return value_problem(reader, node, option, 0, option_at(node, cfg, option, 0),
			     "has no meaning there; allowed: %s", where);
}

static bool check_rule_options(struct reader *reader, const struct node *node, cfg_t *cfg,
			       const struct rule *rule)
{
	bool after = rule_defaults[rule->kind].has_after;
	const struct node *override = node_child(node, "override", 0);
	if (after && rule->after == 0) {
		return problem_at(reader->problem, node->line,
				  "rule '%s' lacks 'after'; allowed: after = \"…\"",
				  rule->name);
	}
	if (!after && rule->after != 0) {
		return misplaced(reader, node, cfg, "after", "with age, heartbeat, worker");
	}
	if (!after && override) {
		return problem_at(
			reader->problem, override->line,
			"override in rule '%s' has no meaning there; allowed: with age, "
			"heartbeat, worker",
			rule->name);
	}
	if (rule->of != 0 && !rule_defaults[rule->kind].has_of) {
		return misplaced(reader, node, cfg, "of", "with age, heartbeat");
	}
	if (!after && rule->after_column) {
		return misplaced(reader, node, cfg, "after_column",
				 "with age, heartbeat, worker");
	}
	if (node_child(node, "missing", 0) && rule->kind != RULE_WORKER) {
		return misplaced(reader, node, cfg, "missing", "with worker");
	}
	if (rule->spent_reason && rule->then != REMEDY_REQUEUE) {
		return misplaced(reader, node, cfg, "spent_reason", "with then = \"requeue\"");
	}
	if (rule->spent_error && rule->then != REMEDY_REQUEUE) {
		return misplaced(reader, node, cfg, "spent_error", "with then = \"requeue\"");
	}
	return true;
}

static bool check_overrides(struct reader *reader, const struct node *node,
			    const struct rule *rule)
{
	for (size_t i = 0; i < rule->override_count; i++) {
		const struct after_override *override = &rule->overrides[i];
		if (!override->kind && !override->queue) {
			return problem_at(
				reader->problem, node_child(node, "override", i)->line,
				"an override in rule '%s' names nothing; allowed: kind, "
				"queue, or both",
				rule->name);
		}
	}
	return true;
}

static bool check_setting(struct reader *reader, const struct node *node, cfg_t *cfg,
			  const struct rule *rule)
{
	const char *setting = option_at(node, cfg, "setting", 0);
	if (setting && !rule_defaults[rule->kind].has_after) {
		return misplaced(reader, node, cfg, "setting", "with age, heartbeat, worker");
	}
	return true;
}

bool finish_rule(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct rule *rule = base;
	if (!check_rule_options(reader, node, cfg, rule) ||
	    !check_overrides(reader, node, rule) || !check_setting(reader, node, cfg, rule)) {
		return false;
	}
	if (rule->from == 0) {
		rule->from = rule_defaults[rule->kind].from;
	}
	if (rule->of == 0) {
		rule->of = rule_defaults[rule->kind].of;
	}
	if (!rule->reason) {
		rule->reason = rule_defaults[rule->kind].reason;
	}
	return true;
}

bool finish_limits(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)reader, (void)node, (void)cfg;
	struct profile *profile = base;
	profile->policy.lease = profile->lease;
	return true;
}

bool finish_audit(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	const struct insertion *audit = base;
	const char *mode = option_at(node, cfg, "mode", 0);
	if (mode && !string_equal(mode, "log") && !string_equal(mode, "table")) {
		return value_problem(reader, node, "mode", 0, mode,
				     "is unknown; allowed: table, log");
	}
	bool log = string_equal(mode, "log");
	if (log && audit->table) {
		return value_problem(reader, node, "mode", 0, mode,
				     "and a table exclude each other; allowed: one of them");
	}
	if (!log && (!audit->table || audit->count == 0)) {
		return problem_at(reader->problem, node->line,
				  "audit lacks '%s'; allowed: table = \"…\" set = { \"column = "
				  "expression\", … }, or mode = \"log\"",
				  audit->table ? "set" : "table");
	}
	reader->profile->audit_is_log |= log;
	return true;
}
