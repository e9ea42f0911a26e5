/* Pieces of SQL: names, columns, states, times. */
#include "pieces.h"

#include <string.h>

bool plan_has(const struct plan *plan, const char *column)
{
	return column && table_column(plan->table, column);
}

bool plan_stores(const struct plan *plan, const char *column)
{
	const struct column *found = column ? table_column(plan->table, column) : NULL;
	return found && !found->expression;
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

enum column_kind plan_kind(const struct plan *plan, const struct table *table,
			   const char *column)
{
	const struct column *found = table && column ? table_column(table, column) : NULL;
	for (int i = 0; !found && i < SIGNAL_COUNT; i++) {
		const char *signal = plan->profile->signals[i].column;
		found = signal ? table_column(plan->table, signal) : NULL;
	}
	return found ? found->kind : COLUMN_PLAIN;
}

enum time_format plan_found_format(const struct plan *plan, const struct table *table,
				   const char *column, enum time_format format)
{
	enum column_kind kind = plan_kind(plan, table, column);
	return kind == COLUMN_INSTANT  ? TIME_UTC
	       : kind == COLUMN_ZONED  ? TIME_ZONED
	       : format == TIME_NATIVE ? plan->driver->native_time
				       : format;
}

const char *piece_kept(struct plan *plan, struct text *text)
{
	return text->failed ? NULL : arena_copy(&plan->arena, text_string(text), text->size);
}

void piece_add(struct text *text, const char *separator, const char *piece)
{
	if (text->size > 0) {
		text_add(text, separator);
	}
	text->failed |= !piece;
	text_add(text, piece ? piece : "");
}

const char *plan_relation(struct plan *plan)
{
	return quote_name(&plan->arena, plan->driver, plan->task_table);
}

const char *piece_column(struct plan *plan, const char *alias, const char *column)
{
	char quote = plan->driver->quote;
	struct text TEXT_CLEANUP text = { 0 };
	text_printf(&text, "%s%s%c", alias, *alias ? "." : "", quote);
	text_add_quoted(&text, column, strlen(column), quote);
	text_add_char(&text, quote);
	return piece_kept(plan, &text);
}

const char *piece_raw(struct plan *plan, const char *sql)
{
	const struct hole row = { "row", plan_relation(plan) };
	return row.text && sql ? fill(&plan->arena, sql, &row, 1) : NULL;
}

const char *piece_own(struct plan *plan, const char *column)
{
	const struct column *found = table_column(plan->table, column);
	if (!found || !found->expression) {
		return piece_column(plan, "", column);
	}
	const char *sql = piece_raw(plan, found->expression);
	return sql ? arena_printf(&plan->arena, "(%s)", sql) : NULL;
}

bool plan_is_key(const struct plan *plan, int cell)
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

const char *piece_compared(struct plan *plan, const char *column, const char *with)
{
	const char *name = piece_own(plan, column);
	if (!folding(plan->table, column) || !name || !with) {
		return name && with ? arena_printf(&plan->arena, "%s %s", name, with) : NULL;
	}
	return arena_printf(&plan->arena, "%s %s AND %s %s", name, with, bytes(plan, name),
			    with);
}

/* Payloads, results, errors and what is only shown may be large: a sweep does not read them. */
static bool is_bulk(const struct plan *plan, int cell)
{
	bool needed = plan->needed_old[cell - 1] || plan_is_key(plan, cell);
	for (size_t i = 0; i < plan->token_count; i++) {
		needed |= plan->at.token[i] == cell;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		needed |= plan->at.signals[i] == cell;
	}
	for (int i = 0; i < RULES_MAX; i++) {
		needed |= plan->at.where[i] == cell || plan->at.after[i] == cell;
	}
	for (int i = 0; i < ROLE_COUNT; i++) {
		bool bulk = i == ROLE_PAYLOAD || i == ROLE_RESULT || i == ROLE_ERROR;
		needed |= !bulk && plan->at.roles[i] == cell;
	}
	return !needed;
}

/* States are names: one that is kept as a number is the text of that number. */
static bool is_number(const struct column *column)
{
	return column->kind == COLUMN_NUMBER ||
	       (column->kind == COLUMN_PLAIN &&
		(strstr(column->type, "int") || strstr(column->type, "bool")));
}

/* The fragment that makes a column's type one that is read; NULL: it is read as it is. */
static const char *reading(const struct plan *plan, const struct table *table,
			   const char *column)
{
	const struct column *found = table_column(table, column);
	enum column_kind kind = found ? found->kind : COLUMN_PLAIN;
	bool seconds = table == plan->table && kind == COLUMN_SPAN;
	bool opaque = kind == COLUMN_OPAQUE || kind == COLUMN_JSON_LIST ||
		      kind == COLUMN_JSONB_LIST || kind == COLUMN_SPAN;
	opaque |= found && table == plan->table && is_number(found) &&
		  string_equal(column, plan->profile->roles[ROLE_STATE]);
	for (size_t i = 0; seconds && i < plan->profile->policy.rule_count; i++) {
		if (string_equal(plan->profile->policy.rules[i].after_column, column)) {
			return plan_sql(plan, SQL_AS_SECONDS)->text;
		}
	}
	return opaque ? plan_sql(plan, SQL_AS_TEXT)->text : NULL;
}

/* As it is, or, of a type that is not read, as text. */
static const char *readable(struct plan *plan, const struct table *table, const char *alias,
			    const char *column)
{
	const char *text = reading(plan, table, column);
	struct hole holes[] = { { "column", piece_column(plan, alias, column) } };
	return text && holes[0].text ? fill(&plan->arena, text, holes, 1) : holes[0].text;
}

const char *piece_state(struct plan *plan)
{
	const char *column = plan->profile->roles[ROLE_STATE];
	const char *text = reading(plan, plan->table, column);
	struct hole holes[] = { { "column", piece_own(plan, column) } };
	return text && holes[0].text ? fill(&plan->arena, text, holes, 1) : holes[0].text;
}

const char *piece_every(struct plan *plan)
{
	struct text TEXT_CLEANUP text = { 0 };
	text_add(&text, "*");
	if (plan->at.version > 0) {
		piece_add(&text, ", ", plan_sql(plan, SQL_VERSIONED)->text);
		while (text.data && text.data[text.size - 1] == '\n') {
			text.data[--text.size] = '\0';
		}
	}
	for (size_t i = 0; i < plan->column_count; i++) {
		if (!plan_stores(plan, plan->columns[i])) {
			const char *sql = piece_own(plan, plan->columns[i]);
			piece_add(&text, ",\n\t", sql);
			piece_add(&text, " AS ", piece_column(plan, "", plan->columns[i]));
		}
	}
	return piece_kept(plan, &text);
}

const char *piece_columns(struct plan *plan, bool with_bulk)
{
	const struct workers *workers = &plan->profile->workers;
	const char *of_worker[] = { workers->key, workers->seen.column, workers->lease.column,
				    workers->state };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->column_count; i++) {
		bool left_out = !with_bulk && is_bulk(plan, (int)i + 1);
		piece_add(&text, ", ",
			  left_out ? "NULL"
				   : readable(plan, plan->table, "t", plan->columns[i]));
	}
	for (size_t i = 0; plan->has_workers && i < sizeof(of_worker) / sizeof(of_worker[0]);
	     i++) {
		piece_add(&text, ", ",
			  of_worker[i] ? readable(plan, plan->worker_table, "w", of_worker[i])
				       : "NULL");
	}
	if (plan->at.version > 0) {
		piece_add(&text, ", ", "t.reclaim_version");
	}
	return piece_kept(plan, &text);
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

/* A word's predicate. Running is tested first; a row of another word may fulfil several. */
static const char *predicate_of(struct plan *plan, enum state state)
{
	const char *predicate = piece_raw(plan, plan->profile->predicates[state]);
	const char *word = piece_own(plan, plan->profile->roles[ROLE_STATE]);
	return !predicate || !word      ? NULL
	       : state == STATE_RUNNING ? arena_printf(&plan->arena, "(%s)", predicate)
					: arena_printf(&plan->arena, "((%s) AND %s = '%s')",
						       predicate, word, state_word(state));
}

/* The predicates themselves: what an index can serve. */
static const char *states_by_predicate(struct plan *plan, unsigned states)
{
	struct text TEXT_CLEANUP text = { 0 };
	size_t count = 0;
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		if ((states & STATE_BIT(state)) && plan->profile->predicates[state]) {
			piece_add(&text, " OR ", predicate_of(plan, (enum state)state));
			count++;
		}
	}
	const char *either = count ? piece_kept(plan, &text) : "1 = 0";
	return count > 1 && either ? arena_printf(&plan->arena, "(%s)", either) : either;
}

const char *piece_states(struct plan *plan, unsigned states)
{
	const char *column = plan->profile->roles[ROLE_STATE];
	struct text TEXT_CLEANUP text = { 0 };
	size_t count = 0;
	if (string_equal(column, STATE_BY_PREDICATE)) {
		return states_by_predicate(plan, states);
	}
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		const struct names *names = &plan->profile->states[state];
		for (size_t i = 0; (states & STATE_BIT(state)) && i < names->count;
		     i++, count++) {
			piece_add(&text, ", ", quote_literal(&plan->arena, names->items[i]));
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
	return piece_compared(plan, column, with);
}

const char *piece_claims(struct plan *plan, unsigned states)
{
	const char *predicate = piece_states(plan, states);
	if (!plan->profile->claims || !predicate) {
		return predicate;
	}
	const char *claims = piece_raw(plan, plan->profile->claims);
	return claims ? arena_printf(&plan->arena, "%s AND (%s)", predicate, claims) : NULL;
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
	enum column_kind kind = plan_kind(plan, table, column);
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
	const char *name =
		table == plan->table ? piece_own(plan, column) : piece_column(plan, "", column);
	const char *plain = same(plan, name, value);
	if (!folding(table, column) || !plain) {
		return plain;
	}
	return arena_printf(&plan->arena, "%s AND %s", plain,
			    same(plan, bytes(plan, name), value));
}
