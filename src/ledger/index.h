/* Which index of the task table serves a look at the claims in flight, and what to do without one. */
#ifndef LEDGER_INDEX_H
#define LEDGER_INDEX_H

#include "ledger.h"

#define UNINDEXED_MAX 100000 /* rows above which a sweep without an index is refused */

/* Whether the index's definition names the column. */
bool index_mentions(const struct table_index *index, const char *column);
/* Whether some index holds the rows in flight together. A view has none of its own: true. */
bool index_serves(const struct plan *plan);
struct index_wish {
	const char *name, *on;
	const char *where; /* " WHERE …", or "" */
};
/* The statements that make an index on a table in parts, one a row, in order; no rows: the table has none. */
enum reclaim_status index_parts(struct ledger *ledger, const char *table,
				const struct index_wish *wish, struct result *ret_statements,
				struct reclaim_error *error);
/* What makes the index that a sweep wants; in the arena. Several statements are divided by ";\n": each by itself. */
enum reclaim_status index_statements(struct ledger *ledger, struct arena *arena,
				     const char **ret_sql, struct reclaim_error *error);
/* Whether the engine, as it is now, reads the whole table to find the claims in flight: it is asked for its plan. */
enum reclaim_status index_unused(struct ledger *ledger, bool *ret_unused,
				 struct reclaim_error *error);
/* INVALID, with that statement, for a table of more than UNINDEXED_MAX rows that has none. */
enum reclaim_status index_demand(struct ledger *ledger, struct reclaim_error *error);

#endif
