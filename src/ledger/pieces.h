/* The pieces of SQL that fill the holes of a plan's statements. All text lives in the plan's arena; NULL: no memory. */
#ifndef LEDGER_PIECES_H
#define LEDGER_PIECES_H

#include "plan.h"

/* Whether the task table has the column (NULL: no). */
bool plan_has(const struct plan *plan, const char *column);
/* A statement of the contract in this plan's engine. */
const struct sql_text *plan_sql(const struct plan *plan, enum sql sql);

/* `t."column"`; alias "" for none. */
const char *piece_column(struct plan *plan, const char *alias, const char *column);
/* The task table with the rows' versions, where they have any. */
const char *piece_relation(struct plan *plan);
/* Every column of the row, task and worker; without bulk, NULL stands for what only people look at: payload, result, error. */
const char *piece_columns(struct plan *plan, bool with_bulk);
const char *piece_join(struct plan *plan);
/* `"state" IN ('a', 'b')` for all native states of the words; "1 = 0" when there is none. */
const char *piece_states(struct plan *plan, const char *alias, unsigned states);
/* Which rows of these states are claims. */
const char *piece_claims(struct plan *plan, unsigned states);
/* A loose bound on what the rules may find stale in these states; "1 = 1" when there is none. */
const char *piece_bound(struct plan *plan, unsigned states);
/* `"k1" = :row1 AND …` or, by_key, `… = :key0`. */
const char *piece_key(struct plan *plan, const char *alias, bool by_key);
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
/* Columns and values of an INSERT, less what the table lacks. */
bool piece_insertion(struct plan *plan, const struct table *table,
		     const struct assignment *assignments, size_t count,
		     const char **ret_columns, const char **ret_values);

#endif
