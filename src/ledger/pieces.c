/* Pieces of SQL: quoted identifiers and literals, predicates, SET lists. */
#include "pieces.h"

#include <string.h>

bool plan_has(const struct plan *plan, const char *column)
{
	return column && table_column(plan->table, column);
}

int plan_cell(const struct plan *plan, const char *column)
{
	for (size_t i = 0; column && i < plan->column_count; i++) {
		if (string_equal(plan->columns[i], column)) {
			return (int)i + 1;
		}
	}
	return -1;
}

const struct sql_text *plan_sql(const struct plan *plan, enum sql sql)
{
	return &plan->sql->texts[sql];
}

/* Of a column as found; an expression that belongs to none is about the task's own instants. */
static enum column_kind kind_of(const struct plan *plan, const struct table *table,
				const char *column)
{
	const struct column *found = table && column ? table_column(table, column) : NULL;
	for (int i = 0; !found && i < SIGNAL_COUNT; i++) {
		const char *signal = plan->profile->signals[i].column;
		found = signal ? table_column(plan->table, signal) : NULL;
	}
	return found ? found->kind : COLUMN_PLAIN;
}

static bool is_instant(enum column_kind kind)
{
	return kind == COLUMN_INSTANT || kind == COLUMN_ZONED;
}

enum time_format plan_found_format(const struct plan *plan, const struct table *table,
				   const char *column, enum time_format format)
{
	enum column_kind kind = kind_of(plan, table, column);
	return kind == COLUMN_INSTANT  ? TIME_UTC
	       : kind == COLUMN_ZONED  ? TIME_ZONED
	       : format == TIME_NATIVE ? plan->driver->native_time
				       : format;
}

/* What a text buffer holds, moved into the plan. */
static const char *kept(struct plan *plan, struct text *text)
{
	return text->failed ? NULL : arena_copy(&plan->arena, text_string(text), text->size);
}

static void add_separated(struct text *text, const char *separator, const char *piece)
{
	if (text->size > 0) {
		text_add(text, separator);
	}
	text->failed |= !piece;
	text_add(text, piece ? piece : "");
}

const char *piece_column(struct plan *plan, const char *alias, const char *column)
{
	char quote = plan->driver->quote;
	struct text TEXT_CLEANUP text = { 0 };
	text_printf(&text, "%s%s%c", alias, *alias ? "." : "", quote);
	text_add_quoted(&text, column, strlen(column), quote);
	text_add_char(&text, quote);
	return kept(plan, &text);
}

static bool is_key(const struct plan *plan, int cell)
{
	for (size_t i = 0; i < plan->key_count; i++) {
		if (plan->at.key[i] == cell) {
			return true;
		}
	}
	return false;
}

/* How the engine compares a column of text, if not byte for byte. */
static const char *folding(const struct table *table, const char *column)
{
	const struct column *found = table && column ? table_column(table, column) : NULL;
	return found ? found->collation : NULL;
}

static const char *bytes(struct plan *plan, const char *column)
{
	struct hole holes[] = { { "column", column } };
	const char *text = plan_sql(plan, SQL_BYTES)->text;
	return text && column ? fill(&plan->arena, text, holes, 1) : column;
}

/* A comparison of a column; where the engine takes other texts for the same, of its bytes as well. */
static const char *compared(struct plan *plan, const struct table *table, const char *alias,
			    const char *column, const char *with)
{
	const char *name = piece_column(plan, alias, column);
	if (!folding(table, column) || !name || !with) {
		return name && with ? arena_printf(&plan->arena, "%s %s", name, with) : NULL;
	}
	return arena_printf(&plan->arena, "%s %s AND %s %s", name, with, bytes(plan, name),
			    with);
}

/* Payloads, results, errors and what is only shown may be large: a sweep does not read them. */
static bool is_bulk(const struct plan *plan, int cell)
{
	bool needed = plan->needed_old[cell - 1] || is_key(plan, cell);
	for (size_t i = 0; i < plan->token_count; i++) {
		needed |= plan->at.token[i] == cell;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		needed |= plan->at.signals[i] == cell;
	}
	for (int i = 0; i < ROLE_COUNT; i++) {
		bool bulk = i == ROLE_PAYLOAD || i == ROLE_RESULT || i == ROLE_ERROR;
		needed |= !bulk && plan->at.roles[i] == cell;
	}
	return !needed;
}

/* As it is, or, of a type that is not read, as text. */
static const char *readable(struct plan *plan, const struct table *table, const char *alias,
			    const char *column)
{
	const struct column *found = table_column(table, column);
	const char *text = plan_sql(plan, SQL_AS_TEXT)->text;
	struct hole holes[] = { { "column", piece_column(plan, alias, column) } };
	return found && found->kind == COLUMN_OPAQUE && text && holes[0].text
		       ? fill(&plan->arena, text, holes, 1)
		       : holes[0].text;
}

const char *piece_relation(struct plan *plan)
{
	struct hole holes[] = { { "relation",
				  quote_name(&plan->arena, plan->driver, plan->task_table) } };
	return plan->at.version < 0 || !holes[0].text
		       ? holes[0].text
		       : fill(&plan->arena, plan_sql(plan, SQL_VERSIONED)->text, holes, 1);
}

const char *piece_columns(struct plan *plan, bool with_bulk)
{
	const struct workers *workers = &plan->profile->workers;
	const char *of_worker[] = { workers->key, workers->seen.column, workers->lease.column,
				    workers->state };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->column_count; i++) {
		bool left_out = !with_bulk && is_bulk(plan, (int)i + 1);
		add_separated(&text, ", ",
			      left_out ? "NULL"
				       : readable(plan, plan->table, "t", plan->columns[i]));
	}
	for (size_t i = 0; plan->has_workers && i < sizeof(of_worker) / sizeof(of_worker[0]);
	     i++) {
		add_separated(&text, ", ",
			      of_worker[i]
				      ? readable(plan, plan->worker_table, "w", of_worker[i])
				      : "NULL");
	}
	if (plan->at.version > 0) {
		add_separated(&text, ", ", "t.reclaim_version");
	}
	return kept(plan, &text);
}

const char *piece_join(struct plan *plan)
{
	const struct workers *workers = &plan->profile->workers;
	const char *owner = plan->profile->roles[ROLE_OWNER];
	if (!plan->has_workers || !plan_has(plan, owner)) {
		return "";
	}
	const char *key = piece_column(plan, "w", workers->key),
		   *held = piece_column(plan, "t", owner);
	const char *key_folds = folding(plan->worker_table, workers->key);
	const char *owner_folds = folding(plan->table, owner);
	/* Two ways to compare text are none: then only bytes are left, without the index that one way may have. */
	bool alike = !key_folds || !owner_folds || string_equal(key_folds, owner_folds);
	const char *plain = alike ? arena_printf(&plan->arena, "%s = %s", key, held) : "";
	const char *exact =
		!key_folds && !owner_folds
			? ""
			: arena_printf(&plan->arena, "%s%s = %s", alike ? " AND " : "",
				       bytes(plan, key), bytes(plan, held));
	return !plain || !exact ? NULL
				: arena_printf(&plan->arena, "\nLEFT JOIN %s AS w ON %s%s",
					       quote_name(&plan->arena, plan->driver,
							  plan->workers_table),
					       plain, exact);
}

const char *piece_states(struct plan *plan, const char *alias, unsigned states)
{
	const char *column = plan->profile->roles[ROLE_STATE];
	struct text TEXT_CLEANUP text = { 0 };
	size_t count = 0;
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		const struct names *names = &plan->profile->states[state];
		for (size_t i = 0; (states & STATE_BIT(state)) && i < names->count;
		     i++, count++) {
			add_separated(&text, ", ",
				      quote_literal(&plan->arena, names->items[i]));
		}
	}
	if (count == 0) {
		return "1 = 0";
	}
	if (text.failed) {
		return NULL;
	}
	/* One: as a partial index says it. */
	const char *with = count == 1
				   ? arena_printf(&plan->arena, "= %s", text_string(&text))
				   : arena_printf(&plan->arena, "IN (%s)", text_string(&text));
	return compared(plan, plan->table, alias, column, with);
}

const char *piece_claims(struct plan *plan, unsigned states)
{
	const char *predicate = piece_states(plan, "", states);
	if (!plan->profile->claims || !predicate) {
		return predicate;
	}
	return arena_printf(&plan->arena, "%s AND (%s)", predicate, plan->profile->claims);
}

const char *piece_now(struct plan *plan, const struct table *table, const char *column,
		      enum time_format format, const char *plus)
{
	static const enum sql fragments[TIME_FORMAT_COUNT] = {
		[TIME_AUTO] = SQL_NOW_UTC,          [TIME_UTC] = SQL_NOW_UTC,
		[TIME_ZONED] = SQL_NOW_ZONED,       [TIME_RFC3339] = SQL_NOW_RFC3339,
		[TIME_ISO] = SQL_NOW_ISO,           [TIME_EPOCH] = SQL_NOW_EPOCH,
		[TIME_EPOCH_MS] = SQL_NOW_EPOCH_MS, [TIME_EPOCH_US] = SQL_NOW_EPOCH_US,
	};
	struct hole holes[] = { { "plus", plus } };
	enum column_kind kind = kind_of(plan, table, column);
	enum sql sql = kind == COLUMN_INSTANT ? SQL_NOW_INSTANT
		       : kind == COLUMN_ZONED
			       ? SQL_NOW_ZONED_INSTANT
			       : fragments[plan_found_format(plan, table, column, format)];
	return fill(&plan->arena, plan_sql(plan, sql)->text, holes, 1);
}

static const char *same(struct plan *plan, const char *column, const char *value)
{
	struct hole holes[] = { { "column", column }, { "value", value } };
	return column && value ? fill(&plan->arena, plan_sql(plan, SQL_SAME)->text, holes, 2)
			       : NULL;
}

const char *piece_same(struct plan *plan, const struct table *table, const char *column,
		       const char *value)
{
	const char *name = piece_column(plan, "", column);
	const char *plain = same(plan, name, value);
	if (!folding(table, column) || !plain) {
		return plain;
	}
	return arena_printf(&plan->arena, "%s AND %s", plain,
			    same(plan, bytes(plan, name), value));
}

/* ---- the bound ---- */

/* Text is not compared: what it looks like says nothing of its order. */
static bool comparable(const struct plan *plan, const struct table *table,
		       const struct mapped *mapped)
{
	return is_instant(kind_of(plan, table, mapped->column)) ||
	       time_format_is_number(
		       plan_found_format(plan, table, mapped->column, mapped->format));
}

/* t: the task's table, w: the worker's. */
static const struct table *aliased(const struct plan *plan, const char *alias)
{
	return string_equal(alias, "w") ? plan->worker_table : plan->table;
}

/* `column IS NULL OR column <= now - age`; NULL: this column can't be bounded. */
static const char *older(struct plan *plan, const char *alias, const struct mapped *mapped,
			 int64_t age)
{
	const struct table *table = aliased(plan, alias);
	if (!mapped->column || !comparable(plan, table, mapped)) {
		return NULL;
	}
	const char *column = piece_column(plan, alias, mapped->column);
	const char *minus = arena_printf(&plan->arena, "%lld", (long long)-age);
	return arena_printf(
		&plan->arena, "(%s IS NULL OR %s <= %s)", column, column,
		piece_now(plan, table, mapped->column, mapped->format, minus ? minus : "0"));
}

static int64_t shortest(const struct rule *rule)
{
	int64_t after = rule->after;
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
			add_separated(&text, " AND ", piece);
		}
	}
	return text.size ? kept(plan, &text) : NULL;
}

static const char *in_labels(struct plan *plan, const struct names *labels)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < labels->count; i++) {
		add_separated(&text, ", ", quote_literal(&plan->arena, labels->items[i]));
	}
	return kept(plan, &text);
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

static const char *bound_evidence(struct plan *plan)
{
	const struct workers *workers = &plan->profile->workers;
	if (plan->profile->probe.command.count > 0) {
		return NULL; /* every owner may be asked */
	}
	if (!plan->has_workers || !workers->evidence) {
		return "1 = 0";
	}
	struct hole holes[] = { { "column",
				  piece_column(plan, "t", plan->profile->roles[ROLE_OWNER]) } };
	return arena_printf(&plan->arena, "(%s IN (%s) OR %s)",
			    piece_column(plan, "w", workers->state),
			    in_labels(plan, &workers->stopped),
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
		return bound_evidence(plan);
	case RULE_KIND_COUNT:
		break;
	}
	return NULL;
}

const char *piece_bound(struct plan *plan, unsigned states)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		const struct rule *rule = &plan->policy.rules[i];
		if (rule->from & states) {
			const char *piece = bound_rule(plan, rule);
			if (!piece) {
				return "1 = 1";
			}
			add_separated(&text, "\n    OR ", piece);
		}
	}
	return text.size ? kept(plan, &text) : "1 = 0";
}

/* ---- key and fence ---- */

const char *piece_key(struct plan *plan, const char *alias, bool by_key)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->key_count; i++) {
		const char *with =
			by_key ? arena_printf(&plan->arena, "= :key%zu", i)
			       : arena_printf(&plan->arena, "= :row%d", plan->at.key[i]);
		add_separated(
			&text, " AND ",
			compared(plan, plan->table, alias, plan->profile->key.items[i], with));
	}
	return kept(plan, &text);
}

static bool is_fence(const struct plan *plan, int cell, bool token_only)
{
	bool fence = cell == plan->at.roles[ROLE_STATE];
	for (size_t i = 0; i < plan->token_count; i++) {
		fence |= plan->at.token[i] == cell;
	}
	if (token_only) {
		return fence;
	}
	static const enum role read[] = { ROLE_OWNER, ROLE_ATTEMPTS, ROLE_MAX_ATTEMPTS,
					  ROLE_RECOVERIES };
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		fence |= plan->at.roles[read[i]] == cell;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		fence |= plan->at.signals[i] == cell;
	}
	return fence;
}

/* The version says more than any column: whatever has changed the row, it is another one. */
static const char *fence_by_version(struct plan *plan)
{
	struct hole holes[] = { { "value",
				  arena_printf(&plan->arena, ":row%d", plan->at.version) } };
	return holes[0].text
		       ? fill(&plan->arena, plan_sql(plan, SQL_SAME_VERSION)->text, holes, 1)
		       : NULL;
}

const char *piece_fence(struct plan *plan, bool token_only)
{
	if (!token_only && plan->at.version > 0) {
		return fence_by_version(plan);
	}
	struct text TEXT_CLEANUP text = { 0 };
	for (int cell = 1; cell <= (int)plan->column_count; cell++) {
		if (!is_key(plan, cell) && is_fence(plan, cell, token_only)) {
			const char *value = arena_printf(&plan->arena, ":row%d", cell);
			add_separated(
				&text, "\n  AND ",
				piece_same(plan, plan->table, plan->columns[cell - 1], value));
		}
	}
	return kept(plan, &text);
}

/* ---- changes ---- */

static enum time_format format_of(const struct plan *plan, const char *column)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (string_equal(plan->profile->signals[i].column, column)) {
			return plan->profile->signals[i].format;
		}
	}
	return plan->profile->time;
}

static const char *uuid(struct plan *plan, const struct table *table, const char *column)
{
	const struct column *found = table ? table_column(table, column) : NULL;
	bool bytes = found && found->kind == COLUMN_BYTES;
	return plan_sql(plan, bytes ? SQL_UUID_BYTES : SQL_UUID_TEXT)->text;
}

/* The SQL that stands for a hole of an expression. */
static const char *expression_hole(struct plan *plan, const struct table *table,
				   const char *column, const char *hole)
{
	enum time_format format = format_of(plan, column);
	if (string_equal(hole, "now")) {
		return piece_now(plan, table, column, format, "0");
	}
	if (strncmp(hole, "now+", 4) == 0) {
		const char *plus = arena_printf(&plan->arena, ":%s", hole + 4);
		return plus ? piece_now(plan, table, column, format, plus) : NULL;
	}
	if (strncmp(hole, "old:", 4) == 0) {
		int cell = plan_cell(plan, hole + 4);
		return cell < 0 ? "NULL" : arena_printf(&plan->arena, ":row%d", cell);
	}
	return string_equal(hole, "uuid") ? uuid(plan, table, column)
					  : arena_printf(&plan->arena, ":%s", hole);
}

const char *piece_expression(struct plan *plan, const struct table *table,
			     const struct assignment *assignment)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (const char *at = assignment->expression; *at;) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;
		if (!end) {
			text_add_char(&text, *at++);
			continue;
		}
		const char *hole = arena_copy(&plan->arena, at + 1, (size_t)(end - at - 1));
		const char *sql =
			hole ? expression_hole(plan, table, assignment->column, hole) : NULL;
		text.failed |= !sql;
		text_add(&text, sql ? sql : "");
		while (text.size > 0 && text.data[text.size - 1] == '\n') {
			text.data[--text.size] = '\0';
		}
		at = end + 1;
	}
	return kept(plan, &text);
}

static bool assigns(const struct change *change, const char *column)
{
	for (size_t i = 0; i < change->set_count; i++) {
		if (string_equal(change->set[i].column, column)) {
			return true;
		}
	}
	return false;
}

static void add_assignment(struct plan *plan, struct text *text, const char *column,
			   const char *expression)
{
	const char *piece = !expression
				    ? NULL
				    : arena_printf(&plan->arena, "%s = %s",
						   piece_column(plan, "", column), expression);
	add_separated(text, ",\n\t", piece);
}

static const char *error_expression(struct plan *plan, const char *column)
{
	if (plan->profile->error_mode != ERROR_APPEND) {
		return ":error";
	}
	struct hole holes[] = { { "column", piece_column(plan, "", column) },
				{ "value", ":error" } };
	return fill(&plan->arena, plan_sql(plan, SQL_APPEND)->text, holes, 2);
}

const char *piece_set(struct plan *plan, const struct change *change, bool with_error)
{
	const struct profile *profile = plan->profile;
	const char *updated = profile->signals[SIGNAL_UPDATED].column;
	const char *error = profile->roles[ROLE_ERROR];
	struct text TEXT_CLEANUP text = { 0 };
	if (change->to != STATE_NONE) {
		const char *native =
			change->native ? change->native : profile->states[change->to].items[0];
		add_assignment(plan, &text, profile->roles[ROLE_STATE],
			       quote_literal(&plan->arena, native));
	}
	for (size_t i = 0; i < change->set_count; i++) {
		if (plan_has(plan, change->set[i].column)) {
			add_assignment(plan, &text, change->set[i].column,
				       piece_expression(plan, plan->table, &change->set[i]));
		}
	}
	if (with_error && plan_has(plan, error) && !assigns(change, error)) {
		add_assignment(plan, &text, error, error_expression(plan, error));
	}
	if (plan_has(plan, updated) && !assigns(change, updated)) {
		add_assignment(plan, &text, updated,
			       piece_now(plan, plan->table, updated,
					 profile->signals[SIGNAL_UPDATED].format, "0"));
	}
	return kept(plan, &text);
}

bool piece_insertion(struct plan *plan, const struct table *table,
		     const struct assignment *assignments, size_t count,
		     const char **ret_columns, const char **ret_values)
{
	struct text TEXT_CLEANUP columns = { 0 };
	struct text TEXT_CLEANUP values = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (table_column(table, assignments[i].column)) {
			add_separated(&columns, ", ",
				      piece_column(plan, "", assignments[i].column));
			add_separated(&values, ", ",
				      piece_expression(plan, table, &assignments[i]));
		}
	}
	*ret_columns = kept(plan, &columns);
	*ret_values = kept(plan, &values);
	return *ret_columns && *ret_values;
}
