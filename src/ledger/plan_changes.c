/* The statements that change: remedies, verbs, and what belongs to their transactions. */
#include "plan_make.h"

#include <string.h>

static void make_insertion(struct maker *m, struct db *db, const struct insertion *insertion,
			   struct planned *list, size_t *count)
{
	struct table *table = NULL;
	if (m->status) {
		return;
	}
	m->status = db_look_up(db, insertion->table, &table, m->error);
	if (!m->status && !table->exists && !insertion->optional) {
		m->status =
			fail_no_table(db, m->plan->profile, table, insertion->table, m->error);
	}
	if (!m->status && table->exists) {
		const char *columns, *values;
		if (!piece_insertion(m->plan, table, insertion->assignments, insertion->count,
				     &columns, &values)) {
			m->status = fail_no_memory(m->error);
		} else {
			MAKE(m, SQL_INSERT, &list[*count],
			     { "relation",
			       quote_name(&m->plan->arena, m->plan->driver, table->name) },
			     { "columns", columns }, { "values", values });
			++*count;
		}
	}
	table_destroy(table);
}

static void make_insertions(struct maker *m, struct db *db, const struct insertion *insertions,
			    size_t count, struct planned **ret_list, size_t *ret_count)
{
	*ret_list = arena_take(&m->plan->arena, sizeof(**ret_list) * count);
	*ret_count = 0;
	if (!*ret_list) {
		m->status = fail_no_memory(m->error);
	}
	for (size_t i = 0; i < count; i++) {
		make_insertion(m, db, &insertions[i], *ret_list, ret_count);
	}
}

/* A predicate of the profile, with its holes filled. */
static const char *predicate(struct plan *plan, const char *where)
{
	const struct assignment as_expression = { .column = "", .expression = where };
	return piece_expression(plan, plan->table, &as_expression);
}

/* The fence, and the change's own condition. */
static const char *guarded(struct plan *plan, const struct change *change, const char *fence)
{
	const char *where = change->where ? predicate(plan, change->where) : NULL;
	if (!change->where || !fence) {
		return fence;
	}
	return where ? arena_printf(&plan->arena, "%s AND (%s)", fence, where) : NULL;
}

/* A sweep and a claim pass over what is locked; whoever hands in waits for it. */
static void make_change(struct maker *m, struct db *db, const struct change *change,
			bool token_only, bool waits, struct planned_change *ret)
{
	struct plan *plan = m->plan;
	enum sql sql = !waits && plan->passes_over_locked ? SQL_TAKE : SQL_CHANGE;
	const char *fence = guarded(plan, change, piece_fence(plan, token_only));
	for (int with_error = 0; with_error < 2; with_error++) {
		MAKE(m, sql, &ret->update[with_error], { "relation", plan_relation(plan) },
		     { "set", piece_set(plan, change, with_error) },
		     { "key", piece_key(plan, "", /* by_key= */ false) }, { "fence", fence });
	}
	make_insertions(m, db, change->also, change->also_count, &ret->also, &ret->also_count);
	ret->change = change;
}

/* A verb that sets a column which this table lacks is not supported on it. */
static bool verb_possible(const struct plan *plan, const struct change *change)
{
	bool possible = change->present;
	for (size_t i = 0; i < change->set_count; i++) {
		possible &= plan_has(plan, change->set[i].column);
	}
	for (size_t i = 0; i < plan->token_count; i++) {
		possible &= plan->at.token[i] > 0;
	}
	return possible;
}

/* The profile's order; the sweep's where it goes by a column that may be absent, and is. */
static const char *claim_order(struct plan *plan, const struct change *claim)
{
	bool absent = claim->order && is_optional(plan->profile, claim->order) &&
		      !plan_has(plan, claim->order);
	return claim->order && !absent ? claim->order : sweep_order(plan);
}

static void make_free(struct maker *m, const struct change *claim)
{
	struct plan *plan = m->plan;
	const char *states = piece_states(plan, "", claim->from);
	const char *where = claim->where ? arena_printf(&plan->arena, "%s AND (%s)", states,
							predicate(plan, claim->where))
					 : states;
	MAKE(m, SQL_FREE, &plan->free,
	     { "columns", piece_columns(plan, /* with_bulk= */ false) },
	     { "relation", piece_relation(plan) }, { "where", where },
	     { "join", piece_join(plan) }, { "order", claim_order(plan, claim) });
}

void make_changes(struct maker *m, struct db *db)
{
	struct plan *plan = m->plan;
	plan->passes_over_locked = plan_sql(plan, SQL_TAKE)->text && !plan->table->is_view;
	MAKE(m, SQL_UNCHANGED, &plan->unchanged, { "relation", plan_relation(plan) },
	     { "key", piece_key(plan, "", /* by_key= */ false) },
	     { "fence", piece_fence(plan, /* token_only= */ false) });
	const struct profile *profile = plan->profile;
	for (int i = 0; i < REMEDY_COUNT; i++) {
		if (remedy_state((enum remedy)i) != STATE_NONE &&
		    profile->states[remedy_state((enum remedy)i)].count > 0) {
			make_change(m, db, &profile->remedies[i], /* token_only= */ false,
				    /* waits= */ false, &plan->remedies[i]);
		}
	}
	for (int i = 0; i < VERB_COUNT; i++) {
		if (verb_possible(plan, &profile->verbs[i])) {
			make_change(m, db, &profile->verbs[i], /* token_only= */ true,
				    /* waits= */ i != VERB_CLAIM, &plan->verbs[i]);
		}
	}
	if (plan->verbs[VERB_CLAIM].change) {
		make_free(m, plan->verbs[VERB_CLAIM].change);
	}
	make_insertions(m, db, profile->audit, profile->audit_is_log ? 0 : profile->audit_count,
			&plan->audit, &plan->audit_count);
}
