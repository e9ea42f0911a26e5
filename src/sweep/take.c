/* Compare-and-set: the row that carries the signal first, then the task, then what tells of it. */
#include "take.h"

#include "holder.h"

#include <stdlib.h>
#include <string.h>

#define LOCKED_NAMED 10
/* So often a pass waits for what a single row runs into; the next ends it. */
#define WAITS_MAX 5

enum taking {
	TAKEN,
	RACED,  /* the row, or its worker's, is not what was read any more */
	LOCKED, /* it is, and somebody's open transaction has it */
};

/* One row on its way through a batch. */
struct item {
	const struct judged *judged;
	struct telling t;
	struct inputs inputs;
	enum taking taking;
};

/* Some of a batch's rows, which one statement is run for. */
struct some {
	struct item *items[TAKE_BATCH];
	size_t count;
};

/* When the next attempt is due, from now: by the tries that the ledger counts for that, or by its attempts. */
static int64_t wait_of(const struct pass *pass, const struct judged *judged)
{
	int64_t tries = row_number(pass->plan, judged->row, ROLE_TRIES, judged->facts.attempts);
	return backoff_of(&pass->ledger->profile->backoff, tries, &pass->ledger->random);
}

static void fill_inputs(const struct pass *pass, struct item *item)
{
	const struct judged *judged = item->judged;
	const struct telling *t = &item->t;
	struct inputs *inputs = &item->inputs;
	*inputs = (struct inputs){ .row = judged->row };
	inputs->named[INPUT_ID] = value_bytes(VALUE_TEXT, text_string(&t->id), t->id.size);
	inputs->named[INPUT_OWNER] = pass->plan->at.roles[ROLE_OWNER] > 0
					     ? judged->row[pass->plan->at.roles[ROLE_OWNER]]
					     : value_null();
	inputs->named[INPUT_REASON] = value_string(text_string(&t->reason));
	inputs->named[INPUT_ERROR] =
		t->has_error ? value_string(text_string(&t->error)) : value_null();
	inputs->named[INPUT_ATTEMPTS] = value_int(judged->facts.attempts);
	inputs->named[INPUT_RECOVERIES] = value_int(judged->facts.recoveries);
	inputs->named[INPUT_RETRY] = value_int(wait_of(pass, judged));
}

static void fill_event(const struct pass *pass, const struct item *item, struct event *event)
{
	const struct judged *judged = item->judged;
	const struct verdict *verdict = &judged->verdict;
	const struct telling *t = &item->t;
	*event = (struct event){
		.task = text_string(&t->id),
		.act = verdict->remedy == REMEDY_REPORT       ? "report"
		       : verdict->rule->kind == RULE_DEADLINE ? act_word(ACT_DEADLINE)
							      : act_word(ACT_RECOVER),
		.rule = verdict->rule->name,
		.from = judged->facts.state,
		.to = verdict->remedy == REMEDY_REPORT ? judged->facts.state
						       : remedy_state(verdict->remedy),
		.from_native = row_native(pass->plan, judged->row),
		.to_native = native_after(pass, verdict->remedy),
		.owner = t->owner.size ? text_string(&t->owner) : NULL,
		.token = pass->plan->token_count ? text_string(&t->token) : NULL,
		.reason = text_string(&t->reason),
		.age = verdict->finding.signal == NO_TIME ? NO_TIME : verdict->finding.age,
		.attempts = judged->facts.attempts,
		.recoveries = judged->facts.recoveries,
	};
}

/* One event for each claim, not for each pass: a claim is told by its token. */
static enum reclaim_status report_task(struct pass *pass, const struct item *item)
{
	bool told = false;
	struct event event;
	const char *token = pass->plan->token_count ? text_string(&item->t.token) : NULL;
	enum reclaim_status status =
		ledger_told(pass->ledger, text_string(&item->t.id), "report",
			    item->judged->verdict.rule->name, token, &told, pass->error);
	fill_event(pass, item, &event);
	return status || told ? status : ledger_audit(pass->ledger, &event, pass->error);
}

/* ---- the steps of a batch, each one statement for many rows ---- */

static enum reclaim_status tell_all(struct pass *pass, struct item *items,
				    const struct judged *judged, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		items[i].judged = &judged[i];
		if (!tell(pass, &judged[i], &items[i].t)) {
			return fail_no_memory(pass->error);
		}
		fill_inputs(pass, &items[i]);
	}
	return RECLAIM_OK;
}

/* Reports change nothing; for all others the worker's row comes first. */
static enum reclaim_status report_or_hold(struct pass *pass, struct item *item)
{
	bool same = true;
	enum reclaim_status status =
		item->judged->verdict.remedy == REMEDY_REPORT
			? report_task(pass, item)
			: hold_worker(pass, item->judged, text_string(&item->t.owner), &same);
	item->taking = same ? TAKEN : RACED;
	return status;
}

/* Runs the statement for some rows; `changed` may be NULL. */
static enum reclaim_status run_some(struct pass *pass, const struct planned *planned,
				    const struct some *some, int64_t *changed)
{
	const struct inputs *inputs[TAKE_BATCH];
	int64_t unwanted[TAKE_BATCH];
	for (size_t i = 0; i < some->count; i++) {
		inputs[i] = &some->items[i]->inputs;
	}
	return planned_run_many(pass->ledger->db, planned, inputs, some->count,
				changed ? changed : unwanted, pass->error);
}

static enum reclaim_status run_all(struct pass *pass, const struct planned *list, size_t count,
				   const struct some *some)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		status = run_some(pass, &list[i], some, NULL);
	}
	return status;
}

/* A row that did not change and is still what was read is locked, where the engine passes over such rows. */
static enum reclaim_status tell_locked(struct pass *pass, const struct some *missed)
{
	int64_t found[TAKE_BATCH] = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	if (pass->plan->passes_over_locked) {
		status = run_some(pass, &pass->plan->unchanged, missed, found);
	}
	for (size_t i = 0; !status && i < missed->count; i++) {
		missed->items[i]->taking = found[i] == 1 ? LOCKED : RACED;
	}
	return status;
}

static void pick(struct some *some, struct item *items, size_t count, enum remedy remedy,
		 bool with_error)
{
	some->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (items[i].taking == TAKEN && items[i].judged->verdict.remedy == remedy &&
		    items[i].t.has_error == with_error) {
			some->items[some->count++] = &items[i];
		}
	}
}

/* One change of the rows that have the same remedy; what belongs to it only for those that it changed. */
static enum reclaim_status change_some(struct pass *pass, const struct planned_change *remedy,
				       bool with_error, const struct some *some)
{
	int64_t changed[TAKE_BATCH];
	struct some taken = { .count = 0 }, missed = { .count = 0 };
	enum reclaim_status status = run_some(pass, &remedy->update[with_error], some, changed);
	for (size_t i = 0; !status && i < some->count; i++) {
		struct some *to = changed[i] == 1 ? &taken : &missed;
		to->items[to->count++] = some->items[i];
		if (changed[i] > 1) { /* I4: a change that no audit row can tell of is none */
			status = fail(pass->error, RECLAIM_INVALID,
				      "its key stands for %lld rows of '%s'",
				      (long long)changed[i], pass->ledger->profile->table);
		}
	}
	if (!status) {
		status = tell_locked(pass, &missed);
	}
	return status ? status : run_all(pass, remedy->also, remedy->also_count, &taken);
}

/* Tells the host's workers, once: where the statement has anything to tell them by. */
static enum reclaim_status wake(struct pass *pass, struct item *items, size_t count)
{
	const struct inputs none = { 0 };
	const struct inputs *const inputs[] = { &none };
	int64_t unwanted;
	bool requeued = false;
	for (size_t i = 0; i < count; i++) {
		requeued |= items[i].taking == TAKEN &&
			    items[i].judged->verdict.remedy == REMEDY_REQUEUE;
	}
	return requeued && pass->plan->wake.statement.sql
		       ? planned_run_many(pass->ledger->db, &pass->plan->wake, inputs, 1,
					  &unwanted, pass->error)
		       : RECLAIM_OK;
}

static enum reclaim_status change_all(struct pass *pass, struct item *items, size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	struct some some;
	for (int remedy = REMEDY_REPORT + 1; !status && remedy < REMEDY_COUNT; remedy++) {
		for (int with_error = 0; !status && with_error < 2; with_error++) {
			pick(&some, items, count, (enum remedy)remedy, with_error);
			status = change_some(pass, &pass->plan->remedies[remedy], with_error,
					     &some);
		}
	}
	return status;
}

/* The host's audit and ours, in the order of the rows. */
static enum reclaim_status audit_all(struct pass *pass, struct item *items, size_t count)
{
	struct some taken = { .count = 0 };
	struct event events[TAKE_BATCH];
	for (size_t i = 0; i < count; i++) {
		if (items[i].taking == TAKEN &&
		    items[i].judged->verdict.remedy != REMEDY_REPORT) {
			fill_event(pass, &items[i], &events[taken.count]);
			taken.items[taken.count++] = &items[i];
		}
	}
	enum reclaim_status status =
		run_all(pass, pass->plan->audit, pass->plan->audit_count, &taken);
	return status ? status
		      : ledger_audit_many(pass->ledger, events, taken.count, pass->error);
}

static enum reclaim_status take_items(struct pass *pass, struct item *items,
				      const struct judged *judged, size_t count)
{
	enum reclaim_status status = tell_all(pass, items, judged, count);
	for (size_t i = 0; !status && i < count; i++) {
		status = report_or_hold(pass, &items[i]);
	}
	if (!status) {
		status = change_all(pass, items, count);
	}
	status = status ? status : audit_all(pass, items, count);
	return status ? status : wake(pass, items, count);
}

/* ---- batches ---- */

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

static enum reclaim_status take_together(struct pass *pass, const struct judged *judged,
					 size_t count, enum taking *taken)
{
	struct item items[TAKE_BATCH] = { 0 };
	enum reclaim_status status = ledger_begin(pass->ledger, pass->error);
	if (status) {
		return status;
	}
	pass->batch++;
	status = take_items(pass, items, judged, count);
	for (size_t i = 0; i < count; i++) {
		taken[i] = items[i].taking;
		telling_finish(&items[i].t);
	}
	return ledger_end(pass->ledger, status, pass->error);
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
	return !ends_pass(status) ||
	       (status == RECLAIM_BUSY && pass->plan->locks_rows && pass->waits < WAITS_MAX &&
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
	if (error->status == RECLAIM_BUSY) {
		pass->result->locked++;
		pass->waits++;
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

enum reclaim_status take(struct pass *pass, const struct judged *items, size_t count)
{
	enum taking taken[TAKE_BATCH] = { 0 };
	struct reclaim_error why = { 0 };
	enum reclaim_status status = try_together(pass, items, count, taken, &why);
	if (!status) {
		return count_taken(pass, items, taken, count);
	}
	if (!is_some_rows(pass, status)) {
		return status;
	}
	for (size_t i = 0; i < count; i++) {
		status = take_alone(pass, &items[i]);
		if (status) {
			return status;
		}
	}
	return RECLAIM_OK;
}
