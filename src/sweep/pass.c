/* One pass, step by step. */
#include "pass.h"

#include "take.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLIND_NAMED 10

/* ---- the first look: counts, and what silence would take ---- */

static bool add_suspect(struct pass *pass, const struct verdict *verdict)
{
	if (pass->suspect_count == pass->suspect_room) {
		size_t room = pass->suspect_room ? pass->suspect_room * 2 : 256;
		struct suspect *more = reallocarray(pass->suspects, room, sizeof(*more));
		if (!more) {
			return false;
		}
		pass->suspects = more;
		pass->suspect_room = room;
	}
	pass->suspects[pass->suspect_count++] =
		(struct suspect){ .last_signal = verdict->last_signal, .patience = verdict->patience };
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
		text_printf(&why, "column '%s' holds no time that can be read", judged->unreadable);
	} else {
		text_add(&why, "no rule can judge it: every time that the rules look at is NULL");
	}
	return result_add_blind(pass->result, text_string(&id), text_string(&why)) ?
		       RECLAIM_OK :
		       fail_no_memory(pass->error);
}

static bool by_silence(const struct verdict *verdict)
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

static void spare_owner(struct pass *pass, const struct judged *judged)
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
	return judged->facts.worker_terminal && rule_family(verdict->rule->kind) != FAMILY_LIMIT &&
	       verdict->remedy != REMEDY_REPORT;
}

static enum reclaim_status look_at_row(struct pass *pass, const struct judged *judged, bool *ret_go_on)
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
	static const enum signal signs[] = { [NEWEST_CLAIM_R_CLAIMED] = SIGNAL_CLAIMED,
					     [NEWEST_CLAIM_R_BEAT] = SIGNAL_BEAT };
	struct result RESULT_CLEANUP newest = { 0 };
	const struct inputs none = { 0 };
	enum reclaim_status status =
		planned_run(pass->ledger->db, &pass->plan->newest_claim, &none, &newest, pass->error);
	for (size_t i = 0; !status && i < sizeof(signs) / sizeof(signs[0]); i++) {
		int64_t time = NO_TIME;
		if (time_from_value(result_cell(&newest, 0, i), plan_format(pass->plan, signs[i]), &time) &&
		    time > pass->newest) {
			pass->newest = time;
		}
	}
	return status;
}

static void decide_valve(struct pass *pass)
{
	valve_decide(pass->policy, pass->suspects, pass->suspect_count, pass->result->in_flight, pass->newest,
		     pass->now, &pass->valve);
}

static enum reclaim_status first_look(struct pass *pass)
{
	static const struct visitor visitor = { .row = look_at_row };
	struct result RESULT_CLEANUP claims = { 0 };
	const struct inputs none = { 0 };
	enum reclaim_status status = scan(pass, &visitor);
	if (!status) {
		status = planned_run(pass->ledger->db, &pass->plan->count_claims, &none, &claims, pass->error);
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

/* ---- the second look: take, oldest first, until the cap is used up ---- */

/* The visitor's state rides behind the pass. */
struct taking {
	struct pass pass;
	struct judged batch[TAKE_BATCH];
	size_t count;
};

static struct taking *taking_of(struct pass *pass)
{
	return (struct taking *)pass; /* the pass is its first member */
}

static bool held_by_valve(const struct pass *pass, const struct verdict *verdict)
{
	const struct suspect suspect = { .last_signal = verdict->last_signal, .patience = verdict->patience };
	return by_silence(verdict) && valve_holds(&pass->valve, &suspect, pass->now);
}

static enum reclaim_status turn_is_ours(struct pass *pass, bool *ret_ours)
{
	*ret_ours = true;
	if (pass->result->turn == 0) {
		return RECLAIM_OK;
	}
	struct turn turn = { 0 };
	enum reclaim_status status = turn_read(pass->ledger, &turn, pass->error);
	*ret_ours = status || turn.turn == pass->result->turn;
	turn_finish(&turn);
	return status;
}

static enum reclaim_status take_batch(struct pass *pass, bool *ret_go_on)
{
	struct taking *taking = taking_of(pass);
	bool ours = true;
	if (taking->count == 0) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = take(pass, taking->batch, taking->count);
	taking->count = 0;
	if (!status) {
		status = turn_is_ours(pass, &ours);
	}
	pass->result->moved_on |= !ours;
	*ret_go_on &= ours;
	return status;
}

/* Behind a used-up cap a scan goes on only for what is reported, and for owners to spare. */
static bool needs_every_row(const struct pass *pass)
{
	bool reports = false;
	for (size_t i = 0; i < pass->policy->rule_count; i++) {
		reports |= pass->policy->rules[i].then == REMEDY_REPORT;
	}
	return reports || pass->valve.holding || pass->result->grace;
}

static enum reclaim_status take_row(struct pass *pass, const struct judged *judged, bool *ret_go_on)
{
	struct taking *taking = taking_of(pass);
	const struct verdict *verdict = &judged->verdict;
	if (verdict->outcome == OUTCOME_GRACE) {
		spare_owner(pass, judged);
	}
	if (verdict->outcome != OUTCOME_STALE) {
		return RECLAIM_OK;
	}
	if (held_by_valve(pass, verdict)) {
		spare_owner(pass, judged);
		return RECLAIM_OK;
	}
	bool reports = verdict->remedy == REMEDY_REPORT;
	if (!reports && pass->room <= (int64_t)taking->count) {
		enum reclaim_status status = take_batch(pass, ret_go_on);
		if (status || pass->room <= 0 || !*ret_go_on) {
			*ret_go_on &= needs_every_row(pass);
			return status;
		}
	}
	taking->batch[taking->count++] = *judged;
	return taking->count == TAKE_BATCH ? take_batch(pass, ret_go_on) : RECLAIM_OK;
}

static enum reclaim_status record_row(struct pass *pass, const struct judged *judged, bool *ret_go_on)
{
	const struct verdict *verdict = &judged->verdict;
	bool reports = verdict->remedy == REMEDY_REPORT;
	*ret_go_on = pass->room > 0 || needs_every_row(pass);
	if (verdict->outcome != OUTCOME_STALE || held_by_valve(pass, verdict) || (!reports && pass->room <= 0)) {
		return RECLAIM_OK;
	}
	int64_t *const counts[REMEDY_COUNT] = { &pass->result->reported, &pass->result->requeued,
						&pass->result->failed, &pass->result->stuck };
	++*counts[verdict->remedy];
	pass->room -= !reports;
	return record(pass, judged);
}

static enum reclaim_status second_look(struct pass *pass)
{
	static const struct visitor takes = { .row = take_row, .page_end = take_batch };
	static const struct visitor records = { .row = record_row };
	return scan(pass, pass->options->dry_run ? &records : &takes);
}

/* What was found and neither put right nor lost nor failed was held back. */
static void count_held_back(struct sweep_result *r)
{
	int64_t dealt = r->requeued + r->failed + r->stuck + r->reported + r->lost_races + r->errors +
			r->locked;
	r->held_back = r->stale > dealt ? r->stale - dealt : 0;
}

static enum reclaim_status list_silent(struct pass *pass)
{
	for (size_t i = 0; i < pass->crowd.count; i++) {
		const struct member *member = &pass->crowd.members[i];
		if (!member->silent) {
			continue;
		}
		struct swept_worker *worker = result_add_worker(pass->result);
		const char *id = arena_string(&pass->result->arena, member->key);
		if (!worker || !id) {
			return fail_no_memory(pass->error);
		}
		*worker = (struct swept_worker){ .id = id,
						 .last_seen = member->seen,
						 .labelled = member->ended &&
							     member->presence == WORKER_ACTIVE };
	}
	return RECLAIM_OK;
}

/* ---- before and after ---- */

/* Where no beat is known, a tenth of the longest threshold of a silence. */
static int64_t one_beat(const struct policy *policy)
{
	int64_t longest = policy->lease;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		bool silence = rule_family(rule->kind) == FAMILY_SILENCE && rule->after != AFTER_NEVER;
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
	enum reclaim_status status = ledger_run(pass->ledger, SQL_SERVER_START, NULL, &result, pass->error);
	int64_t start = !status && result.rows == 1 ?
				value_integer(result_cell(&result, 0, SERVER_START_R_AT), NO_TIME) :
				NO_TIME;
	if (last_pass != NO_TIME && last_pass < start) {
		pass->grace.events[1] = (struct grace_event){ .at = start, .wait = INT64_MAX };
	}
	return status;
}

static enum reclaim_status read_grace(struct pass *pass)
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

static enum reclaim_status take_turn(struct pass *pass, bool *ret_mine)
{
	const struct pass_options *options = pass->options;
	const struct profile *profile = pass->ledger->profile;
	*ret_mine = true;
	if (options->dry_run || profile->audit_is_log) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = ledger_make_host_tables(pass->ledger, pass->error);
	if (!status && !options->without_turn) {
		status = turn_take(pass->ledger, options->interval ? options->interval : profile->interval,
				   !options->wait_turn, &pass->result->turn, pass->error);
		*ret_mine = status || pass->result->turn > 0;
	}
	return status;
}

static enum reclaim_status keep_result(struct pass *pass)
{
	struct text TEXT_CLEANUP json = { 0 };
	if (pass->result->turn == 0) {
		return RECLAIM_OK;
	}
	sweep_result_json(&json, pass->ledger->profile, pass->result, /* with_tasks= */ false);
	return turn_keep_result(pass->ledger, pass->result->turn, text_string(&json),
				pass->valve.holding ? pass->valve.until : NO_TIME, pass->error);
}

static int64_t monotonic(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/* The cap, lowered by the caller's limit. */
static int64_t cap(const struct profile *profile, int64_t limit)
{
	return limit >= 0 && limit < profile->per_sweep ? limit : profile->per_sweep;
}

static enum reclaim_status look_and_take(struct pass *pass)
{
	enum reclaim_status status = first_look(pass);
	if (!status && pass->result->stale > 0) {
		status = second_look(pass);
	}
	count_held_back(pass->result);
	if (!status && !pass->options->dry_run && !pass->result->moved_on && !pass->every_claim &&
	    !pass->grace.startup) {
		status = end_idle_workers(pass);
	}
	if (!status && !pass->every_claim) {
		status = list_silent(pass);
	}
	return status;
}

/* Whom to ask: owners of claims that are stale unless they live, and, for a rule of proof, all of them. */
static enum reclaim_status note_owner(struct pass *pass, const struct judged *judged, bool *ret_go_on)
{
	struct text TEXT_CLEANUP owner = { 0 };
	const struct verdict *verdict = &judged->verdict;
	bool wanted = verdict->outcome == OUTCOME_STALE && verdict->rule->unless_alive;
	(void)ret_go_on;
	for (size_t i = 0; i < pass->policy->rule_count; i++) {
		const struct rule *rule = &pass->policy->rules[i];
		wanted |= rule->kind == RULE_EVIDENCE && (rule->from & STATE_BIT(judged->facts.state));
	}
	if (!wanted || !judged->facts.owned || judged->facts.evidence != EVIDENCE_UNKNOWN) {
		return RECLAIM_OK;
	}
	row_print_owner(&owner, pass->plan, judged->row);
	bool added = !owner.failed &&
		     probe_add(&pass->probes, text_string(&owner), row_fingerprint(pass->plan, judged->row));
	return added ? RECLAIM_OK : fail_no_memory(pass->error);
}

/* Candidates first, then evidence, then the take: a name that comes back in between is safe. */
static enum reclaim_status ask_owners(struct pass *pass)
{
	static const struct visitor visitor = { .row = note_owner };
	const struct probe *probe = &pass->ledger->profile->probe;
	if (probe->command.count == 0) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = scan(pass, &visitor);
	return status ? status : probe_run(probe, &pass->probes, pass->error);
}

static enum reclaim_status prepare(struct pass *pass)
{
	struct ledger *ledger = pass->ledger;
	enum reclaim_status status = ledger_now(ledger, &pass->now, pass->error);
	if (!status && ledger->profile->workers.evidence) {
		status = lockfile_open(db_lock_path(ledger->db), /* to_hold= */ false, &pass->lockfile,
				       pass->error);
	}
	if (!status) {
		status = crowd_read(ledger, &pass->lockfile, &pass->crowd, pass->error);
	}
	if (!status) {
		status = read_grace(pass);
	}
	return status ? status : ask_owners(pass);
}

static void pass_init(struct pass *pass, struct sweep_result *result)
{
	pass->plan = pass->ledger->plan;
	pass->policy = pass->policy ? pass->policy : &pass->plan->policy;
	pass->lockfile.fd = -1;
	pass->newest = NO_TIME;
	pass->grace.events[0].at = pass->grace.events[1].at = NO_TIME;
	pass->grace.startup = pass->options->startup_grace;
	pass->room = cap(pass->ledger->profile, pass->options->limit);
	pass->result = result;
}

void pass_finish(struct pass *pass)
{
	lockfile_close(&pass->lockfile);
	crowd_finish(&pass->crowd);
	probe_finish(&pass->probes);
	free(pass->suspects);
}

static enum reclaim_status run(struct pass *pass, struct sweep_result *ret_result)
{
	struct sweep_result result = { .dry_run = pass->options->dry_run, .my_turn = true };
	int64_t started = monotonic();
	pass_init(pass, &result);
	enum reclaim_status status = take_turn(pass, &result.my_turn);
	if (!status && result.my_turn) {
		status = prepare(pass);
		result.at = pass->now;
		status = status ? status : look_and_take(pass);
		result.duration = monotonic() - started;
		status = status ? status : keep_result(pass);
		if (status && !result.dry_run && result.task_count > 0) {
			result.cut_short = *pass->error;
			status = RECLAIM_OK;
		}
	}
	pass_finish(pass);
	if (status) {
		sweep_result_finish(&result);
		return status;
	}
	*ret_result = result;
	return RECLAIM_OK;
}

enum reclaim_status pass_look(struct ledger *ledger, struct pass *ret_pass, struct valve *ret_valve,
			      struct reclaim_error *error)
{
	static const struct pass_options options = { .dry_run = true, .limit = -1 };
	struct sweep_result result = { .dry_run = true };
	struct pass pass = { .ledger = ledger, .options = &options, .error = error };
	enum reclaim_status status = ledger_plan(ledger, error);
	if (status) {
		return status;
	}
	pass_init(&pass, &result);
	status = prepare(&pass);
	status = status ? status : first_look(&pass);
	sweep_result_finish(&result);
	if (status) {
		pass_finish(&pass);
		return status;
	}
	*ret_valve = pass.valve;
	pass.result = NULL;
	*ret_pass = pass;
	return RECLAIM_OK;
}

static enum reclaim_status start(struct ledger *ledger, struct taking **ret_taking, struct reclaim_error *error)
{
	struct taking *taking = calloc(1, sizeof(*taking));
	enum reclaim_status status = taking ? ledger_plan(ledger, error) : fail_no_memory(error);
	if (status) {
		free(taking);
		return status;
	}
	taking->pass.ledger = ledger;
	taking->pass.error = error;
	*ret_taking = taking;
	return RECLAIM_OK;
}

enum reclaim_status pass_run(struct ledger *ledger, const struct pass_options *options,
			     struct sweep_result *ret_result, struct reclaim_error *error)
{
	struct taking *taking;
	struct reclaim_error unheard;
	enum reclaim_status status = start(ledger, &taking, error ? error : &unheard);
	if (status) {
		return status;
	}
	taking->pass.options = options;
	status = run(&taking->pass, ret_result);
	free(taking);
	return status;
}

/* ---- passes by another rule ---- */

static enum reclaim_status run_other(struct ledger *ledger, const struct policy *policy, const char *owner,
				     bool dry_run, struct sweep_result *ret_result, struct reclaim_error *error)
{
	const struct pass_options options = { .dry_run = dry_run, .force = true, .without_turn = true, .limit = -1 };
	struct taking *taking;
	struct reclaim_error unheard;
	enum reclaim_status status = start(ledger, &taking, error ? error : &unheard);
	if (status) {
		return status;
	}
	taking->pass.options = &options;
	taking->pass.policy = policy;
	taking->pass.only_owner = owner;
	taking->pass.every_claim = true;
	status = run(&taking->pass, ret_result);
	free(taking);
	return status;
}

enum reclaim_status pass_recover(struct ledger *ledger, const char *owner, struct sweep_result *ret_result,
				 struct reclaim_error *error)
{
	const struct recovery *recover = &ledger->profile->recover;
	if (!recover->present) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "recover is not supported on ledger '%s': its profile has no recover { … }",
			    ledger->profile->name);
	}
	enum reclaim_status status = ledger_plan(ledger, error);
	if (status) {
		return status;
	}
	if (ledger->plan->at.roles[ROLE_OWNER] < 0) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "recover is not supported on this table: '%s' has no column '%s' "
			    "(`reclaim init` with this profile may add it)",
			    ledger->profile->table, ledger->profile->roles[ROLE_OWNER]);
	}
	/* An owner that starts again knows that what it held is over, whatever the lease says. */
	const struct rule rule = { .name = "recover",
				   .kind = RULE_AGE,
				   .from = STATE_BIT(STATE_RUNNING),
				   .of = recover->of,
				   .after = recover->after,
				   .missing_is_stale = true,
				   .then = REMEDY_REQUEUE,
				   .reason = recover->reason,
				   .error = recover->error };
	struct policy policy = ledger->profile->policy;
	policy.rules = &rule;
	policy.rule_count = 1;
	policy.valve_min = NO_LIMIT;
	return run_other(ledger, &policy, owner, /* dry_run= */ false, ret_result, error);
}

enum reclaim_status pass_cleanup(struct ledger *ledger, const struct cleanup_options *options,
				 struct sweep_result *ret_result, struct reclaim_error *error)
{
	const struct cleanup *cleanup = &ledger->profile->cleanup;
	if (!cleanup->present) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "cleanup is not supported on ledger '%s': its profile has no cleanup { … }",
			    ledger->profile->name);
	}
	const struct rule rule = { .name = "cleanup",
				   .kind = RULE_AGE,
				   .from = STATE_BIT(STATE_RUNNING),
				   .of = SIGNAL_BIT(cleanup->by),
				   .after = options->older_than < 0 ? cleanup->after : options->older_than,
				   .then = REMEDY_REQUEUE,
				   .reason = cleanup->reason,
				   .error = cleanup->error,
				   .spent_error = cleanup->spent_error,
				   .spent_reason = cleanup->spent_reason };
	struct policy policy = ledger->profile->policy;
	policy.rules = &rule;
	policy.rule_count = 1;
	policy.valve_min = NO_LIMIT;
	policy.budget_attempts = options->max_attempts < 0 ? cleanup->max_attempts : options->max_attempts;
	return run_other(ledger, &policy, /* owner= */ NULL, options->dry_run, ret_result, error);
}
