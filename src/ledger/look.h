/* Looking at a ledger: lists, counts, the audit. Never writes; works on a read-only database. */
#ifndef LEDGER_LOOK_H
#define LEDGER_LOOK_H

#include "ledger.h"

/* Which rows a list shows. */
struct listing {
	bool in_flight;
	enum state state;  /* STATE_NONE: every state (or, with in_flight, those in flight) */
	const char *queue; /* NULL: all */
	int64_t limit;
};

/* Rows as the plan reads them, newest first. */
enum reclaim_status look_list(struct ledger *ledger, const struct listing *listing,
			      struct result *ret_rows, struct reclaim_error *error);

struct native_count {
	const char *native;
	enum state state;
	int64_t count;
};
struct counts {
	struct arena arena;
	int64_t by_state
		[STATE_COUNT]; /* by_state[STATE_NONE]: native states that no word covers */
	int64_t in_flight;
	struct native_count *natives; /* every native state of the profile, and those found */
	size_t native_count;
};
void counts_finish(struct counts *counts);
enum reclaim_status look_counts(struct ledger *ledger, struct counts *ret_counts,
				struct reclaim_error *error);

/*
 * The audit of this ledger, oldest first: of one task (NULL: all); behind `after` (0: from the start; -1: the newest
 * `limit`). No rows where there is no audit table. Columns as the contract's `audit`.
 */
enum reclaim_status look_audit(struct ledger *ledger, const char *task, int64_t after,
			       int64_t limit, struct result *ret_rows,
			       struct reclaim_error *error);

/* All worker rows; cells as WORKER_CELL_… says. No rows where the ledger has no workers. */
enum reclaim_status look_workers(struct ledger *ledger, struct result *ret_rows,
				 struct reclaim_error *error);

#endif
