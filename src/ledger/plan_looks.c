/* The statements that look: finds, lists, counts, one row. */
#include "plan_make.h"

/* `(t.k0, t.k1)` and `(:row1, :row2)`, with the order column first if there is one. */
static const char *tuple(struct plan *plan, bool with_order, bool values)
{
	struct text TEXT_CLEANUP text = { 0 };
	int cells[PLAN_KEY_MAX + 1];
	size_t count = 0;
	if (with_order && plan->order_at > 0) {
		cells[count++] = plan->order_at;
	}
	for (size_t i = 0; i < plan->key_count; i++) {
		cells[count++] = plan->at.key[i];
	}
	for (size_t i = 0; i < count; i++) {
		const char *column =
			values ? NULL : piece_column(plan, "t", plan->columns[cells[i] - 1]);
		text_add(&text, i ? ", " : "(");
		if (values) {
			text_printf(&text, ":row%d", cells[i]);
		} else {
			text_add(&text, column ? column : "");
		}
	}
	text_add(&text, ")");
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static const char *ascending(struct plan *plan, const char *column)
{
	struct hole holes[] = { { "column", piece_column(plan, "t", column) } };
	return fill(&plan->arena, plan_sql(plan, SQL_ASCENDING)->text, holes, 1);
}

const char *sweep_order(struct plan *plan)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (plan->order_at > 0) {
		text_printf(&text, "%s, ", ascending(plan, plan->columns[plan->order_at - 1]));
	}
	for (size_t i = 0; i < plan->key_count; i++) {
		text_printf(&text, "%s%s", i ? ", " : "",
			    piece_column(plan, "t", plan->columns[plan->at.key[i] - 1]));
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static void make_find(struct maker *m, const char *claims, const char *bound,
		      struct planned_find *ret)
{
	struct plan *plan = m->plan;
	const char *behind = arena_printf(&plan->arena, "%s > %s", tuple(plan, true, false),
					  tuple(plan, true, true));
	const char *order_column =
		plan->order_at > 0 ? piece_column(plan, "t", plan->columns[plan->order_at - 1])
				   : NULL;
	const char *behind_null =
		!order_column ? behind
			      : arena_printf(&plan->arena, "(%s IS NOT NULL OR %s > %s)",
					     order_column, tuple(plan, false, false),
					     tuple(plan, false, true));
	const char *after[] = { "1 = 1", behind, behind_null };
	struct planned *targets[] = { &ret->first, &ret->after, &ret->after_null };
	ret->present = true;
	for (size_t i = 0; i < 3; i++) {
		MAKE(m, SQL_FIND, targets[i],
		     { "columns", piece_columns(plan, /* with_bulk= */ false) },
		     { "every", piece_every(plan) }, { "relation", plan_relation(plan) },
		     { "claims", claims }, { "join", piece_join(plan) }, { "bound", bound },
		     { "after", after[i] }, { "order", sweep_order(plan) });
	}
}

static unsigned late_states(const struct plan *plan)
{
	unsigned states = 0;
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		states |= plan->policy.rules[i].from;
	}
	return states & ~plan->in_flight;
}

static const char *newest_first(struct plan *plan)
{
	static const enum signal order[] = { SIGNAL_CREATED, SIGNAL_UPDATED, SIGNAL_CLAIMED,
					     SIGNAL_BEAT };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; text.size == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		int at = plan->at.signals[order[i]];
		if (at > 0) {
			text_printf(&text, "%s DESC, ",
				    piece_column(plan, "t", plan->columns[at - 1]));
		}
	}
	for (size_t i = 0; i < plan->key_count; i++) {
		text_printf(&text, "%s%s DESC", i ? ", " : "",
			    piece_column(plan, "t", plan->columns[plan->at.key[i] - 1]));
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static void make_list(struct maker *m, const char *where, struct planned *ret)
{
	struct plan *plan = m->plan;
	const char *queue = plan->profile->roles[ROLE_QUEUE];
	if (plan_has(plan, queue) && where) {
		struct hole holes[] = { { "column", piece_own(plan, queue) } };
		where = arena_printf(
			&plan->arena, "%s AND %s", where,
			fill(&plan->arena, plan_sql(plan, SQL_OF_QUEUE)->text, holes, 1));
	}
	MAKE(m, SQL_LIST, ret, { "columns", piece_columns(plan, /* with_bulk= */ false) },
	     { "every", piece_every(plan) }, { "relation", plan_relation(plan) },
	     { "join", piece_join(plan) }, { "where", where }, { "order", newest_first(plan) });
}

static const char *signal_column(struct plan *plan, enum signal signal)
{
	int at = plan->at.signals[signal];
	return at > 0 ? piece_own(plan, plan->columns[at - 1]) : "NULL";
}

void make_looks(struct maker *m)
{
	struct plan *plan = m->plan;
	const char *claims = piece_claims(plan, plan->in_flight);
	make_find(m, claims, piece_bound(plan, plan->in_flight), &plan->find);
	make_find(m, claims, "1 = 1", &plan->every);
	if (late_states(plan)) {
		make_find(m, piece_states(plan, late_states(plan)),
			  piece_bound(plan, late_states(plan)), &plan->late);
	}
	MAKE(m, SQL_COUNT_CLAIMS, &plan->count_claims, { "relation", plan_relation(plan) },
	     { "claims", claims });
	MAKE(m, SQL_NEWEST_CLAIM, &plan->newest_claim, { "relation", plan_relation(plan) },
	     { "claims", claims }, { "claimed", signal_column(plan, SIGNAL_CLAIMED) },
	     { "beat", signal_column(plan, SIGNAL_BEAT) });
	MAKE(m, SQL_COUNT_STATES, &plan->count_states, { "state", piece_state(plan) },
	     { "relation", plan_relation(plan) });
	MAKE(m, SQL_READ, &plan->read,
	     { "columns", piece_columns(plan, /* with_bulk= */ true) },
	     { "every", piece_every(plan) }, { "relation", plan_relation(plan) },
	     { "join", piece_join(plan) }, { "key", piece_key(plan, /* by_key= */ true) });
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		make_list(m, piece_states(plan, STATE_BIT(state)), &plan->list[state]);
	}
	make_list(m, piece_states(plan, plan->in_flight), &plan->list_in_flight);
	make_list(m, "1 = 1", &plan->list_all);
}
