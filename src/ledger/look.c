/* Lists, counts, the audit. */
#include "look.h"

enum reclaim_status look_list(struct ledger *ledger, const struct listing *listing,
			      struct result *ret_rows, struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	if (listing->queue && plan->at.roles[ROLE_QUEUE] < 0) {
		return fail(error, RECLAIM_INVALID, "queue '%s': ledger '%s' has no queues",
			    listing->queue, ledger->profile->name);
	}
	const struct planned *list = listing->in_flight ? &plan->list_in_flight
				     : listing->state   ? &plan->list[listing->state]
							: &plan->list_all;
	struct inputs inputs = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(listing->limit);
	inputs.named[INPUT_QUEUE] = value_string(listing->queue);
	return planned_run(ledger->db, list, &inputs, ret_rows, error);
}

void counts_finish(struct counts *counts)
{
	arena_finish(&counts->arena);
	*counts = (struct counts){ 0 };
}

static void add_native(struct counts *counts, const char *native, enum state state,
		       int64_t count)
{
	for (size_t i = 0; i < counts->native_count; i++) {
		if (string_equal(counts->natives[i].native, native)) {
			counts->natives[i].count += count;
			return;
		}
	}
	counts->natives[counts->native_count++] =
		(struct native_count){ .native = native, .state = state, .count = count };
}

static bool collect(const struct profile *profile, const struct result *rows,
		    struct counts *counts)
{
	size_t most = rows->rows;
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		most += profile->states[state].count;
	}
	counts->natives = arena_take(&counts->arena, sizeof(*counts->natives) * most);
	for (int state = STATE_READY; counts->natives && state < STATE_COUNT; state++) {
		for (size_t i = 0; i < profile->states[state].count; i++) {
			add_native(counts, profile->states[state].items[i], (enum state)state,
				   /* count= */ 0);
		}
	}
	for (size_t i = 0; counts->natives && i < rows->rows; i++) {
		const struct value *row = result_cell(rows, i, 0);
		struct text TEXT_CLEANUP name = { 0 };
		value_print(&name, &row[0]);
		const char *native = arena_string(&counts->arena, text_string(&name));
		if (!native) {
			return false;
		}
		enum state state = profile_state(profile, native, name.size);
		int64_t count = value_integer(&row[1], 0);
		counts->by_state[state] += count;
		add_native(counts, native, state, count);
	}
	return counts->natives != NULL;
}

enum reclaim_status look_counts(struct ledger *ledger, struct counts *ret_counts,
				struct reclaim_error *error)
{
	struct result RESULT_CLEANUP states = { 0 };
	struct result RESULT_CLEANUP claims = { 0 };
	const struct inputs none = { 0 };
	struct counts counts = { 0 };
	enum reclaim_status status =
		planned_run(ledger->db, &ledger->plan->count_states, &none, &states, error);
	if (!status) {
		status = planned_run(ledger->db, &ledger->plan->count_claims, &none, &claims,
				     error);
	}
	if (!status && !collect(ledger->profile, &states, &counts)) {
		status = fail_no_memory(error);
	}
	if (status) {
		counts_finish(&counts);
		return status;
	}
	counts.in_flight = value_integer(result_cell(&claims, 0, 0), 0);
	*ret_counts = counts;
	return RECLAIM_OK;
}

enum reclaim_status look_audit(struct ledger *ledger, const char *task, int64_t after,
			       int64_t limit, struct result *ret_rows,
			       struct reclaim_error *error)
{
	bool there = false;
	enum reclaim_status status = ledger_has_host_tables(ledger, &there, error);
	if (status || !there) {
		return status;
	}
	const struct value params[AUDIT_PARAMS] = {
		[AUDIT_LEDGER] = value_string(ledger->profile->name),
		[AUDIT_TASK] = value_string(task),
		[AUDIT_AFTER] = after < 0 ? value_null() : value_int(after),
		[AUDIT_LIMIT] = value_int(limit),
	};
	return ledger_run(ledger, SQL_AUDIT, params, ret_rows, error);
}

enum reclaim_status look_workers(struct ledger *ledger, struct result *ret_rows,
				 struct reclaim_error *error)
{
	const struct inputs none = { 0 };
	return ledger->plan->has_workers
		       ? planned_run(ledger->db, &ledger->plan->workers, &none, ret_rows, error)
		       : RECLAIM_OK;
}
