/* Our audit: written in the transaction of what it tells of, and asked what has happened before. */
#include "ledger.h"

#include "json.h"

#include <string.h>

enum reclaim_status ledger_told(struct ledger *ledger, const char *task, const char *act,
				const char *rule, const char *token, bool *ret_told,
				struct reclaim_error *error)
{
	const struct value params[TOLD_PARAMS] = {
		[TOLD_LEDGER] = value_string(ledger->profile->name),
		[TOLD_TASK] = value_string(task),
		[TOLD_ACT] = value_string(act),
		[TOLD_RULE] = value_string(rule),
		[TOLD_TOKEN] = value_string(token),
	};
	struct result RESULT_CLEANUP rows = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	if (!ledger->profile->audit_is_log) {
		status = ledger_run(ledger, SQL_TOLD, params, &rows, error);
	}
	if (!status) {
		*ret_told = rows.rows > 0;
	}
	return status;
}

static enum reclaim_status count_recoveries(struct ledger *ledger, const char *tasks,
					    size_t count, int64_t within, int64_t *ret_counts,
					    struct reclaim_error *error)
{
	const struct value params[RECOVERIES_PARAMS] = {
		[RECOVERIES_LEDGER] = value_string(ledger->profile->name),
		[RECOVERIES_TASKS] = value_string(tasks),
		[RECOVERIES_WITHIN] = within == NO_LIMIT ? value_null() : value_int(within),
	};
	struct result RESULT_CLEANUP rows = { 0 };
	enum reclaim_status status = ledger_run(ledger, SQL_RECOVERIES, params, &rows, error);
	if (!status && rows.rows != count) {
		status = fail(error, RECLAIM_INTERNAL,
			      "the recoveries of %zu tasks were asked for, and %zu told", count,
			      rows.rows);
	}
	for (size_t i = 0; !status && i < count; i++) {
		ret_counts[i] = value_integer(result_cell(&rows, i, RECOVERIES_R_COUNT),
					      /* otherwise= */ 0);
	}
	return status;
}

enum reclaim_status ledger_recoveries(struct ledger *ledger, const char *const *ids,
				      size_t count, int64_t within, int64_t *ret_counts,
				      struct reclaim_error *error)
{
	struct text TEXT_CLEANUP tasks = { 0 };
	struct json json = { .out = &tasks };
	bool there = false;
	enum reclaim_status status = ledger_has_host_tables(ledger, &there, error);
	if (status) {
		return status;
	}
	if (count == 0 || !there) {
		memset(ret_counts, 0, count * sizeof(*ret_counts));
		return RECLAIM_OK;
	}
	json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		json_string(&json, NULL, ids[i]);
	}
	json_close(&json, ']');
	return tasks.failed ? fail_no_memory(error)
			    : count_recoveries(ledger, text_string(&tasks), count, within,
					       ret_counts, error);
}

static struct value optional_number(int64_t number)
{
	return number < 0 ? value_null() : value_int(number);
}

static struct value optional_state(enum state state)
{
	return state == STATE_NONE ? value_null() : value_string(state_word(state));
}

static void event_params(const struct ledger *ledger, const struct event *event,
			 struct value ret_params[EVENT_PARAMS])
{
	const struct value params[EVENT_PARAMS] = {
		[EVENT_LEDGER] = value_string(ledger->profile->name),
		[EVENT_TASK] = value_string(event->task),
		[EVENT_ACT] = value_string(event->act),
		[EVENT_RULE] = value_string(event->rule),
		[EVENT_FROM_STATE] = optional_state(event->from),
		[EVENT_TO_STATE] = optional_state(event->to),
		[EVENT_FROM_NATIVE] = value_string(event->from_native),
		[EVENT_TO_NATIVE] = value_string(event->to_native),
		[EVENT_OWNER] = value_string(event->owner),
		[EVENT_TOKEN] = value_string(event->token),
		[EVENT_AGE] = value_time(event->age),
		[EVENT_ATTEMPTS] = optional_number(event->attempts),
		[EVENT_RECOVERIES] = optional_number(event->recoveries),
		[EVENT_REASON] = value_string(event->reason),
		[EVENT_ACTOR] = value_string(ledger->actor),
	};
	memcpy(ret_params, params, sizeof(params));
}

enum reclaim_status ledger_audit(struct ledger *ledger, const struct event *event,
				 struct reclaim_error *error)
{
	struct value params[EVENT_PARAMS];
	event_params(ledger, event, params);
	return ledger->profile->audit_is_log
		       ? RECLAIM_OK
		       : ledger_run(ledger, SQL_EVENT, params, NULL, error);
}

enum reclaim_status ledger_audit_many(struct ledger *ledger, const struct event *events,
				      size_t count, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct value *params = arena_take(&arena, count * EVENT_PARAMS * sizeof(*params));
	int64_t *changed = arena_take(&arena, count * sizeof(*changed));
	if (!params || !changed) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; i < count; i++) {
		event_params(ledger, &events[i], params + i * EVENT_PARAMS);
	}
	return ledger->profile->audit_is_log
		       ? RECLAIM_OK
		       : ledger_run_many(ledger, SQL_EVENT, params, count, changed, error);
}
