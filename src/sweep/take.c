/* What becomes of a batch: the counts once it is committed, or each row by itself where one of them can't be taken. */
#include "take.h"

#include "holder.h"

#include <string.h>

#define LOCKED_NAMED 10

static void mark_ended(struct pass *pass, const struct judged *judged)
{
	struct text TEXT_CLEANUP owner = { 0 };
	row_print_owner(&owner, pass->plan, judged->row);
	struct member *member = crowd_find(&pass->crowd, text_string(&owner));
	if (member && is_by_worker(judged->verdict.rule->kind) &&
	    judged->facts.presence == WORKER_ACTIVE) {
		member->ended = true;
	}
}

/* The first few are named, and whose transaction holds them. */
static enum reclaim_status name_locked(struct pass *pass, const struct judged *judged)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP holder = { 0 };
	if (pass->result->locked++ >= LOCKED_NAMED) {
		return RECLAIM_OK;
	}
	row_print_id(&id, pass->plan, judged->row);
	holder_print(&holder, pass->ledger, judged->row);
	return result_add_locked(pass->result, text_string(&id), text_string(&holder))
		       ? RECLAIM_OK
		       : fail_no_memory(pass->error);
}

/* I10: counted after the commit. */
static enum reclaim_status count_taken(struct pass *pass, const struct judged *items,
				       const enum taking *taken, size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		if (taken[i] !=
		    TAKEN) { // NOLINT: written for every item of a batch that succeeded
			pass->result->lost_races += taken[i] == RACED;
			status = taken[i] == LOCKED ? name_locked(pass, &items[i]) : RECLAIM_OK;
			continue;
		}
		++*result_count(pass->result, items[i].verdict.remedy);
		pass->room -= items[i].verdict.remedy != REMEDY_REPORT;
		mark_ended(pass, &items[i]);
		status = record(pass, &items[i]);
	}
	return status;
}

/* Failures of the database, not of a row. */
static bool ends_pass(enum reclaim_status status)
{
	return status == RECLAIM_BUSY || status == RECLAIM_UNAVAILABLE ||
	       status == RECLAIM_UNKNOWN || status == RECLAIM_NO_MEMORY ||
	       status == RECLAIM_INTERNAL;
}

/* Where others lock rows, one row's trigger may run into such a lock: no reason to leave the rest. */
static bool is_some_rows(const struct pass *pass, enum reclaim_status status)
{
	return !ends_pass(status) || (status == RECLAIM_BUSY && pass->plan->locks_rows &&
				      !db_cancelled(pass->ledger->db));
}

/* The reason of a failure that is a row's stays with it; the pass's own error is for what ends the pass. */
static enum reclaim_status try_together(struct pass *pass, const struct judged *items,
					size_t count, enum taking *taken,
					struct reclaim_error *ret_why)
{
	struct reclaim_error *outer = pass->error;
	pass->error = ret_why;
	enum reclaim_status status = take_together(pass, items, count, taken);
	pass->error = outer;
	return is_some_rows(pass, status) ? status
					  : fail(outer, status, "%s", ret_why->message);
}

static enum reclaim_status name_problem(struct pass *pass, const struct judged *judged,
					const struct reclaim_error *error)
{
	struct text TEXT_CLEANUP id = { 0 };
	row_print_id(&id, pass->plan, judged->row);
	if (error->status == RECLAIM_BUSY && !error->overlong) {
		pass->result->locked++;
	} else {
		pass->result->errors++;
	}
	return result_add_problem(pass->result, text_string(&id), error->message)
		       ? RECLAIM_OK
		       : fail_no_memory(pass->error);
}

static enum reclaim_status try_alone(struct pass *pass, const struct judged *judged,
				     struct reclaim_error *ret_why)
{
	enum taking taking = RACED;
	enum reclaim_status status = try_together(pass, judged, 1, &taking, ret_why);
	return status ? status : count_taken(pass, judged, &taking, 1);
}

/* What the profile does instead of a remedy that would break a unique index; REPORT: nothing. */
static enum remedy instead_of(const struct pass *pass, const struct judged *judged,
			      const struct reclaim_error *why)
{
	enum remedy conflict = pass->ledger->profile->conflict;
	bool other = why->unique && judged->verdict.remedy != REMEDY_REPORT &&
		     conflict != judged->verdict.remedy &&
		     pass->plan->remedies[conflict].change;
	return other ? conflict : REMEDY_REPORT;
}

/* The engine's own words of the index behind ours. */
static const char *refusal_of(const struct reclaim_error *why)
{
	const char *at = strstr(why->message, DB_UNIQUE);
	return at ? at : why->message;
}

static enum reclaim_status take_alone(struct pass *pass, const struct judged *judged)
{
	struct reclaim_error why = { 0 }, still = { 0 };
	enum reclaim_status status = try_alone(pass, judged, &why);
	if (!status || !is_some_rows(pass, status)) {
		return status;
	}
	struct judged other = *judged;
	other.refused = judged->verdict.remedy;
	other.refusal = refusal_of(&why);
	other.verdict.remedy = instead_of(pass, judged, &why);
	if (other.verdict.remedy == REMEDY_REPORT) {
		return name_problem(pass, judged, &why);
	}
	status = try_alone(pass, &other, &still);
	return !status || !is_some_rows(pass, status) ? status
						      : name_problem(pass, judged, &still);
}

static enum reclaim_status take_each(struct pass *pass, const struct judged *items,
				     size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count && (i == 0 || !pass_is_over(pass)); i++) {
		status = take_alone(pass, &items[i]);
	}
	return status;
}

enum reclaim_status take(struct pass *pass, const struct judged *items, size_t count)
{
	enum taking taken[TAKE_BATCH] = { 0 };
	struct reclaim_error why = { 0 };
	if (pass_is_over(pass)) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = try_together(pass, items, count, taken, &why);
	if (!status) {
		return count_taken(pass, items, taken, count);
	}
	if (!is_some_rows(pass, status)) {
		return status;
	}
	bool brief = pass->brief || status == RECLAIM_BUSY;
	pass->brief = true;
	status = take_each(pass, items, count);
	pass->brief = brief;
	return status;
}
