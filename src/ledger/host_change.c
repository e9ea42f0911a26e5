/* One change of one row of a host's ledger: what it can be told, and what runs with it. */
#include "host.h"

enum reclaim_status host_unsupported(const struct ledger *ledger, enum verb verb,
				     struct reclaim_error *error)
{
	const struct change *change = &ledger->profile->verbs[verb];
	for (size_t i = 0; change->present && i < change->set_count; i++) {
		const struct column *column =
			table_column(ledger->plan->table, change->set[i].column);
		if (!column || column->expression) {
			return fail(
				error, RECLAIM_UNSUPPORTED,
				"%s is not supported on this table: '%s' has no column '%s' "
				"(`reclaim init` with this profile may add it)",
				verb_name(verb), ledger->profile->table, change->set[i].column);
		}
	}
	return fail(error, RECLAIM_UNSUPPORTED,
		    "%s is not supported on ledger '%s': its profile has no such verb",
		    verb_name(verb), ledger->profile->name);
}

const struct planned_change *host_planned(const struct ledger *ledger, enum verb verb)
{
	const struct planned_change *planned = &ledger->plan->verbs[verb];
	return planned->change ? planned : NULL;
}

static int64_t span(const struct plan *plan, const struct value *row)
{
	int64_t deadline = row_time(plan, row, SIGNAL_DEADLINE),
		created = row_time(plan, row, SIGNAL_CREATED);
	bool known = deadline != NO_TIME && created != NO_TIME && deadline > created;
	return known ? deadline - created : 6 * 3600 * USEC_PER_SEC;
}

void host_inputs(const struct ledger *ledger, const struct value *row, const char *id,
		 struct inputs *inputs)
{
	const struct plan *plan = ledger->plan;
	*inputs = (struct inputs){ .row = row };
	inputs->named[INPUT_ID] = value_string(id);
	inputs->named[INPUT_ATTEMPTS] = value_int(row_number(plan, row, ROLE_ATTEMPTS, 0));
	inputs->named[INPUT_RECOVERIES] = value_int(row_number(plan, row, ROLE_RECOVERIES, 0));
	inputs->named[INPUT_LEASE] = value_int(ledger->profile->lease);
	inputs->named[INPUT_RETRY] = value_int(0);
	inputs->named[INPUT_SPAN] = value_int(span(plan, row));
	if (plan->at.roles[ROLE_OWNER] > 0) {
		inputs->named[INPUT_OWNER] = row[plan->at.roles[ROLE_OWNER]];
	}
}

/* A statement for one row, in the open transaction; how many rows it changed, or, if it only locks, found. */
static enum reclaim_status run_one(struct ledger *ledger, const struct planned *planned,
				   const struct inputs *inputs, int64_t *ret_count,
				   struct reclaim_error *error)
{
	return planned_run_many(ledger->db, planned, &inputs, 1, ret_count, error);
}

enum reclaim_status host_change(struct ledger *ledger, const struct planned_change *planned,
				const struct inputs *inputs, bool with_error, bool *ret_changed,
				struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	int64_t count = 0, unwanted;
	enum reclaim_status status =
		run_one(ledger, &planned->update[with_error], inputs, &count, error);
	bool changed = !status && count == 1;
	for (size_t i = 0; !status && changed && i < planned->also_count; i++) {
		status = run_one(ledger, &planned->also[i], inputs, &unwanted, error);
	}
	if (!status && changed && planned->change->to == STATE_READY &&
	    plan->wake.statement.sql) {
		status = run_one(ledger, &plan->wake, inputs, &unwanted, error);
	}
	*ret_changed = changed;
	return status;
}
