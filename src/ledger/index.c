/* Indexes as found, and the one that a ledger wants. */
#include "index.h"

#include "pieces.h"

#include <string.h>

/* How a look calls the rows that it reads. */
#define ROW_ALIASES "r", "t"

bool index_mentions(const struct table_index *index, const char *column)
{
	return string_equal(index->first, column) || string_mentions(index->definition, column);
}

static const char *predicate_of(const struct table_index *index)
{
	const char *where = index->partial ? strcasestr(index->definition, "where") : NULL;
	return where ? where : "";
}

/* What the rows in flight are known by, where no column holds their state; NULL: one does. */
static const char *running_predicate(const struct profile *profile)
{
	return profile->predicates[STATE_RUNNING];
}

/* The next column from `*at` on that the running predicate names; NULL: no more. */
static const char *next_named(const struct plan *plan, size_t *at)
{
	const char *running = running_predicate(plan->profile);
	while (*at < plan->table->column_count) {
		const struct column *column = &plan->table->columns[(*at)++];
		if (!column->expression && string_mentions(running, column->name)) {
			return column->name;
		}
	}
	return NULL;
}

/* By a column that the predicate names, or holding nothing but rows that are chosen by one. */
static bool serves_predicate(const struct plan *plan, const struct table_index *index)
{
	size_t at = 0;
	for (const char *name; (name = next_named(plan, &at));) {
		bool first = !index->partial && string_equal(index->first, name);
		if (first || string_mentions(predicate_of(index), name)) {
			return true;
		}
	}
	return false;
}

/* By the state, or holding nothing but rows that are chosen by state or owner. */
static bool serves(const struct plan *plan, const struct table_index *index)
{
	const struct profile *profile = plan->profile;
	const char *state = profile->roles[ROLE_STATE], *owner = profile->roles[ROLE_OWNER];
	if (!index->valid) {
		return false;
	}
	if (running_predicate(profile)) {
		return serves_predicate(plan, index);
	}
	if (!index->partial) {
		return string_equal(index->first, state);
	}
	const char *predicate = predicate_of(index);
	return (state && string_mentions(predicate, state)) ||
	       (profile->claims && owner && string_mentions(predicate, owner));
}

bool index_serves(const struct plan *plan)
{
	size_t first = 0;
	bool all = running_predicate(plan->profile) && !next_named(plan, &first);
	bool found = plan->table->is_view ||
		     all; /* where every row is in flight there is nothing to choose */
	for (size_t i = 0; i < plan->table->index_count; i++) {
		found |= serves(plan, &plan->table->indexes[i]);
	}
	return found;
}

/* An index's own condition is about its row alone. */
static bool fits_index(const char *predicate)
{
	return !strcasestr(predicate, "select") && !strstr(predicate, "{row}");
}

/* Whether the index has the columns that the predicate names, because it can't have the predicate. */
static bool has_named(const struct plan *plan)
{
	const char *running = running_predicate(plan->profile);
	return running && (plan->driver->whole_indexes || !fits_index(running));
}

static bool is_named(const struct plan *plan, const char *column)
{
	return has_named(plan) && string_mentions(running_predicate(plan->profile), column);
}

/* By when they were claimed, if a sweep reads them so: a time that no beat writes. */
static bool print_order(struct arena *arena, struct plan *plan, struct text *on)
{
	const char *column = plan->profile->signals[SIGNAL_CLAIMED].column;
	if (plan->order_at < 0 || plan->order_at != plan->at.signals[SIGNAL_CLAIMED] ||
	    !plan_stores(plan, column) || is_named(plan, column)) {
		return true;
	}
	const struct hole hole = { "column", quote_name_part(arena, plan->driver, column) };
	const char *key =
		hole.text ? fill(arena, plan_sql(plan, SQL_ASCENDING)->text, &hole, 1) : NULL;
	text_printf(on, "%s, ", key ? key : "");
	return key != NULL;
}

/* The columns that the predicate names, for an index of all rows. */
static void print_named(struct arena *arena, struct plan *plan, struct text *on)
{
	size_t at = 0;
	for (const char *name; (name = next_named(plan, &at));) {
		text_printf(on, "%s, ", quote_name_part(arena, plan->driver, name));
	}
}

/* What the index is on, and of which rows: where there are no partial ones it begins with the state. */
static bool print_columns(struct arena *arena, struct plan *plan, struct text *on,
			  struct text *where)
{
	const struct profile *profile = plan->profile;
	const char *state = profile->roles[ROLE_STATE];
	const char *running = running_predicate(profile);
	if (has_named(plan)) {
		print_named(arena, plan, on);
	} else if (plan->driver->whole_indexes && state) {
		text_printf(on, "%s, ", quote_name_part(arena, plan->driver, state));
	} else if (!plan->driver->whole_indexes) {
		/* By state alone: what a beat writes has no place in an index. */
		text_printf(where, " WHERE %s",
			    running ? piece_states(plan, STATE_BIT(STATE_RUNNING))
			    : state ? piece_states(plan, plan->in_flight)
				    : piece_claims(plan, plan->in_flight));
	}
	if (!print_order(arena, plan, on)) {
		return false;
	}
	for (size_t i = 0; i < plan->key_count; i++) {
		if (!is_named(plan, profile->key.items[i])) {
			text_printf(
				on, "%s, ",
				quote_name_part(arena, plan->driver, profile->key.items[i]));
		}
	}
	/* The last comma has nothing behind it. */
	if (on->size > 2) {
		on->data[on->size -= 2] = '\0';
	}
	return !on->failed && !where->failed;
}

enum reclaim_status index_parts(struct ledger *ledger, const char *table,
				const struct index_wish *wish, struct result *ret_statements,
				struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct result statements = { 0 };
	const char *relation = quote_name(&arena, ledger->db->driver, table);
	if (!relation || !wish->name || !wish->on || !wish->where) {
		return fail_no_memory(error);
	}
	const struct value params[PARTITION_INDEXES_PARAMS] = {
		[PARTITION_INDEXES_ID] = value_string(relation),
		[PARTITION_INDEXES_NAME] = value_string(wish->name),
		[PARTITION_INDEXES_ON] = value_string(wish->on),
		[PARTITION_INDEXES_WHERE] = value_string(wish->where),
	};
	const struct sql_text *text = ledger_sql(ledger, SQL_PARTITION_INDEXES);
	enum reclaim_status status = RECLAIM_OK;
	if (text && text->text) {
		status = ledger_run(ledger, SQL_PARTITION_INDEXES, params, &statements, error);
	}
	if (!status) {
		*ret_statements = statements;
	}
	return status;
}

static const char *joined(struct arena *arena, const struct result *statements)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < statements->rows; i++) {
		const struct value *cell = result_cell(statements, i, PARTITION_INDEXES_R_SQL);
		text_add(&text, i ? ";\n" : "");
		text_add_bytes(&text, cell->data, cell->size);
	}
	return text.failed ? NULL : arena_string(arena, text_string(&text));
}

static const char *whole(struct arena *arena, struct plan *plan, const struct index_wish *wish)
{
	const struct hole holes[] = {
		{ "name", quote_name_part(arena, plan->driver, wish->name) },
		{ "relation", quote_name(arena, plan->driver, plan->table->name) },
		{ "on", wish->on },
		{ "where", wish->where },
	};
	return holes[0].text && holes[1].text
		       ? fill(arena, plan_sql(plan, SQL_CREATE_INDEX)->text, holes, 4)
		       : NULL;
}

enum reclaim_status index_statements(struct ledger *ledger, struct arena *arena,
				     const char **ret_sql, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP on = { 0 };
	struct text TEXT_CLEANUP where = { 0 };
	struct result RESULT_CLEANUP parts = { 0 };
	struct plan *plan = ledger->plan;
	const char *table = plan->table->name;
	if (!print_columns(arena, plan, &on, &where)) {
		return fail_no_memory(error);
	}
	const struct index_wish wish = {
		.name = arena_printf(arena, "%s_in_flight", table_bare_name(table)),
		.on = text_string(&on),
		.where = text_string(&where),
	};
	enum reclaim_status status = index_parts(ledger, table, &wish, &parts, error);
	if (status) {
		return status;
	}
	const char *sql = parts.rows > 0 ? joined(arena, &parts) : whole(arena, plan, &wish);
	if (!sql) {
		return fail_no_memory(error);
	}
	*ret_sql = sql;
	return RECLAIM_OK;
}

/* No more is counted than decides. */
static enum reclaim_status is_large(struct ledger *ledger, struct arena *arena, bool *ret_large,
				    struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	const struct hole relation = { "relation",
				       quote_name(arena, plan->driver, plan->table->name) };
	const char *filled =
		relation.text ? fill(arena, plan_sql(plan, SQL_COUNT_ROWS)->text, &relation, 1)
			      : NULL;
	struct planned count;
	struct inputs inputs = { 0 };
	struct result RESULT_CLEANUP result = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(UNINDEXED_MAX + 1);
	enum reclaim_status status =
		filled ? render_planned(arena, plan->driver, "count rows", filled,
					/* writes= */ false, &count, error)
		       : fail_no_memory(error);
	if (!status) {
		status = planned_run(ledger->db, &count, &inputs, &result, error);
	}
	*ret_large = !status && value_integer(result_cell(&result, 0, 0), 0) > UNINDEXED_MAX;
	return status;
}

enum reclaim_status index_unused(struct ledger *ledger, bool *ret_unused,
				 struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct result RESULT_CLEANUP result = { 0 };
	const struct plan *plan = ledger->plan;
	const char *name = strrchr(plan->table->name, '.');
	struct planned look = plan->find.first;
	struct inputs inputs = { 0 };
	look.statement.name = "explain find";
	look.statement.sql =
		arena_printf(&arena, "%s%s", plan->driver->explain, look.statement.sql);
	inputs.named[INPUT_LIMIT] = value_int(1);
	inputs.named[INPUT_DEAD] = value_string("[]");
	*ret_unused = false;
	if (!plan->find.present) {
		return RECLAIM_OK;
	}
	enum reclaim_status status =
		look.statement.sql ? planned_run(ledger->db, &look, &inputs, &result, error)
				   : fail_no_memory(error);
	const char *const names[] = { name ? name + 1 : plan->table->name, ROW_ALIASES };
	for (size_t i = 0; !status && i < sizeof(names) / sizeof(names[0]); i++) {
		*ret_unused |= plan->driver->plan_scans(&result, plan->table, names[i]);
	}
	return status;
}

enum reclaim_status index_demand(struct ledger *ledger, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	bool large = false;
	if (index_serves(ledger->plan)) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = is_large(ledger, &arena, &large, error);
	if (status || !large) {
		return status;
	}
	const char *sql = NULL;
	status = index_statements(ledger, &arena, &sql, error);
	return status ? status
		      : fail(error, RECLAIM_INVALID,
			     "table '%s' has more than %d rows and no index that serves "
			     "those in flight: "
			     "a sweep would read them all each time, and does so only with "
			     "--force; "
			     "this helps: %s",
			     ledger->profile->table, UNINDEXED_MAX,
			     strchr(sql, '\n') ? "the statements that `reclaim check` tells"
					       : sql);
}
