/* The statements that change: remedies, verbs, and what belongs to their transactions. */
#include "plan_make.h"

/* A list of planned statements that grows; it has room for all. */
struct statements {
	struct planned *items;
	size_t count;
};

static void add_statement(struct maker *m, const char *name, const char *sql,
			  struct statements *list)
{
	if (!m->status) {
		m->status = render_planned(&m->plan->arena, m->plan->driver, name,
					   piece_statement(m->plan, sql), /* writes= */ true,
					   &list->items[list->count], m->error);
		list->count++;
	}
}

/* A condition of the profile, with its holes filled. */
static const char *condition(struct plan *plan, const char *where)
{
	return piece_statement(plan, where);
}

static void add_row(struct maker *m, const struct insertion *insertion,
		    const struct table *table, struct statements *list)
{
	struct plan *plan = m->plan;
	const char *columns, *values;
	const char *relation = quote_name(&plan->arena, plan->driver, table->name);
	if (!piece_insertion(plan, table, insertion->assignments, insertion->count, &columns,
			     &values)) {
		m->status = fail_no_memory(m->error);
	} else if (insertion->where) {
		MAKE(m, SQL_INSERT_WHERE, &list->items[list->count], { "relation", relation },
		     { "columns", columns }, { "values", values },
		     { "where", condition(plan, insertion->where) });
		list->count++;
	} else {
		MAKE(m, SQL_INSERT, &list->items[list->count], { "relation", relation },
		     { "columns", columns }, { "values", values });
		list->count++;
	}
}

static void add_insertion(struct maker *m, struct db *db, const struct insertion *insertion,
			  struct statements *list)
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
	for (size_t i = 0; !m->status && !insertion->optional && i < insertion->count; i++) {
		const struct assignment *a = &insertion->assignments[i];
		if (!is_optional(m->plan->profile, a->column)) {
			m->status = need_at(m->plan, table, insertion->table, a->column,
					    a->line, m->error);
		}
	}
	if (!m->status && table->exists) {
		add_row(m, insertion, table, list);
	}
	table_destroy(table);
}

static struct statements start_statements(struct maker *m, size_t most)
{
	struct statements list = { .items = arena_take(&m->plan->arena,
						       sizeof(*list.items) * most) };
	if (!m->status && !list.items) {
		m->status = fail_no_memory(m->error);
	}
	return list;
}

/* What belongs to a change, in this order: the call, rows for other tables, further statements. */
static void make_rest(struct maker *m, struct db *db, const struct change *change,
		      struct planned_change *ret)
{
	struct statements list =
		start_statements(m, change->also_count + change->run.count + 1);
	if (change->call) {
		add_statement(m, "call", change->call, &list);
	}
	for (size_t i = 0; i < change->also_count; i++) {
		add_insertion(m, db, &change->also[i], &list);
	}
	for (size_t i = 0; i < change->run.count; i++) {
		add_statement(m, "run", change->run.items[i], &list);
	}
	ret->also = list.items;
	ret->also_count = list.count;
}

/* The fence, and the change's own condition. */
static const char *guarded(struct plan *plan, const struct change *change, const char *fence)
{
	const char *where = change->where ? condition(plan, change->where) : NULL;
	if (!change->where || !fence) {
		return fence;
	}
	return where ? arena_printf(&plan->arena, "%s AND (%s)", fence, where) : NULL;
}

/* Whether a row's key is its primary key: then it stands for one row at most. */
static bool is_primary(const struct plan *plan)
{
	size_t parts = 0;
	bool all = true;
	for (size_t i = 0; i < plan->table->column_count; i++) {
		parts += plan->table->columns[i].key > 0;
	}
	for (size_t i = 0; i < plan->key_count; i++) {
		const struct column *column =
			table_column(plan->table, plan->profile->key.items[i]);
		all &= column && column->key > 0;
	}
	return all && parts == plan->key_count;
}

/* The task table as a change of one row names it. */
static const char *relation_by_key(struct plan *plan)
{
	const char *relation = plan_relation(plan);
	const struct sql_text *text = plan_sql(plan, SQL_BY_PRIMARY_KEY);
	const struct hole holes[] = { { "relation", relation } };
	return relation && text->text && is_primary(plan)
		       ? fill(&plan->arena, text->text, holes, 1)
		       : relation;
}

/* A sweep and a claim pass over what is locked; whoever hands in waits for it. */
static enum sql statement_of(const struct plan *plan, const struct change *change, bool waits)
{
	bool passes = !waits && plan->passes_over_locked;
	return change->call     ? passes ? SQL_TAKE_LOCK : SQL_LOCK
	       : change->remove ? passes ? SQL_TAKE_REMOVE : SQL_REMOVE
	       : passes         ? SQL_TAKE
				: SQL_CHANGE;
}

/* Statements that find a row by its key and fence; those that change it have a SET list, too. */
static void make_update(struct maker *m, enum sql sql, const struct change *change,
			const char *fence, bool with_error, struct planned *ret)
{
	struct plan *plan = m->plan;
	const char *key = piece_key(plan, /* by_key= */ false);
	if (sql == SQL_TAKE || sql == SQL_CHANGE) {
		MAKE(m, sql, ret, { "relation", relation_by_key(plan) },
		     { "set", piece_set(plan, change, with_error) }, { "key", key },
		     { "fence", fence });
		ret->statement.many &= is_primary(plan);
	} else {
		MAKE(m, sql, ret, { "relation", plan_relation(plan) }, { "key", key },
		     { "fence", fence });
	}
}

static void make_change(struct maker *m, struct db *db, const struct change *change,
			bool token_only, bool waits, struct planned_change *ret)
{
	struct plan *plan = m->plan;
	enum sql sql = statement_of(plan, change, waits);
	const char *fence = guarded(plan, change, piece_fence(plan, token_only));
	if (!m->status && !plan_sql(plan, sql)->text) {
		m->status =
			fail(m->error, RECLAIM_UNSUPPORTED,
			     "%s:%d: call = \"…\": %s has no functions of a host's own; "
			     "allowed there: set, remove, also, run",
			     plan->profile->file, profile_line_of(plan->profile, change->call),
			     plan->driver->name);
		return;
	}
	for (int with_error = 0; with_error < 2; with_error++) {
		make_update(m, sql, change, fence, with_error, &ret->update[with_error]);
	}
	make_rest(m, db, change, ret);
	ret->change = change;
}

/* A verb that sets a column which this table lacks is not supported on it. */
static bool verb_possible(const struct plan *plan, const struct change *change)
{
	bool possible = change->present;
	for (size_t i = 0; i < change->set_count; i++) {
		possible &= plan_stores(plan, change->set[i].column);
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
	const char *states = piece_states(plan, claim->from);
	const char *where = claim->where ? arena_printf(&plan->arena, "%s AND (%s)", states,
							condition(plan, claim->where))
					 : states;
	MAKE(m, SQL_FREE, &plan->free,
	     { "columns", piece_columns(plan, /* with_bulk= */ false) },
	     { "every", piece_every(plan) }, { "relation", plan_relation(plan) },
	     { "where", where }, { "join", piece_join(plan) },
	     { "order", claim_order(plan, claim) });
}

/* One that leads nowhere a state or a predicate could tell of must end the row, or leave it to the host's own code. */
static bool remedy_possible(const struct plan *plan, enum remedy remedy)
{
	const struct change *change = &plan->profile->remedies[remedy];
	enum state to = remedy_state(remedy);
	bool stored = plan_stores(plan, plan->profile->roles[ROLE_STATE]);
	bool told = to != STATE_NONE && plan->profile->states[to].count > 0;
	return change->remove || change->call || (told && (stored || change->set_count > 0));
}

static void make_audit(struct maker *m, struct db *db)
{
	const struct profile *profile = m->plan->profile;
	size_t count = profile->audit_is_log ? 0 : profile->audit_count;
	struct statements list = start_statements(m, count);
	for (size_t i = 0; i < count; i++) {
		add_insertion(m, db, &profile->audit[i], &list);
	}
	m->plan->audit = list.items;
	m->plan->audit_count = list.count;
}

void make_changes(struct maker *m, struct db *db)
{
	struct plan *plan = m->plan;
	const struct profile *profile = plan->profile;
	plan->locks_rows = plan_sql(plan, SQL_TAKE)->text != NULL;
	plan->passes_over_locked = plan->locks_rows && !plan->table->is_view;
	MAKE(m, SQL_UNCHANGED, &plan->unchanged, { "relation", plan_relation(plan) },
	     { "key", piece_key(plan, /* by_key= */ false) },
	     { "fence", piece_fence(plan, /* token_only= */ false) });
	for (int i = REMEDY_REPORT + 1; i < REMEDY_COUNT; i++) {
		if (remedy_possible(plan, (enum remedy)i)) {
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
	if (profile->wake && !m->status) {
		m->status = render_planned(&plan->arena, plan->driver, "wake", profile->wake,
					   /* writes= */ true, &plan->wake, m->error);
	}
	make_audit(m, db);
}
