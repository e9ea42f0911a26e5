/* Registration, beats and signing off. */
#include "workers.h"

#include <stdio.h>
#include <string.h>

/* People read ids: a worker's begins with its name. */
#define NAME_IN_ID 200

static struct value optional(int64_t number)
{
	return number > 0 ? value_int(number) : value_null();
}

enum reclaim_status worker_register(struct ledger *ledger, const char *name, int64_t lease,
				    const struct incarnation *incarnation,
				    char (*ret_id)[RECLAIM_ID_SIZE],
				    struct reclaim_error *error)
{
	char id[RECLAIM_ID_SIZE];
	size_t most = utf8_cut(name, strlen(name), NAME_IN_ID);
	snprintf(id, sizeof(id), "%.*s.%016llx", (int)most, name,
		 (unsigned long long)ledger_random(ledger));
	const struct value params[WORKER_REGISTER_PARAMS] = {
		[WORKER_REGISTER_ID] = value_string(id),
		[WORKER_REGISTER_NAME] = value_string(name),
		[WORKER_REGISTER_HOST] = value_string(incarnation->host),
		[WORKER_REGISTER_BOOT] = value_string(incarnation->boot),
		[WORKER_REGISTER_PID] = optional(incarnation->pid),
		[WORKER_REGISTER_PID_NAMESPACE] = optional(incarnation->pid_namespace),
		[WORKER_REGISTER_TIME_NAMESPACE] = optional(incarnation->time_namespace),
		[WORKER_REGISTER_START_TIME] = optional(incarnation->start_time),
		[WORKER_REGISTER_SLOT] = optional(incarnation->slot),
		[WORKER_REGISTER_LOCK_INODE] = optional(incarnation->lock_inode),
		[WORKER_REGISTER_LEASE] = value_int(lease),
	};
	enum reclaim_status status =
		ledger_run(ledger, SQL_WORKER_REGISTER, params, NULL, error);
	if (!status) {
		snprintf(*ret_id, sizeof(*ret_id), "%s", id);
	}
	return status;
}

void holding_finish(struct holding *holding)
{
	arena_finish(&holding->arena);
	*holding = (struct holding){ 0 };
}

static enum reclaim_status copy_holding(const struct result *result,
					struct holding *ret_holding,
					struct reclaim_error *error)
{
	struct holding holding = { .count = result->rows };
	holding.claims = arena_take(&holding.arena, sizeof(*holding.claims) * result->rows);
	for (size_t i = 0; holding.claims && i < result->rows; i++) {
		const struct value *row = result_cell(result, i, 0);
		struct held_claim *claim = &holding.claims[i];
		claim->id = arena_copy(&holding.arena, row[WORKER_HOLDS_R_ID].data,
				       row[WORKER_HOLDS_R_ID].size);
		claim->token = arena_printf(&holding.arena, "%lld",
					    (long long)row[WORKER_HOLDS_R_TOKEN].number);
		if (!claim->id || !claim->token) {
			holding.claims = NULL;
		}
	}
	if (!holding.claims) {
		holding_finish(&holding);
		return fail_no_memory(error);
	}
	*ret_holding = holding;
	return RECLAIM_OK;
}

/* Beat and answer are one transaction, so that the answer is what the beat found. */
enum reclaim_status worker_beat(struct ledger *ledger, const char *id, int64_t lease,
				struct holding *ret_holding, struct reclaim_error *error)
{
	const struct value beat[WORKER_BEAT_PARAMS] = {
		[WORKER_BEAT_ID] = value_string(id),
		[WORKER_BEAT_LEASE] = value_int(lease),
	};
	const struct value holds[WORKER_HOLDS_PARAMS] = { [WORKER_HOLDS_ID] =
								  value_string(id) };
	struct result RESULT_CLEANUP renewed = { 0 };
	struct result RESULT_CLEANUP held = { 0 };
	enum reclaim_status status = ledger_begin(ledger, error);
	if (status) {
		return status;
	}
	status = ledger_run(ledger, SQL_WORKER_BEAT, beat, &renewed, error);
	if (!status && renewed.rows == 0) {
		status = fail(error, RECLAIM_LOST,
			      "worker '%s' is not active any more: its lease was ended", id);
	}
	if (!status) {
		status = ledger_run(ledger, SQL_WORKER_HOLDS, holds, &held, error);
	}
	status = ledger_end(ledger, status, error);
	return status ? status : copy_holding(&held, ret_holding, error);
}

enum reclaim_status worker_stop(struct ledger *ledger, const char *id,
				struct reclaim_error *error)
{
	const struct value params[WORKER_STOP_PARAMS] = { [WORKER_STOP_ID] = value_string(id) };
	return ledger_run(ledger, SQL_WORKER_STOP, params, NULL, error);
}
