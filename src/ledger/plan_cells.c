/* Which columns a look reads, and where in its rows each thing stands. */
#include "plan_make.h"

#include <string.h>

static void read_column(struct plan *plan, const char *column)
{
	if (plan_has(plan, column) && plan_cell(plan, column) < 0) {
		plan->columns[plan->column_count++] = column;
	}
}

/* Columns that SQL names as {old:COLUMN}. */
static void read_old(struct plan *plan, const char *sql)
{
	for (const char *at = sql; at && (at = strstr(at, "{old:"));) {
		at += 5;
		const char *column = arena_copy(&plan->arena, at, strcspn(at, "}"));
		read_column(plan, column);
		int cell = plan_cell(plan, column);
		if (cell > 0) {
			plan->needed_old[cell - 1] = true;
		}
	}
}

static void read_assignments(struct plan *plan, const struct assignment *assignments,
			     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_old(plan, assignments[i].expression);
	}
}

static void read_insertions(struct plan *plan, const struct insertion *insertions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_assignments(plan, insertions[i].assignments, insertions[i].count);
		read_old(plan, insertions[i].where);
	}
}

static void read_changes(struct plan *plan, const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		read_assignments(plan, changes[i].set, changes[i].set_count);
		read_insertions(plan, changes[i].also, changes[i].also_count);
		read_old(plan, changes[i].call);
		for (size_t n = 0; n < changes[i].run.count; n++) {
			read_old(plan, changes[i].run.items[n]);
		}
		read_column(plan, changes[i].due);
	}
}

/* What a rule reads of the row by itself: whether its `where` holds, and the row's own threshold. */
static void read_rules(struct plan *plan)
{
	const struct policy *policy = &plan->profile->policy;
	for (int i = 0; i < RULES_MAX; i++) {
		plan->at.where[i] = plan->at.after[i] = -1;
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		const char *where = rule->where ? where_name(plan, rule) : NULL;
		read_column(plan, where);
		read_column(plan, rule->after_column);
		plan->at.where[rule->place] = plan_cell(plan, where);
		plan->at.after[rule->place] = plan_cell(plan, rule->after_column);
	}
}

static void read_names(struct plan *plan, const struct names *names, int *at, size_t max,
		       size_t *ret_count)
{
	*ret_count = names->count < max ? names->count : max;
	for (size_t i = 0; i < *ret_count; i++) {
		read_column(plan, names->items[i]);
		at[i] = plan_cell(plan, names->items[i]);
	}
}

bool place_columns(struct plan *plan)
{
	const struct profile *profile = plan->profile;
	plan->columns = arena_take(&plan->arena,
				   sizeof(*plan->columns) * (plan->table->column_count + 1));
	plan->needed_old = arena_take(&plan->arena, sizeof(*plan->needed_old) *
							    (plan->table->column_count + 1));
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
	read_rules(plan);
	read_changes(plan, profile->remedies, REMEDY_COUNT);
	read_changes(plan, profile->verbs, VERB_COUNT);
	read_insertions(plan, profile->audit, profile->audit_count);
	return true;
}

void place_worker(struct plan *plan)
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
void place_order(struct plan *plan)
{
	static const enum signal order[] = { SIGNAL_CLAIMED, SIGNAL_BEAT, SIGNAL_UPDATED,
					     SIGNAL_CREATED };
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
