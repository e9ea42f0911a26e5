/* One pass, step by step. */
#include "clock.h"
#include "index.h"
#include "looks.h"
#include "take.h"

#include <stdlib.h>

/* What was found and neither put right nor lost nor failed was held back. */
static void count_held_back(struct sweep_result *r, int64_t stale_changed)
{
	int64_t dealt = r->unplanned + stale_changed + r->requeued + r->failed + r->stuck +
			r->cancelled + r->reported + r->lost_races + r->errors + r->locked;
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
		*worker =
			(struct swept_worker){ .id = id,
					       .last_seen = member->seen,
					       .labelled = member->ended &&
							   member->presence == WORKER_ACTIVE };
	}
	return RECLAIM_OK;
}

/* So long a wait for the turn is an outage: whoever held the ledger kept its workers from beating, too (I15). */
#define LONG_WAIT USEC_PER_SEC

static enum reclaim_status take_turn(struct pass *pass, bool *ret_mine)
{
	const struct pass_options *options = pass->options;
	const struct profile *profile = pass->ledger->profile;
	int64_t began = monotonic_now();
	*ret_mine = true;
	if (options->dry_run || profile->audit_is_log) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = ledger_make_host_tables(pass->ledger, pass->error);
	if (!status && !options->without_turn) {
		status = turn_take(pass->ledger,
				   options->interval ? options->interval : profile->interval,
				   !options->wait_turn, &pass->result->turn, pass->error);
		*ret_mine = status || pass->result->turn > 0;
	}
	int64_t waited = monotonic_now() - began;
	return !status && *ret_mine && waited > LONG_WAIT
		       ? turn_outage(pass->ledger, waited, pass->error)
		       : status;
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

/* The cap, lowered by the caller's limit. */
static int64_t cap(const struct profile *profile, int64_t limit)
{
	return limit >= 0 && limit < profile->per_sweep ? limit : profile->per_sweep;
}

/*
 * A batch that hangs may take as long as one statement may; what is behind it must find time all the same. Looking is not
 * counted: else a slow look would leave none to take in.
 */
#define LONGEST_MIN (120 * USEC_PER_SEC)

static void start_clock(struct pass *pass)
{
	const struct pass_options *options = pass->options;
	int64_t interval =
		options->interval ? options->interval : pass->ledger->profile->interval;
	int64_t longest = 2 * interval > LONGEST_MIN ? 2 * interval : LONGEST_MIN;
	pass->until = monotonic_now() + (options->longest ? options->longest : longest);
}

/* What has begun to be taken has something to show for it. */
bool pass_is_over(struct pass *pass)
{
	struct reclaim_error *why = &pass->result->cut_short;
	if (!why->status && pass->batch > 0 && monotonic_now() > pass->until) {
		fail(why, RECLAIM_BUSY,
		     "it has taken rows for as long as a pass may; what is left is for the "
		     "next one");
		why->overlong = true;
	}
	return why->status != RECLAIM_OK;
}

static bool ended_early(const struct pass *pass)
{
	return pass->result->moved_on || pass->result->cut_short.status;
}

static enum reclaim_status look_and_take(struct pass *pass)
{
	enum reclaim_status status = first_look(pass);
	start_clock(pass);
	if (!status && pass->result->stale > 0) {
		status = second_look(pass);
	}
	if (!status && !ended_early(pass)) {
		status = choose_rest(pass);
	}
	count_held_back(pass->result, pass->stale_changed);
	if (!status && !pass->options->dry_run && !ended_early(pass) && !pass->every_claim &&
	    !pass->grace.startup && !pass->options->only) {
		status = end_idle_workers(pass);
	}
	if (!status && !pass->every_claim) {
		status = list_silent(pass);
	}
	return status;
}

static enum reclaim_status prepare(struct pass *pass)
{
	struct ledger *ledger = pass->ledger;
	enum reclaim_status status = ledger_now(ledger, &pass->now, pass->error);
	if (!status && ledger->profile->workers.evidence) {
		status = lockfile_open(db_lock_path(ledger->db), /* to_hold= */ false,
				       &pass->lockfile, pass->error);
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

enum reclaim_status pass_make(struct pass *pass, struct sweep_result *ret_result)
{
	struct sweep_result result = { .dry_run = pass->options->dry_run,
				       .my_turn = true,
				       .chosen = pass->options->only != NULL };
	int64_t started = monotonic_now();
	pass_init(pass, &result);
	enum reclaim_status status =
		pass->options->force ? RECLAIM_OK : index_demand(pass->ledger, pass->error);
	if (!status) {
		status = take_turn(pass, &result.my_turn);
	}
	if (!status && result.my_turn) {
		status = prepare(pass);
		result.at = pass->now;
		status = status ? status : look_and_take(pass);
		result.duration = monotonic_now() - started;
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

enum reclaim_status pass_look(struct ledger *ledger, struct pass *ret_pass,
			      struct valve *ret_valve, struct reclaim_error *error)
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

enum reclaim_status pass_run(struct ledger *ledger, const struct pass_options *options,
			     struct sweep_result *ret_result, struct reclaim_error *error)
{
	struct reclaim_error unheard;
	struct pass pass = { .ledger = ledger,
			     .options = options,
			     .error = error ? error : &unheard };
	enum reclaim_status status = ledger_plan(ledger, pass.error);
	return status ? status : pass_make(&pass, ret_result);
}
