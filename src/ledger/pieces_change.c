/* What a change writes: expressions of the profile with their holes filled, SET lists, rows of other tables. */
#include "pieces.h"

#include <string.h>

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

/* The type of what a hole stands for, where the statement around it does not tell; NULL: unknown, or as it comes. */
static const char *type_of(const struct plan *plan, const char *hole)
{
	static const char *const numbers[] = { "attempts", "recoveries" };
	bool owner = string_equal(hole, "owner"), old = strncmp(hole, "old:", 4) == 0;
	const char *column = owner ? plan->profile->roles[ROLE_OWNER] : old ? hole + 4 : NULL;
	if (old || (owner && column)) {
		const struct column *found = table_column(plan->table, column);
		return found && !found->expression ? found->type : NULL;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (string_equal(hole, numbers[i])) {
			return "bigint";
		}
	}
	return "text";
}

static const char *typed(struct plan *plan, const char *value, const char *type)
{
	const char *template = plan_sql(plan, SQL_TYPED)->text;
	const struct hole holes[] = { { "value", value }, { "type", type } };
	return template && type && value ? fill(&plan->arena, template, holes, 2) : value;
}

/* What the SQL of an expression is about. */
struct filling {
	const struct table *table; /* NULL: none */
	/* That it is assigned to; "": none, and then parameters say their type. */
	const char *column;
};

/* The SQL that stands for a hole of an expression. */
static const char *expression_hole(struct plan *plan, const struct filling *about,
				   const char *hole)
{
	enum time_format format = format_of(plan, about->column);
	if (string_equal(hole, "row")) {
		return plan_relation(plan);
	}
	if (string_equal(hole, "now")) {
		return piece_now(plan, about->table, about->column, format, "0");
	}
	if (strncmp(hole, "now+", 4) == 0) {
		const char *plus = arena_printf(&plan->arena, ":%s", hole + 4);
		return plus ? piece_now(plan, about->table, about->column, format, plus) : NULL;
	}
	if (string_equal(hole, "uuid")) {
		return uuid(plan, about->table, about->column);
	}
	bool old = strncmp(hole, "old:", 4) == 0;
	int cell = old ? plan_cell(plan, hole + 4) : 0;
	if (cell < 0) {
		return "NULL";
	}
	const char *value = old ? arena_printf(&plan->arena, ":row%d", cell)
				: arena_printf(&plan->arena, ":%s", hole);
	return *about->column ? value : typed(plan, value, type_of(plan, hole));
}

static const char *filled(struct plan *plan, const struct filling *about,
			  const char *expression)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (const char *at = expression; *at;) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;
		if (!end) {
			text_add_char(&text, *at++);
			continue;
		}
		const char *hole = arena_copy(&plan->arena, at + 1, (size_t)(end - at - 1));
		const char *sql = hole ? expression_hole(plan, about, hole) : NULL;
		text.failed |= !sql;
		text_add(&text, sql ? sql : "");
		while (text.size > 0 && text.data[text.size - 1] == '\n') {
			text.data[--text.size] = '\0';
		}
		at = end + 1;
	}
	return piece_kept(plan, &text);
}

const char *piece_expression(struct plan *plan, const struct table *table,
			     const struct assignment *assignment)
{
	const struct filling about = { table, assignment->column };
	return filled(plan, &about, assignment->expression);
}

const char *piece_statement(struct plan *plan, const char *sql)
{
	const struct filling about = { NULL, "" };
	return filled(plan, &about, sql);
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
	piece_add(text, ",\n\t", piece);
}

/* How an element is put at the end of the array that the column holds, by what it is. */
static const char *pushing(const struct plan *plan, const char *column)
{
	static const struct {
		enum column_kind kind;
		enum sql sql;
	} pushes[] = {
		{ COLUMN_JSON, SQL_PUSH_JSON },
		{ COLUMN_JSONB, SQL_PUSH_JSONB },
		{ COLUMN_JSON_LIST, SQL_PUSH_JSON_LIST },
		{ COLUMN_JSONB_LIST, SQL_PUSH_JSONB_LIST },
	};
	enum column_kind kind = plan_kind(plan, plan->table, column);
	for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++) {
		if (pushes[i].kind == kind) {
			return plan_sql(plan, pushes[i].sql)->text;
		}
	}
	return plan_sql(plan, SQL_PUSH)->text;
}

static const char *error_expression(struct plan *plan, const char *column)
{
	const struct hole holes[] = { { "column", piece_column(plan, "", column) },
				      { "value", ":error" } };
	switch (plan->profile->error_mode) {
	case ERROR_REPLACE:
		return ":error";
	case ERROR_APPEND:
		return fill(&plan->arena, plan_sql(plan, SQL_APPEND)->text, holes, 2);
	case ERROR_PUSH:
		break;
	}
	return fill(&plan->arena, pushing(plan, column), holes, 2);
}

const char *piece_set(struct plan *plan, const struct change *change, bool with_error)
{
	const struct profile *profile = plan->profile;
	const char *updated = profile->signals[SIGNAL_UPDATED].column;
	const char *error = profile->roles[ROLE_ERROR];
	struct text TEXT_CLEANUP text = { 0 };
	if (change->to != STATE_NONE && plan_stores(plan, profile->roles[ROLE_STATE])) {
		const char *native =
			change->native ? change->native : profile->states[change->to].items[0];
		add_assignment(plan, &text, profile->roles[ROLE_STATE],
			       quote_literal(&plan->arena, native));
	}
	for (size_t i = 0; i < change->set_count; i++) {
		if (plan_stores(plan, change->set[i].column)) {
			add_assignment(plan, &text, change->set[i].column,
				       piece_expression(plan, plan->table, &change->set[i]));
		}
	}
	if (with_error && plan_stores(plan, error) && !assigns(change, error)) {
		add_assignment(plan, &text, error, error_expression(plan, error));
	}
	if (plan_stores(plan, updated) && !assigns(change, updated)) {
		add_assignment(plan, &text, updated,
			       piece_now(plan, plan->table, updated,
					 profile->signals[SIGNAL_UPDATED].format, "0"));
	}
	return piece_kept(plan, &text);
}

bool piece_insertion(struct plan *plan, const struct table *table,
		     const struct assignment *assignments, size_t count,
		     const char **ret_columns, const char **ret_values)
{
	struct text TEXT_CLEANUP columns = { 0 };
	struct text TEXT_CLEANUP values = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (table_column(table, assignments[i].column)) {
			piece_add(&columns, ", ",
				  piece_column(plan, "", assignments[i].column));
			piece_add(&values, ", ",
				  piece_expression(plan, table, &assignments[i]));
		}
	}
	*ret_columns = piece_kept(plan, &columns);
	*ret_values = piece_kept(plan, &values);
	return *ret_columns && *ret_values;
}
