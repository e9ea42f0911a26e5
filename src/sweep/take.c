/* Compare-and-set: the row that carries the signal first, then the task, then what tells of it. */
#include "take.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is told of a task ---- */

static void message_facts(const struct pass *pass, const struct judged *judged, const char *id,
			  const char *owner, struct message_facts *ret)
{
	const struct facts *facts = &judged->facts;
	const struct finding *finding = &judged->verdict.finding;
	const struct profile *profile = pass->ledger->profile;
	bool by_worker = judged->verdict.rule->kind == RULE_WORKER;
	*ret = (struct message_facts){
		.id = id,
		.owner = owner,
		.kind = facts->kind,
		.queue = facts->queue,
		.rule = judged->verdict.rule->name,
		.age = finding->age,
		.threshold = finding->threshold == AFTER_NEVER ? 0 : finding->threshold,
		.last_seen = by_worker ? facts->worker_seen : finding->signal,
		.deadline = facts->times[SIGNAL_DEADLINE],
		.attempts = facts->attempts,
		.max_attempts = facts->max_attempts,
		.recoveries = facts->recoveries,
		.format = profile->time == TIME_NATIVE ? TIME_RFC3339 : profile->time,
	};
}

/* The texts of one task, rendered. */
struct telling {
	struct text id, owner, token, reason, error;
	bool has_error;
};

static void telling_finish(struct telling *t)
{
	text_finish(&t->id);
	text_finish(&t->owner);
	text_finish(&t->token);
	text_finish(&t->reason);
	text_finish(&t->error);
}

#define TELLING_CLEANUP __attribute__((cleanup(telling_finish)))

static bool tell(const struct pass *pass, const struct judged *judged, struct telling *t)
{
	const struct rule *rule = judged->verdict.rule;
	const char *error = judged->verdict.spent && rule->spent_error ? rule->spent_error : rule->error;
	struct message_facts facts;
	row_print_id(&t->id, pass->plan, judged->row);
	row_print_owner(&t->owner, pass->plan, judged->row);
	row_print_token(&t->token, pass->plan, judged->row);
	message_facts(pass, judged, text_string(&t->id), t->owner.size ? text_string(&t->owner) : NULL, &facts);
	bool spent = judged->verdict.spent;
	message_print(&t->reason, spent && rule->spent_reason ? rule->spent_reason : rule->reason, &facts);
	t->has_error = error != NULL;
	if (error) {
		message_print(&t->error, error, &facts);
	}
	return !t->id.failed && !t->owner.failed && !t->token.failed && !t->reason.failed && !t->error.failed;
}

static const char *native_of(const struct pass *pass, enum remedy remedy)
{
	enum state to = remedy_state(remedy);
	const char *native = pass->ledger->profile->remedies[remedy].native;
	return native ? native : to == STATE_NONE ? NULL : pass->ledger->profile->states[to].items[0];
}

static enum reclaim_status add_task(struct pass *pass, const struct judged *judged, const struct telling *t)
{
	const struct verdict *verdict = &judged->verdict;
	struct arena *arena = &pass->result->arena;
	struct swept_task *task = result_add_task(pass->result);
	if (!task) {
		return fail_no_memory(pass->error);
	}
	*task = (struct swept_task){
		.id = arena_string(arena, text_string(&t->id)),
		.rule = arena_string(arena, verdict->rule->name),
		.kind = judged->facts.kind ? arena_string(arena, judged->facts.kind) : NULL,
		.remedy = verdict->remedy,
		.from = judged->facts.state,
		.to = remedy_state(verdict->remedy),
		.from_native = arena_string(arena, row_native(pass->plan, judged->row)),
		.to_native = native_of(pass, verdict->remedy) ?
				     arena_string(arena, native_of(pass, verdict->remedy)) :
				     NULL,
		.owner = t->owner.size ? arena_string(arena, text_string(&t->owner)) : NULL,
		.token = pass->plan->token_count ? arena_string(arena, text_string(&t->token)) : NULL,
		.reason = arena_string(arena, text_string(&t->reason)),
		.age = verdict->finding.signal == NO_TIME ? NO_TIME : verdict->finding.age,
		.last_seen = verdict->finding.signal,
		.attempts = judged->facts.attempts,
		.recoveries = judged->facts.recoveries,
		.by_worker = verdict->rule->kind == RULE_WORKER,
	};
	return task->id && task->rule && task->reason ? RECLAIM_OK : fail_no_memory(pass->error);
}

enum reclaim_status record(struct pass *pass, const struct judged *judged)
{
	struct telling TELLING_CLEANUP t = { 0 };
	return tell(pass, judged, &t) ? add_task(pass, judged, &t) : fail_no_memory(pass->error);
}

/* ---- the worker first ---- */

/* The worker's cells of a task's row, as the worker's own statements want them. */
static void worker_row(const struct pass *pass, const struct value *row, struct value ret[5])
{
	const struct places *at = &pass->plan->at;
	const int cells[5] = { 0, at->worker_key, at->worker_seen, at->worker_lease, at->worker_state };
	for (int i = 0; i < 5; i++) {
		ret[i] = cells[i] < 0 ? value_null() : row[cells[i]];
	}
}

/* Writes the label (our own: ends the lease) if the row is still what was read; 0 rows: it beat meanwhile. */
static enum reclaim_status end_worker(struct pass *pass, const struct value *cells, bool has_label,
				      bool *ret_same)
{
	const struct inputs inputs = { .row = cells };
	struct result RESULT_CLEANUP result = { 0 };
	bool label = pass->plan->worker_has_label && !has_label;
	enum reclaim_status status =
		planned_run(pass->ledger->db, label ? &pass->plan->worker_end : &pass->plan->worker_same,
			    &inputs, &result, pass->error);
	*ret_same = label ? result.changed == 1 : result.rows == 1;
	return status;
}

static enum reclaim_status worker_absent(struct pass *pass, const struct judged *judged, bool *ret_same)
{
	struct value cells[5];
	struct result RESULT_CLEANUP result = { 0 };
	worker_row(pass, judged->row, cells);
	cells[WORKER_CELL_KEY] = judged->row[pass->plan->at.roles[ROLE_OWNER]];
	const struct inputs inputs = { .row = cells };
	enum reclaim_status status =
		planned_run(pass->ledger->db, &pass->plan->worker_any, &inputs, &result, pass->error);
	*ret_same = result.rows == 0;
	return status;
}

/* Rules by a worker's signals; what they take, its label tells of. */
static bool is_by_worker(enum rule_kind kind)
{
	return kind == RULE_WORKER || kind == RULE_LEASE || kind == RULE_EVIDENCE;
}

/*
 * I3: whether the worker's row is still what the verdict read, and its lease ended, so that it stays so. Any silence has
 * read it: its lease may be good (I7). A worker of ours that is lost or stopped never comes back, nor does a stranger
 * register under the name of a claim by hand: nothing to compare.
 */
static enum reclaim_status hold_worker(struct pass *pass, const struct judged *judged, const char *owner,
				       bool *ret_same)
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
		return facts->worker_terminal ? RECLAIM_OK : worker_absent(pass, judged, ret_same);
	}
	if (gone || (member && member->ended && facts->worker_terminal)) {
		return RECLAIM_OK;
	}
	struct value cells[5];
	worker_row(pass, judged->row, cells);
	bool has_label = facts->presence == WORKER_STALLED || (member && member->ended) ||
			 !is_by_worker(kind);
	return end_worker(pass, cells, has_label, ret_same);
}

/* ---- then the task ---- */

static void fill_inputs(const struct pass *pass, const struct judged *judged, const struct telling *t,
			struct inputs *inputs)
{
	*inputs = (struct inputs){ .row = judged->row };
	inputs->named[INPUT_ID] = value_bytes(VALUE_TEXT, text_string(&t->id), t->id.size);
	inputs->named[INPUT_OWNER] = pass->plan->at.roles[ROLE_OWNER] > 0 ?
					     judged->row[pass->plan->at.roles[ROLE_OWNER]] :
					     value_null();
	inputs->named[INPUT_REASON] = value_string(text_string(&t->reason));
	inputs->named[INPUT_ERROR] = t->has_error ? value_string(text_string(&t->error)) : value_null();
	inputs->named[INPUT_ATTEMPTS] = value_int(judged->facts.attempts);
	inputs->named[INPUT_RECOVERIES] = value_int(judged->facts.recoveries);
}

static enum reclaim_status run_all(struct pass *pass, const struct planned *list, size_t count,
				   const struct inputs *inputs)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		struct result RESULT_CLEANUP result = { 0 };
		status = planned_run(pass->ledger->db, &list[i], inputs, &result, pass->error);
	}
	return status;
}

static enum reclaim_status audit(struct pass *pass, const struct judged *judged, const struct telling *t)
{
	const struct verdict *verdict = &judged->verdict;
	const struct event event = {
		.task = text_string(&t->id),
		.act = verdict->remedy == REMEDY_REPORT	       ? "report" :
		       verdict->rule->kind == RULE_DEADLINE ? act_word(ACT_DEADLINE) :
								act_word(ACT_RECOVER),
		.rule = verdict->rule->name,
		.from = judged->facts.state,
		.to = verdict->remedy == REMEDY_REPORT ? judged->facts.state : remedy_state(verdict->remedy),
		.from_native = row_native(pass->plan, judged->row),
		.to_native = native_of(pass, verdict->remedy),
		.owner = t->owner.size ? text_string(&t->owner) : NULL,
		.token = pass->plan->token_count ? text_string(&t->token) : NULL,
		.reason = text_string(&t->reason),
		.age = verdict->finding.signal == NO_TIME ? NO_TIME : verdict->finding.age,
		.attempts = judged->facts.attempts,
		.recoveries = judged->facts.recoveries,
	};
	return ledger_audit(pass->ledger, &event, pass->error);
}

enum taking { TAKEN, RACED };

static enum reclaim_status change_task(struct pass *pass, const struct judged *judged, const struct telling *t,
				       enum taking *ret_taking)
{
	const struct planned_change *remedy = &pass->plan->remedies[judged->verdict.remedy];
	struct result RESULT_CLEANUP result = { 0 };
	struct inputs inputs;
	fill_inputs(pass, judged, t, &inputs);
	enum reclaim_status status = planned_run(pass->ledger->db, &remedy->update[t->has_error], &inputs,
						 &result, pass->error);
	*ret_taking = result.changed == 1 ? TAKEN : RACED;
	if (status || *ret_taking == RACED) {
		return status;
	}
	status = run_all(pass, remedy->also, remedy->also_count, &inputs);
	if (!status) {
		status = run_all(pass, pass->plan->audit, pass->plan->audit_count, &inputs);
	}
	return status ? status : audit(pass, judged, t);
}

/* One event for each claim, not for each pass: a claim is told by its token. */
static enum reclaim_status report_task(struct pass *pass, const struct judged *judged, const struct telling *t,
				       enum taking *ret_taking)
{
	bool told = false;
	*ret_taking = TAKEN;
	enum reclaim_status status =
		ledger_told(pass->ledger, text_string(&t->id), "report", judged->verdict.rule->name,
			    pass->plan->token_count ? text_string(&t->token) : NULL, &told, pass->error);
	return status || told ? status : audit(pass, judged, t);
}

static enum reclaim_status take_one(struct pass *pass, const struct judged *judged, enum taking *ret_taking)
{
	struct telling TELLING_CLEANUP t = { 0 };
	bool same;
	if (!tell(pass, judged, &t)) {
		return fail_no_memory(pass->error);
	}
	if (judged->verdict.remedy == REMEDY_REPORT) {
		return report_task(pass, judged, &t, ret_taking);
	}
	enum reclaim_status status = hold_worker(pass, judged, text_string(&t.owner), &same);
	if (!status && !same) {
		*ret_taking = RACED;
		return RECLAIM_OK;
	}
	return status ? status : change_task(pass, judged, &t, ret_taking);
}

/* ---- batches ---- */

static void count_remedy(struct sweep_result *result, enum remedy remedy)
{
	int64_t *const counts[REMEDY_COUNT] = {
		[REMEDY_REPORT] = &result->reported,
		[REMEDY_REQUEUE] = &result->requeued,
		[REMEDY_FAIL] = &result->failed,
		[REMEDY_STUCK] = &result->stuck,
	};
	++*counts[remedy];
}

static void mark_ended(struct pass *pass, const struct judged *judged)
{
	struct text TEXT_CLEANUP owner = { 0 };
	row_print_owner(&owner, pass->plan, judged->row);
	struct member *member = crowd_find(&pass->crowd, text_string(&owner));
	if (member && is_by_worker(judged->verdict.rule->kind) && judged->facts.presence == WORKER_ACTIVE) {
		member->ended = true;
	}
}

/* I10: counted after the commit. */
static enum reclaim_status count_taken(struct pass *pass, const struct judged *items, const enum taking *taken,
				       size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		if (taken[i] == RACED) {
			pass->result->lost_races++;
			continue;
		}
		count_remedy(pass->result, items[i].verdict.remedy);
		pass->room -= items[i].verdict.remedy != REMEDY_REPORT;
		mark_ended(pass, &items[i]);
		status = record(pass, &items[i]);
	}
	return status;
}

static enum reclaim_status take_together(struct pass *pass, const struct judged *items, size_t count,
					 enum taking *taken)
{
	enum reclaim_status status = ledger_begin(pass->ledger, pass->error);
	if (status) {
		return status;
	}
	for (size_t i = 0; !status && i < count; i++) {
		status = take_one(pass, &items[i], &taken[i]);
	}
	return ledger_end(pass->ledger, status, pass->error);
}

/* Failures of the database, not of a row. */
static bool ends_pass(enum reclaim_status status)
{
	return status == RECLAIM_BUSY || status == RECLAIM_UNAVAILABLE || status == RECLAIM_UNKNOWN ||
	       status == RECLAIM_NO_MEMORY || status == RECLAIM_INTERNAL;
}

/* The reason of a failure that is a row's stays with it; the pass's own error is for what ends the pass. */
static enum reclaim_status try_together(struct pass *pass, const struct judged *items, size_t count,
					enum taking *taken, struct reclaim_error *ret_why)
{
	struct reclaim_error *outer = pass->error;
	pass->error = ret_why;
	enum reclaim_status status = take_together(pass, items, count, taken);
	pass->error = outer;
	return ends_pass(status) ? fail(outer, status, "%s", ret_why->message) : status;
}

static enum reclaim_status name_problem(struct pass *pass, const struct judged *judged,
					const struct reclaim_error *error)
{
	struct text TEXT_CLEANUP id = { 0 };
	row_print_id(&id, pass->plan, judged->row);
	pass->result->errors++;
	return result_add_problem(pass->result, text_string(&id), error->message) ? RECLAIM_OK :
										   fail_no_memory(pass->error);
}

static enum reclaim_status take_alone(struct pass *pass, const struct judged *judged)
{
	struct reclaim_error why = { 0 };
	enum taking taking;
	enum reclaim_status status = try_together(pass, judged, 1, &taking, &why);
	if (!status) {
		return count_taken(pass, judged, &taking, 1);
	}
	return ends_pass(status) ? status : name_problem(pass, judged, &why);
}

enum reclaim_status take(struct pass *pass, const struct judged *items, size_t count)
{
	enum taking taken[TAKE_BATCH];
	struct reclaim_error why = { 0 };
	enum reclaim_status status = try_together(pass, items, count, taken, &why);
	if (!status) {
		return count_taken(pass, items, taken, count);
	}
	if (ends_pass(status)) {
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

/* ---- workers without claims to take ---- */

static enum reclaim_status end_one(struct pass *pass, struct member *member)
{
	bool same = false;
	enum reclaim_status status = ledger_begin(pass->ledger, pass->error);
	if (!status) {
		status = end_worker(pass, member->row, /* has_label= */ false, &same);
		status = ledger_end(pass->ledger, status, pass->error);
	}
	member->ended |= !status && same;
	return status;
}

enum reclaim_status end_idle_workers(struct pass *pass)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < pass->crowd.count; i++) {
		struct member *member = &pass->crowd.members[i];
		if (member->silent && !member->ended && !member->spared && pass->plan->worker_has_label &&
		    member->presence == WORKER_ACTIVE) {
			status = end_one(pass, member);
		}
	}
	return status;
}
