/* The loose bound on what a sweep reads: what the rules can't find stale is left to the engine. */
#include "pieces.h"

static bool is_instant(enum column_kind kind)
{
	return kind == COLUMN_INSTANT || kind == COLUMN_ZONED;
}

/* Text is not compared: what it looks like says nothing of its order. */
static bool comparable(const struct plan *plan, const struct table *table,
		       const struct mapped *mapped)
{
	enum column_kind kind = plan_kind(plan, table, mapped->column);
	return is_instant(kind) ||
	       (kind != COLUMN_TEXT && time_format_is_number(plan_found_format(
					       plan, table, mapped->column, mapped->format)));
}

/* t: the task's table, w: the worker's. */
static const struct table *aliased(const struct plan *plan, const char *alias)
{
	return string_equal(alias, "w") ? plan->worker_table : plan->table;
}

/* `OR …`, for a column of a host's where the engine keeps anything. */
static const char *or_no_number(struct plan *plan, const char *column)
{
	const char *template = plan_sql(plan, SQL_NO_NUMBER)->text;
	const struct hole hole = { "column", column };
	const char *odd = template && column ? fill(&plan->arena, template, &hole, 1) : NULL;
	return plan->profile->native || !template ? ""
	       : odd                              ? arena_printf(&plan->arena, " OR %s", odd)
						  : NULL;
}

/* `column IS NULL OR column <= now - age`; NULL: this column can't be bounded. */
static const char *older(struct plan *plan, const char *alias, const struct mapped *mapped,
			 int64_t age)
{
	const struct table *table = aliased(plan, alias);
	if (!mapped->column || age == AFTER_NEVER || !comparable(plan, table, mapped)) {
		return NULL;
	}
	const char *column = piece_column(plan, alias, mapped->column);
	const char *minus = arena_printf(&plan->arena, "%lld", (long long)-age);
	return arena_printf(
		&plan->arena, "(%s IS NULL OR %s <= %s%s)", column, column,
		piece_now(plan, table, mapped->column, mapped->format, minus ? minus : "0"),
		or_no_number(plan, column));
}

/* A row's own threshold may be any: then what lies in the past is old enough. */
static int64_t shortest(const struct rule *rule)
{
	int64_t after = rule->after_column ? 0 : rule->after;
	for (size_t i = 0; i < rule->override_count; i++) {
		after = rule->overrides[i].after < after ? rule->overrides[i].after : after;
	}
	return after;
}

static const char *bound_signals(struct plan *plan, const struct rule *rule)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		const struct mapped *mapped = &plan->profile->signals[i];
		if (rule->of & SIGNAL_BIT(i)) {
			const char *piece = older(plan, "t", mapped, shortest(rule));
			if (!piece) {
				return NULL;
			}
			piece_add(&text, " AND ", piece);
		}
	}
	return text.size ? piece_kept(plan, &text) : NULL;
}

static const char *in_labels(struct plan *plan, const struct names *labels)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < labels->count; i++) {
		piece_add(&text, ", ", quote_literal(&plan->arena, labels->items[i]));
	}
	return piece_kept(plan, &text);
}

static const char *bound_lease(struct plan *plan)
{
	const struct profile *profile = plan->profile;
	const char *own = older(plan, "t", &profile->signals[SIGNAL_LEASE], 0);
	if (!own || !plan->has_workers || !profile->workers.lease.column) {
		return own;
	}
	const char *shared = older(plan, "w", &profile->workers.lease, 0);
	const char *label = piece_column(plan, "w", profile->workers.state);
	return !shared ? NULL
		       : arena_printf(&plan->arena, "(%s AND (%s OR %s NOT IN (%s)))", own,
				      shared, label, in_labels(plan, &profile->workers.active));
}

static const char *bound_worker(struct plan *plan, const struct rule *rule)
{
	return older(plan, "w", &plan->profile->workers.seen, shortest(rule));
}

/* The row says itself that its worker is gone. */
static const char *bound_alive(struct plan *plan)
{
	const char *alive = plan->profile->roles[ROLE_ALIVE];
	const struct hole column = { "column", alive ? piece_column(plan, "t", alive) : NULL };
	return plan->at.roles[ROLE_ALIVE] < 0 ? "1 = 0"
	       : column.text
		       ? fill(&plan->arena, plan_sql(plan, SQL_IS_FALSE)->text, &column, 1)
		       : NULL;
}

/* No other rule looks at a sign of life: a row without evidence is blind then, and has to be seen (I6). */
static bool judges_alone(const struct plan *plan, const struct rule *rule)
{
	bool alone = true;
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		const struct rule *other = &plan->policy.rules[i];
		bool looks = other->kind != RULE_DEADLINE && other->kind != RULE_EVIDENCE &&
			     !other->where;
		alone &= !looks || (rule->from & ~other->from);
	}
	return alone;
}

static const char *bound_evidence(struct plan *plan, const struct rule *rule)
{
	const struct workers *workers = &plan->profile->workers;
	if (plan->profile->probe.command.count > 0 || judges_alone(plan, rule)) {
		return NULL; /* every owner may be asked, or every row is looked at */
	}
	if (!plan->has_workers || !workers->evidence) {
		return bound_alive(plan);
	}
	struct hole holes[] = { { "column",
				  piece_column(plan, "t", plan->profile->roles[ROLE_OWNER]) } };
	return arena_printf(&plan->arena, "(%s IN (%s) OR %s OR %s)",
			    piece_column(plan, "w", workers->state),
			    in_labels(plan, &workers->stopped), bound_alive(plan),
			    fill(&plan->arena, plan_sql(plan, SQL_AMONG)->text, holes, 1));
}

static const char *bound_rule(struct plan *plan, const struct rule *rule)
{
	switch (rule->kind) {
	case RULE_DEADLINE: {
		const struct mapped *deadline = &plan->profile->signals[SIGNAL_DEADLINE];
		return !comparable(plan, plan->table, deadline)
			       ? NULL
			       : arena_printf(&plan->arena, "%s <= %s",
					      piece_column(plan, "t", deadline->column),
					      piece_now(plan, plan->table, deadline->column,
							deadline->format, "0"));
	}
	case RULE_AGE:
	case RULE_HEARTBEAT:
		return bound_signals(plan, rule);
	case RULE_LEASE:
		return bound_lease(plan);
	case RULE_WORKER:
		return bound_worker(plan, rule);
	case RULE_EVIDENCE:
		return bound_evidence(plan, rule);
	case RULE_KIND_COUNT:
		break;
	}
	return NULL;
}

/* With the rule's own `where`, which is a column that is computed. */
static const char *bound_with_where(struct plan *plan, const struct rule *rule)
{
	const char *bound = bound_rule(plan, rule);
	int at = plan->at.where[rule->place];
	if (!rule->where || at < 0) {
		return bound;
	}
	const char *where = arena_printf(&plan->arena, "%s = 1",
					 piece_column(plan, "t", plan->columns[at - 1]));
	return bound && where ? arena_printf(&plan->arena, "(%s AND %s)", where, bound) : where;
}

const char *piece_bound(struct plan *plan, unsigned states)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		const struct rule *rule = &plan->policy.rules[i];
		if (rule->from & states) {
			const char *piece = bound_with_where(plan, rule);
			if (!piece) {
				return "1 = 1";
			}
			piece_add(&text, "\n    OR ", piece);
		}
	}
	return text.size ? piece_kept(plan, &text) : "1 = 0";
}
