/* The columns that are none: SQL of the profile over the row. What kinds they are, the engine says. */
#include "plan_make.h"

#include <string.h>

/* A column to be, and how it is called where something is wrong with it. */
struct candidate {
	const char *name, *expression, *what;
	int line;
	bool optional, absent;
	enum column_kind kind;
};

struct candidates {
	struct candidate *items;
	size_t count;
};

/* ---- what the profile wants ---- */

static void add(struct candidates *list, struct candidate candidate)
{
	list->items[list->count++] = candidate;
}

static void add_named(struct plan *plan, struct candidates *list)
{
	for (size_t i = 0; i < plan->profile->computed_count; i++) {
		const struct computed *computed = &plan->profile->computed[i];
		add(list, (struct candidate){
				  .name = computed->name,
				  .expression = computed->expression,
				  .what = "compute",
				  .line = computed->line,
				  .optional = is_optional(plan->profile, computed->name) });
	}
}

/* The first predicate that holds says the word, running before all others. */
static const char *state_expression(struct plan *plan)
{
	const char *const *predicates = plan->profile->predicates;
	struct text TEXT_CLEANUP text = { 0 };
	text_add(&text, "CASE");
	for (int i = -1; i < STATE_COUNT; i++) {
		int state = i < 0 ? STATE_RUNNING : i;
		bool first = i < 0 || state != STATE_RUNNING;
		if (first && predicates[state]) {
			text_printf(&text, " WHEN %s THEN '%s'", predicates[state],
				    state_word((enum state)state));
		}
	}
	text_add(&text, " END");
	return piece_kept(plan, &text);
}

static bool add_state(struct plan *plan, struct candidates *list)
{
	if (!string_equal(plan->profile->roles[ROLE_STATE], STATE_BY_PREDICATE)) {
		return true;
	}
	const char *running = plan->profile->predicates[STATE_RUNNING];
	struct candidate state = { .name = STATE_BY_PREDICATE,
				   .expression = state_expression(plan),
				   .what = "predicates",
				   .line = profile_line_of(plan->profile, running) };
	add(list, state);
	return state.expression != NULL;
}

const char *where_name(struct plan *plan, const struct rule *rule)
{
	return arena_printf(&plan->arena, "reclaim_where_%d", rule->place);
}

static bool add_wheres(struct plan *plan, struct candidates *list)
{
	const struct policy *policy = &plan->profile->policy;
	bool complete = true;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		if (rule->where) {
			struct candidate where = {
				.name = where_name(plan, rule),
				.expression = arena_printf(&plan->arena,
							   "CASE WHEN %s THEN 1 ELSE 0 END",
							   rule->where),
				.what = arena_printf(&plan->arena, "rule %s: where",
						     rule->name),
				.line = profile_line_of(plan->profile, rule->where),
			};
			add(list, where);
			complete &= where.name && where.expression && where.what;
		}
	}
	return complete;
}

/* ---- what the table allows ---- */

/* An expression that names a column which may be absent, and is, is absent too. */
static void drop_absent(const struct plan *plan, struct candidates *list)
{
	const struct names *optional = &plan->profile->optional;
	for (size_t i = 0; i < list->count; i++) {
		for (size_t n = 0; n < optional->count; n++) {
			const char *name = optional->items[n];
			list->items[i].absent |=
				!table_column(plan->table, name) &&
				string_mentions(list->items[i].expression, name);
		}
	}
}

static enum reclaim_status refuse_known(const struct plan *plan, const struct candidates *list,
					struct reclaim_error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		if (table_column(plan->table, list->items[i].name)) {
			return fail(error, RECLAIM_INVALID,
				    "%s:%d: %s: table '%s' has a column '%s' already; allowed: "
				    "another name",
				    plan->profile->file, list->items[i].line,
				    list->items[i].what, plan->profile->table,
				    list->items[i].name);
		}
	}
	return RECLAIM_OK;
}

/* Runs all of the list in one statement that finds no rows, and keeps what kinds its columns are. */
static enum reclaim_status describe(struct db *db, struct plan *plan, struct candidate *items,
				    size_t count, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP columns = { 0 };
	struct result RESULT_CLEANUP result = { 0 };
	struct planned planned = { 0 };
	const struct inputs none = { 0 };
	for (size_t i = 0; i < count; i++) {
		const char *raw =
			items[i].absent ? "NULL" : piece_raw(plan, items[i].expression);
		piece_add(&columns, ", ", raw ? arena_printf(&plan->arena, "(%s)", raw) : NULL);
	}
	struct maker m = { .plan = plan, .error = error };
	MAKE(&m, SQL_DESCRIBE, &planned, { "columns", piece_kept(plan, &columns) },
	     { "relation", plan_relation(plan) });
	enum reclaim_status status =
		m.status ? m.status : planned_run(db, &planned, &none, &result, error);
	for (size_t i = 0; !status && result.kinds && i < count && i < result.columns; i++) {
		items[i].kind = result.kinds[i];
	}
	return status;
}

/* The database's own trouble, not an expression's. */
static bool is_outage(enum reclaim_status status)
{
	return status == RECLAIM_BUSY || status == RECLAIM_UNAVAILABLE ||
	       status == RECLAIM_UNKNOWN || status == RECLAIM_NO_MEMORY;
}

static enum reclaim_status describe_alone(struct db *db, struct plan *plan,
					  struct candidate *candidate,
					  struct reclaim_error *error)
{
	struct reclaim_error why = { 0 };
	enum reclaim_status status =
		candidate->absent ? RECLAIM_OK : describe(db, plan, candidate, 1, &why);
	if (status && !is_outage(status) && candidate->optional) {
		candidate->absent = true;
		return RECLAIM_OK;
	}
	return !status ? RECLAIM_OK
	       : is_outage(status)
		       ? fail(error, status, "%s", why.message)
		       : fail(error, RECLAIM_INVALID, "%s:%d: %s '%s': %s", plan->profile->file,
			      candidate->line, candidate->what, candidate->name, why.message);
}

static enum reclaim_status describe_all(struct db *db, struct plan *plan,
					struct candidates *list, struct reclaim_error *error)
{
	struct reclaim_error why = { 0 };
	enum reclaim_status status = describe(db, plan, list->items, list->count, &why);
	if (!status || is_outage(status)) {
		return status ? fail(error, status, "%s", why.message) : RECLAIM_OK;
	}
	status = RECLAIM_OK;
	for (size_t i = 0; !status && i < list->count; i++) {
		status = describe_alone(db, plan, &list->items[i], error);
	}
	return status;
}

/* Text that is made has whatever way to compare its parts have: where there are several, bytes decide. */
static const char *way_to_compare(const struct plan *plan, enum column_kind kind)
{
	return plan_sql(plan, SQL_BYTES)->text && kind == COLUMN_PLAIN ? "computed" : NULL;
}

static bool append(struct plan *plan, const struct candidates *list)
{
	struct table *table = plan->table;
	struct column *columns = arena_take(
		&table->arena, sizeof(*columns) * (table->column_count + list->count));
	if (!columns) {
		return false;
	}
	memcpy(columns, table->columns, sizeof(*columns) * table->column_count);
	table->columns = columns;
	for (size_t i = 0; i < list->count; i++) {
		const struct candidate *from = &list->items[i];
		if (!from->absent) {
			columns[table->column_count++] =
				(struct column){ .name = from->name,
						 .type = "computed",
						 .kind = from->kind,
						 .nullable = true,
						 .collation = way_to_compare(plan, from->kind),
						 .expression = from->expression };
		}
	}
	return true;
}

enum reclaim_status find_computed(struct db *db, struct plan *plan, struct reclaim_error *error)
{
	const struct profile *profile = plan->profile;
	struct candidates list = { 0 };
	size_t most = profile->computed_count + profile->policy.rule_count + 1;
	list.items = arena_take(&plan->arena, sizeof(*list.items) * most);
	if (!list.items) {
		return fail_no_memory(error);
	}
	add_named(plan, &list);
	if (!add_state(plan, &list) || !add_wheres(plan, &list)) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = refuse_known(plan, &list, error);
	if (status || list.count == 0) {
		return status;
	}
	drop_absent(plan, &list);
	status = describe_all(db, plan, &list, error);
	if (!status && !append(plan, &list)) {
		status = fail_no_memory(error);
	}
	return status;
}
