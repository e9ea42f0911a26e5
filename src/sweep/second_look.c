/* The second look of a pass: takes, oldest first, until the cap is used up; a dry run records instead. */
#include "looks.h"

#include "take.h"

#include <stdlib.h>

/* What is to be taken together. */
struct batch {
	struct judged items[TAKE_BATCH];
	size_t count;
};

static bool held_by_valve(const struct pass *pass, const struct verdict *verdict)
{
	const struct suspect suspect = { .last_signal = verdict->last_signal,
					 .patience = verdict->patience };
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
	struct batch *batch = pass->context;
	bool ours = true;
	if (batch->count == 0) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = take(pass, batch->items, batch->count);
	batch->count = 0;
	if (!status) {
		status = turn_is_ours(pass, &ours);
	}
	pass->result->moved_on |= !ours;
	*ret_go_on &= ours && !pass->result->cut_short.status;
	return status;
}

/* Behind a used-up cap a scan goes on only for what is reported, and for owners to spare. */
static bool needs_every_row(const struct pass *pass)
{
	bool reports = false;
	for (size_t i = 0; i < pass->policy->rule_count; i++) {
		reports |= pass->policy->rules[i].then == REMEDY_REPORT;
	}
	return reports || pass->valve.holding || pass->result->grace || pass->options->only;
}

static enum reclaim_status take_row(struct pass *pass, const struct judged *judged,
				    bool *ret_go_on)
{
	struct batch *batch = pass->context;
	const struct verdict *verdict = &judged->verdict;
	if (verdict->outcome == OUTCOME_GRACE) {
		spare_owner(pass, judged);
	}
	bool chosen = true;
	enum reclaim_status status = choose(pass, judged, &chosen);
	if (status || !chosen || verdict->outcome != OUTCOME_STALE) {
		return status;
	}
	if (held_by_valve(pass, verdict)) {
		spare_owner(pass, judged);
		return RECLAIM_OK;
	}
	bool reports = verdict->remedy == REMEDY_REPORT;
	if (!reports && pass->room <= (int64_t)batch->count) {
		status = take_batch(pass, ret_go_on);
		if (status || pass->room <= 0 || !*ret_go_on) {
			*ret_go_on &= needs_every_row(pass);
			return status;
		}
	}
	batch->items[batch->count++] = *judged;
	return batch->count == TAKE_BATCH ? take_batch(pass, ret_go_on) : RECLAIM_OK;
}

static enum reclaim_status record_row(struct pass *pass, const struct judged *judged,
				      bool *ret_go_on)
{
	const struct verdict *verdict = &judged->verdict;
	bool reports = verdict->remedy == REMEDY_REPORT;
	bool chosen = true;
	enum reclaim_status status = choose(pass, judged, &chosen);
	*ret_go_on = pass->room > 0 || needs_every_row(pass);
	if (status || !chosen || verdict->outcome != OUTCOME_STALE ||
	    held_by_valve(pass, verdict) || (!reports && pass->room <= 0)) {
		return status;
	}
	++*result_count(pass->result, verdict->remedy);
	pass->room -= !reports;
	return record(pass, judged);
}

enum reclaim_status second_look(struct pass *pass)
{
	static const struct visitor takes = { .row = take_row,
					      .page_end = take_batch,
					      .needs_remedy = true };
	static const struct visitor records = { .row = record_row, .needs_remedy = true };
	struct batch *batch = calloc(1, sizeof(*batch));
	if (!batch) {
		return fail_no_memory(pass->error);
	}
	pass->context = batch;
	enum reclaim_status status = scan(pass, pass->options->dry_run ? &records : &takes);
	pass->context = NULL;
	free(batch);
	return status;
}
