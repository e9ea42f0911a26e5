/* What a pass hears before it judges: of outages and of the server's start, and what the probe says of owners. */
#include "looks.h"

/* Where no beat is known, a tenth of the longest threshold of a silence. */
static int64_t one_beat(const struct policy *policy)
{
	int64_t longest = policy->lease;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		bool silence =
			rule_family(rule->kind) == FAMILY_SILENCE && rule->after != AFTER_NEVER;
		longest = silence && rule->after > longest ? rule->after : longest;
	}
	return policy->beat ? policy->beat : longest / 10;
}

/*
 * I15: after the server's own start silence waits a whole threshold, on a ledger that was swept before that start: one
 * that nobody has swept yet had no workers who could have been kept from beating us a sign.
 */
static enum reclaim_status read_start(struct pass *pass, int64_t last_pass)
{
	struct result RESULT_CLEANUP result = { 0 };
	enum reclaim_status status =
		ledger_run(pass->ledger, SQL_SERVER_START, NULL, &result, pass->error);
	int64_t start =
		!status && result.rows == 1
			? value_integer(result_cell(&result, 0, SERVER_START_R_AT), NO_TIME)
			: NO_TIME;
	if (last_pass != NO_TIME && last_pass < start) {
		pass->grace.events[1] = (struct grace_event){ .at = start, .wait = INT64_MAX };
	}
	return status;
}

enum reclaim_status read_grace(struct pass *pass)
{
	bool there = false;
	enum reclaim_status status = ledger_has_host_tables(pass->ledger, &there, pass->error);
	struct turn turn = { 0 };
	if (status || !there) {
		return status;
	}
	status = turn_read(pass->ledger, &turn, pass->error);
	if (!status && turn.exists) {
		pass->grace.events[0] = (struct grace_event){
			.at = turn.outage_at, .wait = turn.outage_wait + one_beat(pass->policy)
		};
		status = read_start(pass, turn.last_at);
	}
	turn_finish(&turn);
	return status;
}

/* Whom to ask: owners of claims that are stale unless they live, and, for a rule of proof, all of them. */
static enum reclaim_status note_owner(struct pass *pass, const struct judged *judged,
				      bool *ret_go_on)
{
	struct text TEXT_CLEANUP owner = { 0 };
	const struct verdict *verdict = &judged->verdict;
	bool wanted = verdict->outcome == OUTCOME_STALE && verdict->rule->unless_alive;
	(void)ret_go_on;
	for (size_t i = 0; i < pass->policy->rule_count; i++) {
		const struct rule *rule = &pass->policy->rules[i];
		wanted |= rule->kind == RULE_EVIDENCE &&
			  (rule->from & STATE_BIT(judged->facts.state));
	}
	if (!wanted || !judged->facts.owned || judged->facts.evidence != EVIDENCE_UNKNOWN) {
		return RECLAIM_OK;
	}
	row_print_owner(&owner, pass->plan, judged->row);
	bool added = !owner.failed && probe_add(&pass->probes, text_string(&owner),
						row_fingerprint(pass->plan, judged->row));
	return added ? RECLAIM_OK : fail_no_memory(pass->error);
}

/* Candidates first, then evidence, then the take: a name that comes back in between is safe. */
enum reclaim_status ask_owners(struct pass *pass)
{
	static const struct visitor visitor = { .row = note_owner };
	const struct probe *probe = &pass->ledger->profile->probe;
	if (probe->command.count == 0) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = scan(pass, &visitor);
	return status ? status : probe_run(probe, &pass->probes, pass->error);
}
