/*
 * The turn: one row for each ledger says who sweeps now, until when, the outage grace and the last result. Also the
 * pruning of what is finished.
 */
#ifndef LEDGER_TURN_H
#define LEDGER_TURN_H

#include "ledger.h"

struct turn {
	bool exists;
	int64_t turn, next_at, last_at, valve_until, outage_at, outage_wait, now;
	const char *sweeper, *last_result; /* live in `result` */
	struct result result;
};
void turn_finish(struct turn *turn);

enum reclaim_status turn_read(struct ledger *ledger, struct turn *ret_turn,
			      struct reclaim_error *error);
/* OK with *ret_turn 0: not our turn. `anyway`: whatever next_at says. */
enum reclaim_status turn_take(struct ledger *ledger, int64_t interval, bool anyway,
			      int64_t *ret_turn, struct reclaim_error *error);
/* Keeps the result of a pass, if the turn is still ours. */
enum reclaim_status turn_keep_result(struct ledger *ledger, int64_t turn, const char *json,
				     int64_t valve_until, struct reclaim_error *error);
/* Says that the ledger was out of our sight for so long, until now (I15). */
enum reclaim_status turn_outage(struct ledger *ledger, int64_t wait,
				struct reclaim_error *error);

struct pruned {
	int64_t tasks, events;
};
/* Deletes finished tasks and audit older than `older_than` in capped batches; a dry run counts. */
enum reclaim_status prune(struct ledger *ledger, int64_t older_than, bool dry_run,
			  struct pruned *ret_pruned, struct reclaim_error *error);

#endif
