/* Which index of the task table serves a look at the claims in flight, and what to do without one. */
#ifndef LEDGER_INDEX_H
#define LEDGER_INDEX_H

#include "ledger.h"

#define UNINDEXED_MAX 100000 /* rows above which a sweep without an index is refused */

/* Whether the index's definition names the column. */
bool index_mentions(const struct table_index *index, const char *column);
/* Whether some index holds the rows in flight together. A view has none of its own: true. */
bool index_serves(const struct plan *plan);
/* The statement that makes one; in the arena. NULL: no memory. */
const char *index_statement(struct arena *arena, struct plan *plan);
/* INVALID, with that statement, for a table of more than UNINDEXED_MAX rows that has none. */
enum reclaim_status index_demand(struct ledger *ledger, struct reclaim_error *error);

#endif
