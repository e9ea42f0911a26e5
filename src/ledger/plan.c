/* Profile + engine + schema as found -> plan. */
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum time_format plan_format(const struct plan *plan, enum signal signal)
{
	const struct mapped *mapped = &plan->profile->signals[signal];
	return plan_found_format(plan, plan->table, mapped->column, mapped->format);
}

/* ---- the schema as found ---- */

#define OWN "reclaim_"

const char *plan_table(struct arena *arena, const struct db_driver *driver, const struct profile *profile,
		       const char *name)
{
	bool own = profile->native && strncmp(name, OWN, strlen(OWN)) == 0;
	return own ? arena_printf(arena, "%s%s", driver->own_prefix, name + strlen(OWN)) : name;
}

static bool is_optional(const struct profile *profile, const char *column)
{
	for (size_t i = 0; i < profile->optional.count; i++) {
		if (string_equal(profile->optional.items[i], column)) {
			return true;
		}
	}
	return false;
}

static enum reclaim_status need(const struct plan *plan, const struct table *table, const char *table_name,
				const char *column, struct reclaim_error *error)
{
	if (!column || table_column(table, column) ||
	    (table == plan->table && is_optional(plan->profile, column))) {
		return RECLAIM_OK;
	}
	struct text TEXT_CLEANUP columns = { 0 };
	for (size_t i = 0; i < table->column_count; i++) {
		text_printf(&columns, "%s%s", i ? ", " : "", table->columns[i].name);
	}
	return fail(error, RECLAIM_INVALID, "%s: table '%s' has no column '%s'; it has: %s",
		    plan->profile->file, table_name, column, text_string(&columns));
}

static enum reclaim_status look_up(struct db *db, const struct profile *profile, const char *name,
				   struct table **ret_table, struct reclaim_error *error)
{
	struct table *table = NULL;
	enum reclaim_status status = db_look_up(db, name, &table, error);
	if (status) {
		return status;
	}
	if (!table->exists) {
		table_destroy(table);
		return profile->native ?
			       fail(error, RECLAIM_UNAVAILABLE,
				    "database '%s' has no ledger of ours yet (table '%s' is missing); "
				    "`reclaim init` makes it",
				    db->url->shown, name) :
			       fail(error, RECLAIM_INVALID, "%s: database '%s' has no table '%s'",
				    profile->file, db->url->shown, name);
	}
	*ret_table = table;
	return RECLAIM_OK;
}

static enum reclaim_status need_all(const struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	const struct names *lists[] = { &profile->key, &profile->token, &profile->show };
	enum reclaim_status status = RECLAIM_OK;
	for (size_t l = 0; l < 3; l++) {
		for (size_t i = 0; !status && i < lists[l]->count; i++) {
			status = need(plan, plan->table, profile->table, lists[l]->items[i], error);
		}
	}
	for (int i = 0; !status && i < ROLE_COUNT; i++) {
		status = need(plan, plan->table, profile->table, profile->roles[i], error);
	}
	for (int i = 0; !status && i < SIGNAL_COUNT; i++) {
		status = need(plan, plan->table, profile->table, profile->signals[i].column, error);
	}
	const struct workers *w = &profile->workers;
	const char *of_worker[] = { w->key, w->seen.column, w->lease.column, w->state };
	for (size_t i = 0; plan->worker_table && !status && i < 4; i++) {
		status = need(plan, plan->worker_table, w->table, of_worker[i], error);
	}
	return status;
}

static enum reclaim_status find_schema(struct db *db, struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	plan->task_table = plan_table(&plan->arena, plan->driver, profile, profile->table);
	plan->workers_table = !profile->workers.table ? NULL :
							plan_table(&plan->arena, plan->driver, profile,
								   profile->workers.table);
	if (!plan->task_table || (profile->workers.table && !plan->workers_table)) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = look_up(db, profile, plan->task_table, &plan->table, error);
	if (!status && profile->workers.table) {
		status = look_up(db, profile, plan->workers_table, &plan->worker_table, error);
		plan->has_workers = !status;
	}
	if (!status) {
		plan->task_table = plan->table->name;
		plan->workers_table = plan->has_workers ? plan->worker_table->name : NULL;
	}
	return status ? status : need_all(plan, error);
}

/* ---- what is read ---- */

static void read_column(struct plan *plan, const char *column)
{
	if (plan_has(plan, column) && plan_cell(plan, column) < 0) {
		plan->columns[plan->column_count++] = column;
	}
}

/* Columns that expressions name as {old:COLUMN}. */
static void read_old(struct plan *plan, const struct assignment *assignments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (const char *at = assignments[i].expression; (at = strstr(at, "{old:")); at++) {
			const char *name = at + 5;
			const char *column = arena_copy(&plan->arena, name, strcspn(name, "}"));
			read_column(plan, column);
			int cell = plan_cell(plan, column);
			if (cell > 0) {
				plan->needed_old[cell - 1] = true;
			}
		}
	}
}

static void read_insertions(struct plan *plan, const struct insertion *insertions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_old(plan, insertions[i].assignments, insertions[i].count);
	}
}

static void read_changes(struct plan *plan, const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_old(plan, changes[i].set, changes[i].set_count);
		read_insertions(plan, changes[i].also, changes[i].also_count);
		read_column(plan, changes[i].due);
	}
}

static void read_names(struct plan *plan, const struct names *names, int *at, size_t max, size_t *ret_count)
{
	*ret_count = names->count < max ? names->count : max;
	for (size_t i = 0; i < *ret_count; i++) {
		read_column(plan, names->items[i]);
		at[i] = plan_cell(plan, names->items[i]);
	}
}

static bool place_columns(struct plan *plan)
{
	const struct profile *profile = plan->profile;
	plan->columns = arena_take(&plan->arena, sizeof(*plan->columns) * (plan->table->column_count + 1));
	plan->needed_old = arena_take(&plan->arena, sizeof(*plan->needed_old) * (plan->table->column_count + 1));
	if (!plan->columns || !plan->needed_old) {
		return false;
	}
	read_names(plan, &profile->key, plan->at.key, PLAN_KEY_MAX, &plan->key_count);
	for (size_t i = 0; i < plan->key_count; i++) {
		const struct column *column = table_column(plan->table, profile->key.items[i]);
		plan->key_kind[i] = column ? column->kind : COLUMN_PLAIN;
		plan->key_is_blob[i] = plan->key_kind[i] == COLUMN_BYTES;
	}
	for (int i = 0; i < ROLE_COUNT; i++) {
		read_column(plan, profile->roles[i]);
		plan->at.roles[i] = plan_cell(plan, profile->roles[i]);
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		read_column(plan, profile->signals[i].column);
		plan->at.signals[i] = plan_cell(plan, profile->signals[i].column);
	}
	read_names(plan, &profile->token, plan->at.token, PLAN_TOKEN_MAX, &plan->token_count);
	read_names(plan, &profile->show, plan->at.show, PLAN_SHOW_MAX, &plan->show_count);
	read_changes(plan, profile->remedies, REMEDY_COUNT);
	read_changes(plan, profile->verbs, VERB_COUNT);
	read_insertions(plan, profile->audit, profile->audit_count);
	return true;
}

static void place_worker(struct plan *plan)
{
	const struct workers *workers = &plan->profile->workers;
	bool joined = plan->has_workers && plan->at.roles[ROLE_OWNER] > 0;
	int at = (int)plan->column_count + 1;
	plan->has_workers = joined;
	plan->at.worker_key = joined ? at : -1;
	plan->at.worker_seen = joined && workers->seen.column ? at + 1 : -1;
	plan->at.worker_lease = joined && workers->lease.column ? at + 2 : -1;
	plan->at.worker_state = joined && workers->state ? at + 3 : -1;
	plan->cell_count = plan->column_count + 1 + (joined ? 4 : 0);
	bool versioned = plan_sql(plan, SQL_VERSIONED)->text && !plan->table->is_view;
	plan->at.version = versioned ? (int)plan->cell_count++ : -1;
	plan->worker_has_label = joined && workers->state &&
				 (workers->stalled.count > 0 || workers->lost.count > 0);
}

/* The claimed time; without one the last signal, which is the change of the row where a rule goes by that, too. */
static void place_order(struct plan *plan)
{
	static const enum signal order[] = { SIGNAL_CLAIMED, SIGNAL_BEAT, SIGNAL_UPDATED, SIGNAL_CREATED };
	const struct policy *policy = &plan->profile->policy;
	bool by_change = false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		by_change |= (policy->rules[i].of & SIGNAL_BIT(SIGNAL_UPDATED)) != 0;
	}
	plan->order_at = -1;
	for (size_t i = 0; plan->order_at < 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] != SIGNAL_BEAT || !by_change) {
			plan->order_at = plan->at.signals[order[i]];
		}
	}
}

/* ---- the policy, less what absent columns can't feed ---- */

static bool rule_possible(const struct plan *plan, struct rule *rule)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (plan->at.signals[i] < 0) {
			rule->of &= ~SIGNAL_BIT(i);
		}
	}
	switch (rule->kind) {
	case RULE_DEADLINE:
		return plan->at.signals[SIGNAL_DEADLINE] > 0;
	case RULE_AGE:
	case RULE_HEARTBEAT:
		return rule->of != 0;
	case RULE_LEASE:
		return plan->at.signals[SIGNAL_LEASE] > 0 || plan->at.worker_lease > 0;
	case RULE_WORKER:
		return plan->has_workers;
	case RULE_EVIDENCE:
	case RULE_KIND_COUNT:
		break;
	}
	return true;
}

static bool fit_policy(struct plan *plan)
{
	const struct policy *policy = &plan->profile->policy;
	struct rule *rules = arena_take(&plan->arena, sizeof(*rules) * policy->rule_count);
	if (!rules) {
		return false;
	}
	plan->policy = *policy;
	plan->policy.rules = rules;
	plan->policy.rule_count = 0;
	for (size_t i = 0; i < policy->rule_count; i++) {
		struct rule *rule = &rules[plan->policy.rule_count];
		*rule = policy->rules[i];
		if (rule_possible(plan, rule)) {
			plan->policy.rule_count++;
			plan->in_flight |= rule->kind == RULE_DEADLINE ? 0 : rule->from;
		}
	}
	return true;
}

/* ---- statements ---- */

/* One statement being made; the first failure sticks. */
struct maker {
	struct plan *plan;
	struct reclaim_error *error;
	enum reclaim_status status;
};

static void make(struct maker *m, enum sql sql, const struct hole *holes, size_t count, struct planned *ret)
{
	const struct sql_text *text = plan_sql(m->plan, sql);
	bool complete = true;
	for (size_t i = 0; i < count; i++) {
		complete &= holes[i].text != NULL;
	}
	if (!m->status && !complete) {
		m->status = fail_no_memory(m->error);
	}
	if (!m->status) {
		m->status = render_planned(&m->plan->arena, m->plan->driver, text->name,
					   fill(&m->plan->arena, text->text, holes, count), text->writes, ret,
					   m->error);
	}
}

#define MAKE(m, sql, ret, ...)                                                                          \
	make(m, sql, (const struct hole[]){ __VA_ARGS__ },                                              \
	     sizeof((const struct hole[]){ __VA_ARGS__ }) / sizeof(struct hole), ret)

static const char *relation(struct plan *plan)
{
	return quote_name(&plan->arena, plan->driver, plan->task_table);
}

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
		const char *column = values ? NULL : piece_column(plan, "t", plan->columns[cells[i] - 1]);
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

static const char *sweep_order(struct plan *plan)
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

static void make_find(struct maker *m, const char *claims, const char *bound, struct planned_find *ret)
{
	struct plan *plan = m->plan;
	const char *behind = arena_printf(&plan->arena, "%s > %s", tuple(plan, true, false),
					  tuple(plan, true, true));
	const char *order_column =
		plan->order_at > 0 ? piece_column(plan, "t", plan->columns[plan->order_at - 1]) : NULL;
	const char *behind_null =
		!order_column ? behind :
				arena_printf(&plan->arena, "(%s IS NOT NULL OR %s > %s)", order_column,
					     tuple(plan, false, false), tuple(plan, false, true));
	const char *after[] = { "1 = 1", behind, behind_null };
	struct planned *targets[] = { &ret->first, &ret->after, &ret->after_null };
	ret->present = true;
	for (size_t i = 0; i < 3; i++) {
		MAKE(m, SQL_FIND, targets[i], { "columns", piece_columns(plan, /* with_bulk= */ false) },
		     { "relation", piece_relation(plan) }, { "claims", claims }, { "join", piece_join(plan) },
		     { "bound", bound }, { "after", after[i] }, { "order", sweep_order(plan) });
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
	static const enum signal order[] = { SIGNAL_CREATED, SIGNAL_UPDATED, SIGNAL_CLAIMED, SIGNAL_BEAT };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; text.size == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		int at = plan->at.signals[order[i]];
		if (at > 0) {
			text_printf(&text, "%s DESC, ", piece_column(plan, "t", plan->columns[at - 1]));
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
		struct hole holes[] = { { "column", piece_column(plan, "t", queue) } };
		where = arena_printf(&plan->arena, "%s AND %s", where,
				     fill(&plan->arena, plan_sql(plan, SQL_OF_QUEUE)->text, holes, 1));
	}
	MAKE(m, SQL_LIST, ret, { "columns", piece_columns(plan, /* with_bulk= */ false) }, { "relation", piece_relation(plan) },
	     { "join", piece_join(plan) }, { "where", where }, { "order", newest_first(plan) });
}

static const char *signal_column(struct plan *plan, enum signal signal)
{
	int at = plan->at.signals[signal];
	return at > 0 ? piece_column(plan, "", plan->columns[at - 1]) : "NULL";
}

static void make_looks(struct maker *m)
{
	struct plan *plan = m->plan;
	const char *claims = piece_claims(plan, plan->in_flight);
	make_find(m, claims, piece_bound(plan, plan->in_flight), &plan->find);
	make_find(m, claims, "1 = 1", &plan->every);
	if (late_states(plan)) {
		make_find(m, piece_states(plan, "", late_states(plan)), piece_bound(plan, late_states(plan)),
			  &plan->late);
	}
	MAKE(m, SQL_COUNT_CLAIMS, &plan->count_claims, { "relation", relation(plan) }, { "claims", claims });
	MAKE(m, SQL_NEWEST_CLAIM, &plan->newest_claim, { "relation", relation(plan) }, { "claims", claims },
	     { "claimed", signal_column(plan, SIGNAL_CLAIMED) }, { "beat", signal_column(plan, SIGNAL_BEAT) });
	MAKE(m, SQL_COUNT_STATES, &plan->count_states,
	     { "state", piece_column(plan, "", plan->profile->roles[ROLE_STATE]) },
	     { "relation", relation(plan) });
	MAKE(m, SQL_READ, &plan->read, { "columns", piece_columns(plan, /* with_bulk= */ true) }, { "relation", piece_relation(plan) },
	     { "join", piece_join(plan) }, { "key", piece_key(plan, "t", /* by_key= */ true) });
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		make_list(m, piece_states(plan, "t", STATE_BIT(state)), &plan->list[state]);
	}
	make_list(m, piece_states(plan, "t", plan->in_flight), &plan->list_in_flight);
	make_list(m, "1 = 1", &plan->list_all);
}

static void make_insertion(struct maker *m, struct db *db, const struct insertion *insertion,
			   struct planned *list, size_t *count)
{
	struct table *table = NULL;
	if (m->status) {
		return;
	}
	m->status = db_look_up(db, insertion->table, &table, m->error);
	if (!m->status && !table->exists && !insertion->optional) {
		m->status = fail(m->error, RECLAIM_INVALID, "%s: database '%s' has no table '%s'",
				 m->plan->profile->file, db->url->shown, insertion->table);
	}
	if (!m->status && table->exists) {
		const char *columns, *values;
		if (!piece_insertion(m->plan, table, insertion->assignments, insertion->count, &columns,
				     &values)) {
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

static void make_insertions(struct maker *m, struct db *db, const struct insertion *insertions, size_t count,
			    struct planned **ret_list, size_t *ret_count)
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
static void make_change(struct maker *m, struct db *db, const struct change *change, bool token_only,
			bool waits, struct planned_change *ret)
{
	struct plan *plan = m->plan;
	enum sql sql = !waits && plan->passes_over_locked ? SQL_TAKE : SQL_CHANGE;
	const char *fence = guarded(plan, change, piece_fence(plan, token_only));
	for (int with_error = 0; with_error < 2; with_error++) {
		MAKE(m, sql, &ret->update[with_error], { "relation", relation(plan) },
		     { "set", piece_set(plan, change, with_error) },
		     { "key", piece_key(plan, "", /* by_key= */ false) },
		     { "fence", fence });
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
	bool absent = claim->order && is_optional(plan->profile, claim->order) && !plan_has(plan, claim->order);
	return claim->order && !absent ? claim->order : sweep_order(plan);
}

static void make_free(struct maker *m, const struct change *claim)
{
	struct plan *plan = m->plan;
	const char *states = piece_states(plan, "", claim->from);
	const char *where =
		claim->where ? arena_printf(&plan->arena, "%s AND (%s)", states, predicate(plan, claim->where)) : states;
	MAKE(m, SQL_FREE, &plan->free, { "columns", piece_columns(plan, /* with_bulk= */ false) }, { "relation", piece_relation(plan) },
	     { "where", where }, { "join", piece_join(plan) },
	     { "order", claim_order(plan, claim) });
}

static void make_changes(struct maker *m, struct db *db)
{
	struct plan *plan = m->plan;
	plan->passes_over_locked = plan_sql(plan, SQL_TAKE)->text && !plan->table->is_view;
	MAKE(m, SQL_UNCHANGED, &plan->unchanged, { "relation", relation(plan) },
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
	make_insertions(m, db, profile->audit, profile->audit_is_log ? 0 : profile->audit_count, &plan->audit,
			&plan->audit_count);
}

/* ---- the worker's statements ---- */

static const char *worker_columns(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const char *named[] = { w->key, w->seen.column, w->lease.column, w->state };
	static const char *const process[] = { "name", "host", "boot", "pid", "slot", "lock_inode" };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		text_printf(&text, "%s%s", i ? ", " : "",
			    named[i] ? piece_column(plan, "w", named[i]) : "NULL");
	}
	for (size_t i = 0; w->evidence && i < sizeof(process) / sizeof(process[0]); i++) {
		text_printf(&text, ", %s", piece_column(plan, "w", process[i]));
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static const char *worker_fence(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const char *named[] = { w->seen.column, w->lease.column };
	struct text TEXT_CLEANUP text = { 0 };
	for (int i = 0; i < 2; i++) {
		const char *value = arena_printf(&plan->arena, ":row%d", WORKER_CELL_SEEN + i);
		if (named[i] && value) {
			text_printf(&text, "%s%s", text.size ? " AND " : "",
				    piece_same(plan, plan->worker_table, named[i], value));
		}
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static const char *worker_label(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const struct names *labels = w->lost.count ? &w->lost : &w->stalled;
	return arena_printf(&plan->arena, "%s = %s", piece_column(plan, "", w->state),
			    quote_literal(&plan->arena, labels->items[0]));
}

static void make_worker_beat(struct maker *m, const struct change *beat)
{
	struct plan *plan = m->plan;
	const struct workers *w = &plan->profile->workers;
	const char *columns, *values;
	if (!piece_insertion(plan, plan->worker_table, beat->set, beat->set_count, &columns, &values)) {
		m->status = fail_no_memory(m->error);
		return;
	}
	struct text TEXT_CLEANUP set = { 0 };
	for (size_t i = 0; i < beat->set_count; i++) {
		text_printf(&set, "%s%s = %s", i ? ", " : "", piece_column(plan, "", beat->set[i].column),
			    piece_expression(plan, plan->worker_table, &beat->set[i]));
	}
	const char *key = piece_column(plan, "", w->key);
	MAKE(m, SQL_UPSERT, &plan->worker_beat, { "relation", quote_name(&plan->arena, plan->driver, plan->workers_table) },
	     { "columns", arena_printf(&plan->arena, "%s, %s", key, columns) },
	     { "values", arena_printf(&plan->arena, ":owner, %s", values) }, { "key", key },
	     { "set", set.failed ? NULL : arena_copy(&plan->arena, text_string(&set), set.size) });
	plan->has_worker_beat = true;
}

static void make_workers(struct maker *m)
{
	struct plan *plan = m->plan;
	if (!plan->has_workers) {
		return;
	}
	const struct workers *w = &plan->profile->workers;
	const char *table = quote_name(&plan->arena, plan->driver, plan->workers_table);
	const char *key = arena_printf(&plan->arena, "%s = :row%d", piece_column(plan, "", w->key),
				       WORKER_CELL_KEY);
	MAKE(m, SQL_WORKERS, &plan->workers, { "columns", worker_columns(plan) }, { "relation", table });
	MAKE(m, SQL_WORKER_SAME, &plan->worker_same, { "relation", table }, { "key", key },
	     { "fence", worker_fence(plan) });
	MAKE(m, SQL_UNCHANGED, &plan->worker_any, { "relation", table }, { "key", key },
	     { "fence", "1 = 1" });
	if (plan->worker_has_label) {
		MAKE(m, SQL_WORKER_END, &plan->worker_end, { "relation", table },
		     { "set", worker_label(plan) }, { "key", key }, { "fence", worker_fence(plan) });
	}
	if (plan->profile->worker_beat) {
		make_worker_beat(m, plan->profile->worker_beat);
	}
}

/* ---- create and destroy ---- */

static const struct sql_engine *engine_sql(const struct db_driver *driver)
{
	for (size_t i = 0; sql_engines[i].name; i++) {
		if (string_equal(sql_engines[i].name, driver->name)) {
			return &sql_engines[i];
		}
	}
	return NULL;
}

enum reclaim_status plan_create(struct db *db, const struct profile *profile, struct plan **ret_plan,
				struct reclaim_error *error)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan) {
		return fail_no_memory(error);
	}
	plan->profile = profile;
	plan->driver = db->driver;
	plan->sql = engine_sql(db->driver);
	enum reclaim_status status =
		plan->sql ? find_schema(db, plan, error) :
			    fail(error, RECLAIM_UNSUPPORTED, "this build has no statements for engine '%s'",
				 db->driver->name);
	if (!status && !place_columns(plan)) {
		status = fail_no_memory(error);
	}
	if (!status) {
		place_worker(plan);
		place_order(plan);
		status = fit_policy(plan) ? RECLAIM_OK : fail_no_memory(error);
	}
	if (!status) {
		struct maker m = { .plan = plan, .error = error };
		make_looks(&m);
		make_changes(&m, db);
		make_workers(&m);
		status = m.status;
	}
	if (status) {
		plan_destroy(plan);
		return status;
	}
	*ret_plan = plan;
	return RECLAIM_OK;
}

void plan_destroy(struct plan *plan)
{
	if (!plan) {
		return;
	}
	table_destroy(plan->table);
	table_destroy(plan->worker_table);
	arena_finish(&plan->arena);
	free(plan);
}
