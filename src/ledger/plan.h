/*
 * A plan: profile + engine + schema as found -> the statements that run, and where in a row each thing stands.
 * Everything that differs between ledgers is decided here, once; sweeping, looking and the verbs only follow it.
 */
#ifndef LEDGER_PLAN_H
#define LEDGER_PLAN_H

#include "judge.h"
#include "profile.h"
#include "render.h"

#define PLAN_KEY_MAX 8
#define PLAN_TOKEN_MAX 8
#define PLAN_SHOW_MAX 16

/* Where in a row: cell 0 is the engine's now, then the task's columns, then the worker's. -1: the ledger has none. */
struct places {
	int key[PLAN_KEY_MAX], token[PLAN_TOKEN_MAX];
	int signals[SIGNAL_COUNT], roles[ROLE_COUNT];
	int show[PLAN_SHOW_MAX];
	int where[RULES_MAX], after[RULES_MAX]; /* by a rule's place */
	int worker_key, worker_seen, worker_lease, worker_state;
	int version; /* of the row: where rows have one, it is a sweep's fence */
};

/*
 * A change (remedy or verb) as it runs: one statement, compare-and-set, which changes a row, deletes it, or (a call) locks
 * it; and, for each row that it found, what else belongs to the transaction: the call, rows of other tables, further
 * statements.
 */
struct planned_change {
	const struct change *change; /* NULL: the ledger has no such change */
	struct planned update[2];    /* [1] writes the error column too */
	struct planned *also;
	size_t also_count;
};

/* The rows of some states, in keyset order: from the start, behind a row, and behind a row without an order time. */
struct planned_find {
	bool present;
	struct planned first, after, after_null;
};

struct plan {
	struct arena arena;
	const struct profile *profile;
	const struct db_driver *driver;
	const struct sql_engine *sql;
	const char *task_table, *workers_table; /* as the engine names them */
	struct table *table, *worker_table;
	struct policy policy; /* the profile's, less what needs absent columns */
	const char **columns; /* of the task table and computed, as read; cell i + 1 */
	bool *needed_old;     /* by column: an expression names it as {old:COLUMN} */
	size_t column_count, cell_count;
	size_t key_count, token_count, show_count;
	bool key_is_blob[PLAN_KEY_MAX];
	enum column_kind key_kind[PLAN_KEY_MAX];
	struct places at;
	int order_at;       /* the cell that orders a sweep; -1: the key alone */
	unsigned in_flight; /* STATE_BITs that a rule other than deadline judges */

	struct planned_find find;  /* claims in flight */
	struct planned_find late;  /* states that only the deadline rule judges */
	struct planned_find every; /* claims in flight, without the bound */
	struct planned count_claims, count_states, newest_claim, read;
	struct planned unchanged; /* whether a row is still what a sweep's fence says */
	bool locks_rows;          /* others' locks are on rows, not on the whole database */
	bool passes_over_locked; /* a row that somebody's transaction has locked is not waited for */
	struct planned holder; /* whose transaction that is; made when first used */
	struct planned list[STATE_COUNT], list_in_flight, list_all;
	struct planned_change remedies[REMEDY_COUNT], verbs[VERB_COUNT];
	struct planned free;   /* rows to claim */
	struct planned wake;   /* once in a transaction that requeued; without SQL: nothing */
	struct planned *audit; /* the host's own */
	size_t audit_count;
	struct planned workers, worker_end, worker_same, worker_any, worker_beat;
	/* The workers statement's cells: 0 now, 1 key, 2 seen, 3 lease, 4 state, then the registered process. */
	bool has_workers, has_worker_beat, worker_has_label;
};

/* Cells of the `workers` statement. */
enum {
	WORKER_CELL_NOW,
	WORKER_CELL_KEY,
	WORKER_CELL_SEEN,
	WORKER_CELL_LEASE,
	WORKER_CELL_STATE,
	WORKER_CELL_NAME,
	WORKER_CELL_HOST,
	WORKER_CELL_BOOT,
	WORKER_CELL_PID,
	WORKER_CELL_SLOT,
	WORKER_CELL_INODE,
};

/*
 * INVALID names the table or column that is missing and what to do. The plan refers to `profile`, which must outlive
 * it, and owns what it looked up.
 */
enum reclaim_status plan_create(struct db *db, const struct profile *profile,
				struct plan **ret_plan, struct reclaim_error *error);
void plan_destroy(struct plan *plan);

/* What the host calls the state that a change leads to; NULL: it leads to none that it has a name for. */
const char *plan_native_after(const struct plan *plan, const struct change *change);
/* The cell of a column; -1: it is not read. */
int plan_cell(const struct plan *plan, const char *column);
/* A table of the profile as this engine names it: our own ones have its prefix. */
const char *plan_table(struct arena *arena, const struct db_driver *driver,
		       const struct profile *profile, const char *name);
/* How the cells of one of the task's columns tell an instant. */
enum time_format plan_format(const struct plan *plan, enum signal signal);
/* The same for a column of any table: its type as found counts first, then what the profile says. */
enum time_format plan_found_format(const struct plan *plan, const struct table *table,
				   const char *column, enum time_format format);

/* All statements with their names, in the order in which they run. */
typedef void plan_line_fn(void *context, const char *name, const char *sql);
void plan_list(const struct plan *plan, plan_line_fn *line, void *context);

/* A table that the profile needs: it is not there, or a right to see it is missing. */
enum reclaim_status fail_no_table(const struct db *db, const struct profile *profile,
				  const struct table *table, const char *name,
				  struct reclaim_error *error);

#endif
