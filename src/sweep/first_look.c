/* The first look of a pass: everything is counted, and the valve sees all that silence would take. */
#include "array.h"
#include "looks.h"

#define BLIND_NAMED 10

static bool add_suspect(struct pass *pass, const struct verdict *verdict)
{
	struct suspect *suspects = array_grown(pass->suspects, sizeof(*suspects),
					       pass->suspect_count, &pass->suspect_room);
	if (!suspects) {
		return false;
	}
	pass->suspects = suspects;
	pass->suspects[pass->suspect_count++] =
		(struct suspect){ .last_signal = verdict->last_signal,
				  .patience = verdict->patience };
	return true;
}

static void note_newest(struct pass *pass, const struct facts *facts)
{
	static const enum signal signs[] = { SIGNAL_CLAIMED, SIGNAL_BEAT };
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		int64_t time = facts->times[signs[i]];
		pass->newest = time > pass->newest ? time : pass->newest;
	}
}

static enum reclaim_status note_blind(struct pass *pass, const struct judged *judged)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP why = { 0 };
	pass->result->blind++;
	if (pass->result->blind_count >= BLIND_NAMED) {
		return RECLAIM_OK;
	}
	row_print_id(&id, pass->plan, judged->row);
	if (judged->unreadable) {
		text_printf(&why, "column '%s' holds no time that can be read",
			    judged->unreadable);
	} else {
		text_add(&why,
			 "no rule can judge it: every time that the rules look at is NULL");
	}
	return result_add_blind(pass->result, text_string(&id), text_string(&why))
		       ? RECLAIM_OK
		       : fail_no_memory(pass->error);
}

bool by_silence(const struct verdict *verdict)
{
	return rule_family(verdict->rule->kind) == FAMILY_SILENCE;
}

static void note_future(struct pass *pass, const struct facts *facts)
{
	bool ahead = false;
	for (int i = SIGNAL_CLAIMED; i <= SIGNAL_BEAT; i++) {
		ahead |= facts->times[i] > pass->now + pass->policy->skew;
	}
	pass->result->future += ahead;
}

void spare_owner(struct pass *pass, const struct judged *judged)
{
	struct text TEXT_CLEANUP owner = { 0 };
	row_print_owner(&owner, pass->plan, judged->row);
	struct member *member = crowd_find(&pass->crowd, text_string(&owner));
	if (member) {
		member->spared = true;
	}
}

/* The take of its first claim ends a worker that never comes back; until then it may save them all by a beat. */
static bool ends_worker(const struct judged *judged)
{
	const struct verdict *verdict = &judged->verdict;
	return judged->facts.worker_terminal &&
	       rule_family(verdict->rule->kind) != FAMILY_LIMIT &&
	       verdict->remedy != REMEDY_REPORT;
}

static enum reclaim_status look_at_row(struct pass *pass, const struct judged *judged,
				       bool *ret_go_on)
{
	struct sweep_result *result = pass->result;
	const struct verdict *verdict = &judged->verdict;
	(void)ret_go_on;
	note_newest(pass, &judged->facts);
	note_future(pass, &judged->facts);
	switch (verdict->outcome) {
	case OUTCOME_FINE:
		break;
	case OUTCOME_BLIND:
		return note_blind(pass, judged);
	case OUTCOME_VETOED:
		result->vetoed++;
		break;
	case OUTCOME_GRACE:
		result->stale++;
		result->held_back++;
		result->grace = true;
		break;
	case OUTCOME_STALE:
		result->stale++;
		if (ends_worker(judged)) {
			spare_owner(pass, judged);
		}
		if (by_silence(verdict) && !add_suspect(pass, verdict)) {
			return fail_no_memory(pass->error);
		}
		break;
	}
	return RECLAIM_OK;
}

/* Nothing in the ledger has a later signal: not the claims in view, not the workers. */
static void note_workers(struct pass *pass)
{
	for (size_t i = 0; i < pass->crowd.count; i++) {
		int64_t seen = pass->crowd.members[i].seen;
		pass->newest = seen > pass->newest ? seen : pass->newest;
	}
}

/* The find's bound leaves out the claims that are fine; a sign of theirs tells that the ledger is in use. */
static enum reclaim_status note_all_claims(struct pass *pass)
{
	static const enum signal signs[] = {
		[NEWEST_CLAIM_R_CLAIMED] = SIGNAL_CLAIMED, [NEWEST_CLAIM_R_BEAT] = SIGNAL_BEAT
	};
	struct result RESULT_CLEANUP newest = { 0 };
	const struct inputs none = { 0 };
	enum reclaim_status status = planned_run(pass->ledger->db, &pass->plan->newest_claim,
						 &none, &newest, pass->error);
	for (size_t i = 0; !status && i < sizeof(signs) / sizeof(signs[0]); i++) {
		int64_t time = NO_TIME;
		if (time_from_value(result_cell(&newest, 0, i),
				    plan_format(pass->plan, signs[i]), &time) &&
		    time > pass->newest) {
			pass->newest = time;
		}
	}
	return status;
}

static void decide_valve(struct pass *pass)
{
	valve_decide(pass->policy, pass->suspects, pass->suspect_count, pass->result->in_flight,
		     pass->newest, pass->now, &pass->valve);
}

enum reclaim_status first_look(struct pass *pass)
{
	static const struct visitor visitor = { .row = look_at_row };
	struct result RESULT_CLEANUP claims = { 0 };
	const struct inputs none = { 0 };
	enum reclaim_status status = scan(pass, &visitor);
	if (!status) {
		status = planned_run(pass->ledger->db, &pass->plan->count_claims, &none,
				     &claims, pass->error);
	}
	if (status) {
		return status;
	}
	pass->result->in_flight = value_integer(result_cell(&claims, 0, 0), 0);
	note_workers(pass);
	decide_valve(pass);
	if (pass->valve.holding && !pass->options->force) {
		status = note_all_claims(pass);
		decide_valve(pass);
	}
	pass->valve.holding &= !pass->options->force;
	pass->result->valve = pass->valve;
	return status;
}
