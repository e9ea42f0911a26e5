/* Which row, and whether it is still what was read. */
#include "pieces.h"

#include <string.h>

const char *piece_key(struct plan *plan, bool by_key)
{
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < plan->key_count; i++) {
		const char *with =
			by_key ? arena_printf(&plan->arena, "= :key%zu", i)
			       : arena_printf(&plan->arena, "= :row%d", plan->at.key[i]);
		piece_add(&text, " AND ",
			  piece_compared(plan, plan->profile->key.items[i], with));
	}
	return piece_kept(plan, &text);
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
					  ROLE_RECOVERIES, ROLE_ALIVE };
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		fence |= plan->at.roles[read[i]] == cell;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		fence |= plan->at.signals[i] == cell;
	}
	for (int i = 0; i < RULES_MAX; i++) {
		fence |= plan->at.where[i] == cell || plan->at.after[i] == cell;
	}
	return fence;
}

/*
 * Whether a cell says something that the row's own version does not vouch for: it is computed from other tables, too; or
 * says that the owner lives, which no row knows by itself, whatever function tells it.
 */
static bool is_beyond_row(const struct plan *plan, int cell)
{
	const struct column *column = table_column(plan->table, plan->columns[cell - 1]);
	return column && column->expression &&
	       (cell == plan->at.roles[ROLE_ALIVE] || strcasestr(column->expression, "select"));
}

/* The version says more than any column: whatever has changed the row, it is another one. */
static const char *same_version(struct plan *plan)
{
	struct hole holes[] = { { "value",
				  arena_printf(&plan->arena, ":row%d", plan->at.version) } };
	return holes[0].text
		       ? fill(&plan->arena, plan_sql(plan, SQL_SAME_VERSION)->text, holes, 1)
		       : NULL;
}

const char *piece_fence(struct plan *plan, bool token_only)
{
	bool by_version = !token_only && plan->at.version > 0;
	struct text TEXT_CLEANUP text = { 0 };
	if (by_version) {
		piece_add(&text, "", same_version(plan));
	}
	for (int cell = 1; cell <= (int)plan->column_count; cell++) {
		bool compared = !plan_is_key(plan, cell) && is_fence(plan, cell, token_only) &&
				(!by_version || is_beyond_row(plan, cell));
		if (compared) {
			const char *value = arena_printf(&plan->arena, ":row%d", cell);
			piece_add(
				&text, "\n  AND ",
				piece_same(plan, plan->table, plan->columns[cell - 1], value));
		}
	}
	return text.size ? piece_kept(plan, &text) : "1 = 1";
}
