/* The worker first: the row that carries the signal is compared, and held, before its tasks are taken. */
#include "hold.h"

/* The worker's cells of a task's row, as the worker's own statements want them. */
static void worker_row(const struct pass *pass, const struct value *row, struct value ret[5])
{
	const struct places *at = &pass->plan->at;
	const int cells[5] = { 0, at->worker_key, at->worker_seen, at->worker_lease,
			       at->worker_state };
	for (int i = 0; i < 5; i++) {
		ret[i] = cells[i] < 0 ? value_null() : row[cells[i]];
	}
}

/* Writes the label (our own: ends the lease) if the row is still what was read; 0 rows: it beat meanwhile. */
static enum reclaim_status end_worker(struct pass *pass, const struct value *cells,
				      bool has_label, bool *ret_same)
{
	const struct inputs inputs = { .row = cells };
	struct result RESULT_CLEANUP result = { 0 };
	bool label = pass->plan->worker_has_label && !has_label;
	enum reclaim_status status = planned_run(
		pass->ledger->db, label ? &pass->plan->worker_end : &pass->plan->worker_same,
		&inputs, &result, pass->error);
	*ret_same = label ? result.changed == 1 : result.rows == 1;
	return status;
}

static enum reclaim_status worker_absent(struct pass *pass, const struct judged *judged,
					 bool *ret_same)
{
	struct value cells[5];
	struct result RESULT_CLEANUP result = { 0 };
	worker_row(pass, judged->row, cells);
	cells[WORKER_CELL_KEY] = judged->row[pass->plan->at.roles[ROLE_OWNER]];
	const struct inputs inputs = { .row = cells };
	enum reclaim_status status = planned_run(pass->ledger->db, &pass->plan->worker_any,
						 &inputs, &result, pass->error);
	*ret_same = result.rows == 0;
	return status;
}

/* Rules by a worker's signals; what they take, its label tells of. */
bool is_by_worker(enum rule_kind kind)
{
	return kind == RULE_WORKER || kind == RULE_LEASE || kind == RULE_EVIDENCE;
}

/* Whether this batch has asked already: its transaction holds the row as it was found. */
static bool is_held(const struct pass *pass, const struct member *member,
		    const struct facts *facts, bool has_label)
{
	const struct held_row *held = &member->held;
	return held->batch == pass->batch && held->seen == facts->worker_seen &&
	       held->lease == facts->worker_lease &&
	       (!held->same || held->labelled || has_label);
}

/*
 * I3: whether the worker's row is still what the verdict read, and its lease ended, so that it stays so. Any silence has
 * read it: its lease may be good (I7). A worker of ours that is lost or stopped never comes back, nor does a stranger
 * register under the name of a claim by hand: nothing to compare.
 */
enum reclaim_status hold_worker(struct pass *pass, const struct judged *judged,
				const char *owner, bool *ret_same)
{
	const struct facts *facts = &judged->facts;
	enum rule_kind kind = judged->verdict.rule->kind;
	bool reads_worker = rule_family(kind) != FAMILY_LIMIT;
	bool gone = facts->worker_terminal && facts->presence != WORKER_ACTIVE;
	struct member *member = crowd_find(&pass->crowd, owner);
	*ret_same = true;
	if (!reads_worker || facts->presence == WORKER_UNMAPPED) {
		return RECLAIM_OK;
	}
	if (facts->presence == WORKER_MISSING) {
		return facts->worker_terminal ? RECLAIM_OK
					      : worker_absent(pass, judged, ret_same);
	}
	if (gone || (member && member->ended && facts->worker_terminal)) {
		return RECLAIM_OK;
	}
	bool has_label = facts->presence == WORKER_STALLED || (member && member->ended) ||
			 !is_by_worker(kind);
	if (member && is_held(pass, member, facts, has_label)) {
		*ret_same = member->held.same;
		return RECLAIM_OK;
	}
	struct value cells[5];
	worker_row(pass, judged->row, cells);
	enum reclaim_status status = end_worker(pass, cells, has_label, ret_same);
	if (!status && member) {
		member->held = (struct held_row){ .batch = pass->batch,
						  .seen = facts->worker_seen,
						  .lease = facts->worker_lease,
						  .same = *ret_same,
						  .labelled = !has_label };
	}
	return status;
}

/* ---- workers without claims to take ---- */

/* One whose trigger runs into somebody's lock is left for the next pass. */
static enum reclaim_status end_one(struct pass *pass, struct member *member)
{
	bool same = false;
	enum reclaim_status status = ledger_begin_brief(pass->ledger, pass->error);
	if (!status) {
		status = end_worker(pass, member->row, /* has_label= */ false, &same);
		status = ledger_end(pass->ledger, status, pass->error);
	}
	member->ended |= !status && same;
	return status == RECLAIM_BUSY && pass->plan->locks_rows &&
			       !db_cancelled(pass->ledger->db)
		       ? RECLAIM_OK
		       : status;
}

enum reclaim_status end_idle_workers(struct pass *pass)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < pass->crowd.count; i++) {
		struct member *member = &pass->crowd.members[i];
		if (member->silent && !member->ended && !member->spared &&
		    pass->plan->worker_has_label && member->presence == WORKER_ACTIVE &&
		    crowd_silent(pass->plan, member, &pass->grace)) {
			status = end_one(pass, member);
		}
	}
	return status;
}
