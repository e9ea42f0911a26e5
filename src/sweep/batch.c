/*
 * A batch in its transaction: the row that carries the signal first, then the tasks, then what tells of them; each step is
 * one statement for many rows.
 */
#include "batch.h"

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

enum reclaim_status take_together(struct pass *pass, const struct judged *judged, size_t count,
				  enum taking *ret_taken)
{
	struct item items[TAKE_BATCH] = { 0 };
	enum reclaim_status status = pass->brief ? ledger_begin_brief(pass->ledger, pass->error)
						 : ledger_begin(pass->ledger, pass->error);
	if (status) {
		return status;
	}
	pass->batch++;
	status = take_items(pass, items, judged, count);
	for (size_t i = 0; i < count; i++) {
		ret_taken[i] = items[i].taking;
		telling_finish(&items[i].t);
	}
	return ledger_end(pass->ledger, status, pass->error);
}
