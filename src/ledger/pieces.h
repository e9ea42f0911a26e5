/* The pieces of SQL that fill the holes of a plan's statements. All text lives in the plan's arena; NULL: no memory. */
#ifndef LEDGER_PIECES_H
#define LEDGER_PIECES_H

#include "plan.h"

/* Whether the task table has the column, or it is computed (NULL: no); and whether the table has it. */
bool plan_has(const struct plan *plan, const char *column);
bool plan_stores(const struct plan *plan, const char *column);
bool plan_is_key(const struct plan *plan, int cell);
/* Of a column as found; an expression that belongs to none is about the task's own instants. */
enum column_kind plan_kind(const struct plan *plan, const struct table *table,
			   const char *column);
/* A statement of the contract in this plan's engine. */
const struct sql_text *plan_sql(const struct plan *plan, enum sql sql);

/*
 * Two scopes. In a statement about the task table itself its columns stand by themselves, and what is computed is spelled
 * out. Where a row was read it is `t`, its worker `w`, and what is computed has its name.
 */

/* The task table as a statement names it. */
const char *plan_relation(struct plan *plan);
/* `t."column"`; alias "" for none. */
const char *piece_column(struct plan *plan, const char *alias, const char *column);
/* A column of the task table in a statement about it: its name, or the expression. */
const char *piece_own(struct plan *plan, const char *column);
/* The state in a statement about the task table, as it is read: a text. */
const char *piece_state(struct plan *plan);
/* SQL of the profile over the row, in a statement about its table: `{row}` is the table's name. */
const char *piece_raw(struct plan *plan, const char *sql);
/* All columns of the task table, the row's version where rows have one, and what is computed and read. */
const char *piece_every(struct plan *plan);
/* Every column of the row, task and worker; without bulk, NULL stands for what only people look at: payload, result, error. */
const char *piece_columns(struct plan *plan, bool with_bulk);
const char *piece_join(struct plan *plan);
/* `"state" IN ('a', 'b')` for all native states of the words, or their predicates; "1 = 0" when there is none. */
const char *piece_states(struct plan *plan, unsigned states);
/* Which rows of these states are claims. */
const char *piece_claims(struct plan *plan, unsigned states);
/* A loose bound on what the rules may find stale in these states; "1 = 1" when there is none. */
const char *piece_bound(struct plan *plan, unsigned states);
/* `"k1" = :row1 AND …` or, by_key, `… = :key0`. */
const char *piece_key(struct plan *plan, bool by_key);
/* Null-safe equality with the row as read, for all that a verdict reads, or (token_only) for state and token. */
const char *piece_fence(struct plan *plan, bool token_only);
/* Now plus some microseconds (a number or a parameter), as that column keeps it: by its type as found, else by the format. */
const char *piece_now(struct plan *plan, const struct table *table, const char *column,
		      enum time_format format, const char *plus);
/* Null-safe equality of a column. */
const char *piece_same(struct plan *plan, const struct table *table, const char *column,
		       const char *value);
/* The SET list of a change. */
const char *piece_set(struct plan *plan, const struct change *change, bool with_error);
/* An expression of the profile with its holes filled, for a column of `table`. */
const char *piece_expression(struct plan *plan, const struct table *table,
			     const struct assignment *assignment);
/* A whole statement, or a condition, of the profile: its parameters say their type. */
const char *piece_statement(struct plan *plan, const char *sql);
/* Columns and values of an INSERT, less what the table lacks. */
bool piece_insertion(struct plan *plan, const struct table *table,
		     const struct assignment *assignments, size_t count,
		     const char **ret_columns, const char **ret_values);

/* ---- among the pieces' own files ---- */

/* What a text buffer holds, moved into the plan. */
const char *piece_kept(struct plan *plan, struct text *text);
/* One more, with the separator before it if it is not the first; NULL: no memory. */
void piece_add(struct text *text, const char *separator, const char *piece);
/* A comparison of a task's column; where the engine takes other texts for the same, of its bytes as well. */
const char *piece_compared(struct plan *plan, const char *column, const char *with);

#endif
