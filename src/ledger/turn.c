/* The turn row and pruning. */
#include "turn.h"

#define PRUNE_BATCH 1000

void turn_finish(struct turn *turn)
{
	result_finish(&turn->result);
	*turn = (struct turn){ 0 };
}

enum reclaim_status turn_read(struct ledger *ledger, struct turn *ret_turn,
			      struct reclaim_error *error)
{
	const struct value params[TURN_READ_PARAMS] = { value_string(ledger->profile->name) };
	struct turn turn = { .last_at = NO_TIME, .outage_at = NO_TIME, .valve_until = NO_TIME };
	enum reclaim_status status =
		ledger_run(ledger, SQL_TURN_READ, params, &turn.result, error);
	if (status) {
		return status;
	}
	turn.exists = turn.result.rows == 1;
	if (turn.exists) {
		const struct value *row = result_cell(&turn.result, 0, 0);
		turn.turn = value_integer(&row[TURN_READ_R_TURN], 0);
		turn.next_at = value_integer(&row[TURN_READ_R_NEXT_AT], 0);
		turn.sweeper = row[TURN_READ_R_SWEEPER].data;
		turn.last_at = value_integer(&row[TURN_READ_R_LAST_AT], NO_TIME);
		turn.last_result = row[TURN_READ_R_LAST_RESULT].data;
		turn.valve_until = value_integer(&row[TURN_READ_R_VALVE_UNTIL], NO_TIME);
		turn.outage_at = value_integer(&row[TURN_READ_R_OUTAGE_AT], NO_TIME);
		turn.outage_wait = value_integer(&row[TURN_READ_R_OUTAGE_WAIT], 0);
		turn.now = value_integer(&row[TURN_READ_R_NOW], NO_TIME);
	}
	*ret_turn = turn;
	return RECLAIM_OK;
}

static enum reclaim_status make_row(struct ledger *ledger, struct reclaim_error *error)
{
	const struct value params[TURN_MAKE_PARAMS] = { value_string(ledger->profile->name) };
	return ledger_run(ledger, SQL_TURN_MAKE, params, NULL, error);
}

enum reclaim_status turn_take(struct ledger *ledger, int64_t interval, bool anyway,
			      int64_t *ret_turn, struct reclaim_error *error)
{
	const struct value params[TURN_TAKE_PARAMS] = {
		[TURN_TAKE_LEDGER] = value_string(ledger->profile->name),
		[TURN_TAKE_SWEEPER] = value_string(ledger->actor),
		[TURN_TAKE_INTERVAL] = value_int(interval),
		[TURN_TAKE_ANYWAY] = value_int(anyway),
	};
	struct result RESULT_CLEANUP result = { 0 };
	enum reclaim_status status = ledger_begin(ledger, error);
	if (status) {
		return status;
	}
	status = make_row(ledger, error);
	if (!status) {
		status = ledger_run(ledger, SQL_TURN_TAKE, params, &result, error);
	}
	status = ledger_end(ledger, status, error);
	if (!status) {
		*ret_turn =
			result.rows
				? value_integer(result_cell(&result, 0, TURN_TAKE_R_TURN), 0)
				: 0;
	}
	return status;
}

enum reclaim_status turn_keep_result(struct ledger *ledger, int64_t turn, const char *json,
				     int64_t valve_until, struct reclaim_error *error)
{
	const struct value params[TURN_RESULT_PARAMS] = {
		[TURN_RESULT_LEDGER] = value_string(ledger->profile->name),
		[TURN_RESULT_TURN] = value_int(turn),
		[TURN_RESULT_LAST_RESULT] = value_string(json),
		[TURN_RESULT_VALVE_UNTIL] = value_time(valve_until),
	};
	return ledger_run(ledger, SQL_TURN_RESULT, params, NULL, error);
}

enum reclaim_status turn_outage(struct ledger *ledger, int64_t wait,
				struct reclaim_error *error)
{
	const struct value params[OUTAGE_PARAMS] = {
		[OUTAGE_LEDGER] = value_string(ledger->profile->name),
		[OUTAGE_WAIT] = value_int(wait),
	};
	enum reclaim_status status = make_row(ledger, error);
	return status ? status : ledger_run(ledger, SQL_OUTAGE, params, NULL, error);
}

/* ---- prune ---- */

static enum reclaim_status count_old(struct ledger *ledger, int64_t older_than,
				     struct pruned *ret_pruned, struct reclaim_error *error)
{
	const struct value params[PRUNE_COUNT_PARAMS] = {
		[PRUNE_COUNT_LEDGER] = value_string(ledger->profile->name),
		[PRUNE_COUNT_OLDER_THAN] = value_int(older_than),
	};
	struct result RESULT_CLEANUP result = { 0 };
	enum reclaim_status status =
		ledger_run(ledger, SQL_PRUNE_COUNT, params, &result, error);
	if (!status) {
		ret_pruned->tasks =
			value_integer(result_cell(&result, 0, PRUNE_COUNT_R_TASKS), 0);
		ret_pruned->events =
			value_integer(result_cell(&result, 0, PRUNE_COUNT_R_EVENTS), 0);
	}
	return status;
}

/* Batch by batch, each its own transaction, until one is not full. */
static enum reclaim_status delete_all(struct ledger *ledger, enum sql sql,
				      const struct value *params, int64_t *count,
				      struct reclaim_error *error)
{
	enum reclaim_status status;
	int64_t deleted;
	do {
		struct result RESULT_CLEANUP result = { 0 };
		status = ledger_run(ledger, sql, params, &result, error);
		deleted = status ? 0 : result.changed;
		*count += deleted;
	} while (deleted == PRUNE_BATCH);
	return status;
}

enum reclaim_status prune(struct ledger *ledger, int64_t older_than, bool dry_run,
			  struct pruned *ret_pruned, struct reclaim_error *error)
{
	struct pruned pruned = { 0 };
	if (!ledger->profile->native) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "prune is not supported on ledger '%s': its own program removes "
			    "its tasks",
			    ledger->profile->name);
	}
	if (dry_run) {
		return count_old(ledger, older_than, ret_pruned, error);
	}
	const struct value tasks[PRUNE_TASKS_PARAMS] = {
		[PRUNE_TASKS_OLDER_THAN] = value_int(older_than),
		[PRUNE_TASKS_COUNT] = value_int(PRUNE_BATCH),
	};
	const struct value events[PRUNE_EVENTS_PARAMS] = {
		[PRUNE_EVENTS_LEDGER] = value_string(ledger->profile->name),
		[PRUNE_EVENTS_OLDER_THAN] = value_int(older_than),
		[PRUNE_EVENTS_COUNT] = value_int(PRUNE_BATCH),
	};
	const struct value workers[PRUNE_WORKERS_PARAMS] = { value_int(older_than) };
	enum reclaim_status status =
		delete_all(ledger, SQL_PRUNE_TASKS, tasks, &pruned.tasks, error);
	if (!status) {
		status = delete_all(ledger, SQL_PRUNE_EVENTS, events, &pruned.events, error);
	}
	if (!status) {
		status = ledger_run(ledger, SQL_PRUNE_WORKERS, workers, NULL, error);
	}
	if (!status) {
		*ret_pruned = pruned;
	}
	return status;
}
