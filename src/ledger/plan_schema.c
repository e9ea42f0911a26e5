/* The schema as found: what is there, and which rules that can feed. */
#include "plan_make.h"

#include <string.h>

bool is_optional(const struct profile *profile, const char *column)
{
	for (size_t i = 0; i < profile->optional.count; i++) {
		if (string_equal(profile->optional.items[i], column)) {
			return true;
		}
	}
	return false;
}

enum reclaim_status need_at(const struct plan *plan, const struct table *table,
			    const char *table_name, const char *column, int line,
			    struct reclaim_error *error)
{
	if (!column || table_column(table, column) ||
	    (table == plan->table && is_optional(plan->profile, column))) {
		return RECLAIM_OK;
	}
	struct text TEXT_CLEANUP columns = { 0 };
	for (size_t i = 0; i < table->column_count; i++) {
		text_printf(&columns, "%s%s", i ? ", " : "", table->columns[i].name);
	}
	return fail(error, RECLAIM_INVALID, "%s:%d: table '%s' has no column '%s'; it has: %s",
		    plan->profile->file, line, table_name, column, text_string(&columns));
}

static enum reclaim_status need(const struct plan *plan, const struct table *table,
				const char *table_name, const char *column,
				struct reclaim_error *error)
{
	return need_at(plan, table, table_name, column, profile_line_of(plan->profile, column),
		       error);
}

enum reclaim_status fail_no_table(const struct db *db, const struct profile *profile,
				  const struct table *table, const char *name,
				  struct reclaim_error *error)
{
	if (table->denied) {
		return fail(error, RECLAIM_UNAVAILABLE, "%s", table->denied);
	}
	if (profile->native) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s' has no ledger of ours yet (table '%s' is missing); "
			    "`reclaim init` makes it",
			    db->url->shown, name);
	}
	return fail(error, RECLAIM_INVALID, "%s: database '%s' has no table '%s'",
		    profile->file, db->url->shown, name);
}

static enum reclaim_status look_up(struct db *db, const struct profile *profile,
				   const char *name, struct table **ret_table,
				   struct reclaim_error *error)
{
	struct table *table = NULL;
	enum reclaim_status status = db_look_up(db, name, &table, error);
	if (status) {
		return status;
	}
	if (!table->exists) {
		status = fail_no_table(db, profile, table, name, error);
		table_destroy(table);
		return status;
	}
	*ret_table = table;
	return RECLAIM_OK;
}

/* Columns that SQL names as {old:COLUMN}. */
static enum reclaim_status need_old(const struct plan *plan, const char *sql, int line,
				    struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (const char *at = sql; !status && at && (at = strstr(at, "{old:"));) {
		struct text TEXT_CLEANUP name = { 0 };
		at += 5;
		text_add_bytes(&name, at, strcspn(at, "}"));
		status = need_at(plan, plan->table, plan->profile->table, text_string(&name),
				 line, error);
	}
	return status;
}

/* What is optional does without. */
static enum reclaim_status need_insertion(const struct plan *plan,
					  const struct insertion *insertion,
					  struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && !insertion->optional && i < insertion->count; i++) {
		status = need_old(plan, insertion->assignments[i].expression,
				  insertion->assignments[i].line, error);
	}
	return status || insertion->optional
		       ? status
		       : need_old(plan, insertion->where,
				  profile_line_of(plan->profile, insertion->where), error);
}

static enum reclaim_status need_change(const struct plan *plan, const struct change *change,
				       struct reclaim_error *error)
{
	enum reclaim_status status = need_old(
		plan, change->call, profile_line_of(plan->profile, change->call), error);
	for (size_t i = 0; !status && i < change->set_count; i++) {
		status = need_at(plan, plan->table, plan->profile->table, change->set[i].column,
				 change->set[i].line, error);
	}
	for (size_t i = 0; !status && i < change->also_count; i++) {
		status = need_insertion(plan, &change->also[i], error);
	}
	for (size_t i = 0; !status && i < change->run.count; i++) {
		status = need_old(plan, change->run.items[i],
				  profile_line_of(plan->profile, change->run.items[i]), error);
	}
	return status;
}

static enum reclaim_status need_all_old(const struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < profile->audit_count; i++) {
		status = need_insertion(plan, &profile->audit[i], error);
	}
	for (int i = 0; !status && i < REMEDY_COUNT; i++) {
		status = need_change(plan, &profile->remedies[i], error);
	}
	for (int i = 0; !status && i < VERB_COUNT; i++) {
		status = need_change(plan, &profile->verbs[i], error);
	}
	return status;
}

/* What rules read beside signals and roles. */
static enum reclaim_status need_rules(const struct plan *plan, struct reclaim_error *error)
{
	const struct policy *policy = &plan->profile->policy;
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < policy->rule_count; i++) {
		status = need(plan, plan->table, plan->profile->table,
			      policy->rules[i].after_column, error);
	}
	return status;
}

static enum reclaim_status need_all(const struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	const struct names *lists[] = { &profile->key, &profile->token, &profile->show };
	enum reclaim_status status = RECLAIM_OK;
	for (size_t l = 0; l < 3; l++) {
		for (size_t i = 0; !status && i < lists[l]->count; i++) {
			status = need(plan, plan->table, profile->table, lists[l]->items[i],
				      error);
		}
	}
	for (int i = 0; !status && i < ROLE_COUNT; i++) {
		status = need(plan, plan->table, profile->table, profile->roles[i], error);
	}
	for (int i = 0; !status && i < SIGNAL_COUNT; i++) {
		status = need(plan, plan->table, profile->table, profile->signals[i].column,
			      error);
	}
	if (!status) {
		status = need_rules(plan, error);
	}
	if (!status) {
		status = need_all_old(plan, error);
	}
	const struct workers *w = &profile->workers;
	const char *of_worker[] = { w->key, w->seen.column, w->lease.column, w->state };
	for (size_t i = 0; plan->worker_table && !status && i < 4; i++) {
		status = need(plan, plan->worker_table, w->table, of_worker[i], error);
	}
	return status;
}

enum reclaim_status find_schema(struct db *db, struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	plan->task_table = plan_table(&plan->arena, plan->driver, profile, profile->table);
	plan->workers_table = !profile->workers.table
				      ? NULL
				      : plan_table(&plan->arena, plan->driver, profile,
						   profile->workers.table);
	if (!plan->task_table || (profile->workers.table && !plan->workers_table)) {
		return fail_no_memory(error);
	}
	enum reclaim_status status =
		look_up(db, profile, plan->task_table, &plan->table, error);
	if (!status && profile->workers.table) {
		status = look_up(db, profile, plan->workers_table, &plan->worker_table, error);
		plan->has_workers = !status;
	}
	if (!status) {
		plan->task_table = plan->table->name;
		plan->workers_table = plan->has_workers ? plan->worker_table->name : NULL;
		status = find_computed(db, plan, error);
	}
	return status ? status : need_all(plan, error);
}

/* ---- the policy, less what absent columns can't feed ---- */

static bool rule_possible(const struct plan *plan, struct rule *rule)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (plan->at.signals[i] < 0) {
			rule->of &= ~SIGNAL_BIT(i);
		}
	}
	bool own = plan->at.after[rule->place] > 0;
	if (rule->where && plan->at.where[rule->place] < 0) {
		return false;
	}
	if (rule->after_column && !own) {
		rule->after_column = NULL;
		if (rule->after == AFTER_NEVER && rule->override_count == 0) {
			return false;
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

bool fit_policy(struct plan *plan)
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
