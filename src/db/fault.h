/*
 * Decorators: any driver, with faults or with a trace. Tests put them around a connection (db_opened).
 *
 * A "step" is every call that reaches the engine: begin, run, run_many, script, commit (rollback is none). The callback sees the
 * step before it happens and says what becomes of it.
 */
#ifndef DB_FAULT_H
#define DB_FAULT_H

#include "db.h"

enum fault {
	FAULT_NONE,
	FAULT_BEFORE, /* the step fails with UNAVAILABLE and does not happen */
	FAULT_BUSY,   /* the step fails with BUSY and does not happen */
	FAULT_AFTER, /* it happens, and its answer is lost: UNKNOWN for what commits, else UNAVAILABLE */
	FAULT_KILL_BEFORE, /* SIGKILL to this process */
	FAULT_KILL_AFTER,
};

/*
 * `name` is the statement's name, or "begin", "commit", "script"; `step` counts from 1. The callback may also run other
 * things: a forced interleaving. What commits is a commit, and outside a transaction a script or a statement that writes.
 */
typedef enum fault fault_fn(void *context, const char *name, long step);

/* Takes over `inner`; closing the decorator closes it. NULL when there is no memory (inner is closed then). */
struct db *fault_wrap(struct db *inner, fault_fn *decide, void *context);

typedef void trace_fn(void *context, const char *line);

/* Reports each step, and rollbacks: name, SQL, parameters cut to 64 bytes, rows, and milliseconds. As fault_wrap otherwise. */
struct db *trace_wrap(struct db *inner, trace_fn *report, void *context);

#endif
