/* Many hand-ins at once on our own ledger: one look at all of them, one statement for each verb, one for the audit. */
#include "own.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many in one look. */
#define TOGETHER 500
#define PARAMS_MAX 5

/* One hand-in on its way. */
struct one {
	const struct handing *handing;
	enum reclaim_status *status;
	int64_t token;
	char token_text[24]; /* as the audit has it */
	bool found;
	struct held held;
	bool pending; /* `sql` with `params` is to be run, and tells whether the claim is still held */
	bool changed;
	enum sql sql;
	struct value params[PARAMS_MAX];
	enum state to;
};

static const enum sql changes[] = { SQL_RENEW, SQL_COMPLETE, SQL_FAIL, SQL_RESCHEDULE,
				    SQL_RELEASE };

/* ---- the look ---- */

static int by_id(const void *a, const void *b)
{
	const struct one *const *x = a, *const *y = b;
	return strcmp((*x)->handing->id, (*y)->handing->id);
}

static int id_of(const void *id, const void *one)
{
	return strcmp(id, (*(const struct one *const *)one)->handing->id);
}

static enum reclaim_status match(struct one **sorted, size_t count, const struct value *row,
				 struct reclaim_error *error)
{
	const char *id = row[TASKS_R_ID].data;
	struct one **one = bsearch(id, sorted, count, sizeof(struct one *), id_of);
	if (!one) {
		return RECLAIM_OK;
	}
	(*one)->found = true;
	return read_held(row + 1, id, &(*one)->held, error);
}

/* A row of `tasks` is a row of `task` behind its id. */
_Static_assert((int)TASKS_R_ID == 0 && (int)TASKS_R_STATE == (int)TASK_R_STATE + 1 &&
		       (int)TASKS_R_NOW == (int)TASK_R_NOW + 1 &&
		       (int)TASKS_COLUMNS == (int)TASK_COLUMNS + 1,
	       "the contract of task and tasks");

/* What the rows say belongs to `rows`. */
static enum reclaim_status look(struct ledger *ledger, struct one *ones, size_t count,
				struct result *rows, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP ids = { 0 };
	struct json json = { .out = &ids };
	struct one *sorted[TOGETHER];
	json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		sorted[i] = &ones[i];
		if (can_exist(ones[i].handing->id)) {
			json_string(&json, NULL, ones[i].handing->id);
		}
	}
	json_close(&json, ']');
	qsort(sorted, count, sizeof(struct one *), by_id);
	const struct value params[TASKS_PARAMS] = {
		[TASKS_IDS] = value_bytes(VALUE_TEXT, text_string(&ids), ids.size),
	};
	enum reclaim_status status =
		ids.failed ? fail_no_memory(error)
			   : ledger_run(ledger, SQL_TASKS, params, rows, error);
	for (size_t i = 0; !status && i < rows->rows; i++) {
		status = match(sorted, count, result_cell(rows, i, 0), error);
	}
	return status;
}

/* ---- the decision ---- */

static enum act act_of(enum verb verb)
{
	return verb == VERB_COMPLETE ? ACT_COMPLETE
	       : verb == VERB_FAIL   ? ACT_FAIL
				     : ACT_RELEASE;
}

static void plan_renewal(struct one *one)
{
	const struct handing *h = one->handing;
	one->sql = SQL_RENEW;
	one->params[RENEW_LEASE] = h->time ? value_int(h->time) : value_null();
	one->params[RENEW_PROGRESS] = value_string(h->text);
}

static void plan_failure(struct ledger *ledger, struct one *one)
{
	const struct handing *h = one->handing;
	int attempts = (int)one->held.attempts;
	bool again = !h->no_retry && one->held.attempts < one->held.max_attempts;
	int64_t delay = h->time >= 0 ? h->time : backoff(attempts, &ledger->random);
	one->sql = again ? SQL_RESCHEDULE : SQL_FAIL;
	one->to = again ? STATE_READY : STATE_FAILED;
	one->params[RESCHEDULE_ERROR] = value_string(h->text);
	one->params[RESCHEDULE_DELAY] = value_int(delay);
}

_Static_assert((int)COMPLETE_ID == RENEW_ID && (int)FAIL_ID == RENEW_ID &&
		       (int)RESCHEDULE_ID == RENEW_ID && (int)RELEASE_ID == RENEW_ID &&
		       (int)COMPLETE_TOKEN == RENEW_TOKEN && (int)FAIL_TOKEN == RENEW_TOKEN &&
		       (int)RESCHEDULE_TOKEN == RENEW_TOKEN &&
		       (int)RELEASE_TOKEN == RENEW_TOKEN,
	       "a hand-in's id and token come first");
_Static_assert((int)FAIL_STATE == COMPLETE_STATE && (int)RESCHEDULE_STATE == COMPLETE_STATE &&
		       (int)RELEASE_STATE == COMPLETE_STATE,
	       "… and then, but for a renewal, the state as read");

/* The statement that will tell. */
static void plan_change(struct ledger *ledger, struct one *one)
{
	one->pending = true;
	one->params[RENEW_ID] = value_string(one->handing->id);
	one->params[RENEW_TOKEN] = value_int(one->token);
	if (one->handing->verb == VERB_RENEW) {
		plan_renewal(one);
		return;
	}
	one->params[COMPLETE_STATE] = value_string(state_word(one->held.state));
	if (one->handing->verb == VERB_FAIL) {
		plan_failure(ledger, one);
	} else if (one->handing->verb == VERB_COMPLETE) {
		one->sql = SQL_COMPLETE;
		one->to = STATE_COMPLETED;
		one->params[COMPLETE_RESULT] = value_string(one->handing->text);
	} else {
		one->sql = SQL_RELEASE;
		one->to = STATE_READY;
	}
}

static void decide(struct ledger *ledger, struct one *one, struct reclaim_error *error)
{
	const struct handing *h = one->handing;
	one->token = parse_token(h->token);
	if (!one->found) {
		*one->status = not_found(ledger, h->id, error);
		return;
	}
	bool held = one->held.token == one->token && one->held.state == STATE_RUNNING;
	enum decision decision =
		h->verb == VERB_RENEW
			? (held ? ACCEPT : LOST)
			: decide_handing_in(&one->held, act_of(h->verb), one->token);
	*one->status = RECLAIM_OK;
	if (decision == ACCEPT) {
		plan_change(ledger, one);
	} else if (decision != REPLAY) {
		*one->status = lost(h->id, h->token, &one->held, error);
	}
}

/* ---- the changes, and what tells of them ---- */

static enum reclaim_status change(struct ledger *ledger, enum sql sql, int param_count,
				  struct one *ones, size_t count, struct reclaim_error *error)
{
	struct value params[TOGETHER * PARAMS_MAX];
	int64_t changed[TOGETHER];
	struct one *some[TOGETHER];
	size_t some_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (ones[i].pending && ones[i].sql == sql) {
			memcpy(params + some_count * (size_t)param_count, ones[i].params,
			       sizeof(*params) * (size_t)param_count);
			some[some_count++] = &ones[i];
		}
	}
	if (some_count == 0) {
		return RECLAIM_OK;
	}
	enum reclaim_status status =
		ledger_run_many(ledger, sql, params, some_count, changed, error);
	for (size_t i = 0; !status && i < some_count; i++) {
		some[i]->changed = changed[i] == 1;
		*some[i]->status = some[i]->changed ? RECLAIM_OK : RECLAIM_BUSY;
	}
	return status;
}

static enum reclaim_status change_all(struct ledger *ledger, struct one *ones, size_t count,
				      struct reclaim_error *error)
{
	static const int param_counts[] = { RENEW_PARAMS, COMPLETE_PARAMS, FAIL_PARAMS,
					    RESCHEDULE_PARAMS, RELEASE_PARAMS };
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < sizeof(changes) / sizeof(changes[0]); i++) {
		status = change(ledger, changes[i], param_counts[i], ones, count, error);
	}
	return status;
}

static enum reclaim_status audit_all(struct ledger *ledger, struct one *ones, size_t count,
				     struct reclaim_error *error)
{
	struct event events[TOGETHER];
	size_t told = 0;
	for (size_t i = 0; i < count; i++) {
		struct one *one = &ones[i];
		const struct handing *h = one->handing;
		if (!one->changed || h->verb == VERB_RENEW) {
			continue;
		}
		struct event *event = &events[told++];
		snprintf(one->token_text, sizeof(one->token_text), "%lld",
			 (long long)one->token);
		describe_hand_in(h->id, act_of(h->verb), one->to,
				 h->verb == VERB_FAIL ? h->text : NULL, &one->held, event);
		event->token = one->token_text;
	}
	return told ? ledger_audit_many(ledger, events, told, error) : RECLAIM_OK;
}

static enum reclaim_status hand_in_some(struct ledger *ledger, struct one *ones, size_t count,
					struct reclaim_error *error)
{
	struct result RESULT_CLEANUP rows = { 0 };
	enum reclaim_status status = look(ledger, ones, count, &rows, error);
	for (size_t i = 0; !status && i < count; i++) {
		decide(ledger, &ones[i], error);
	}
	if (!status) {
		status = change_all(ledger, ones, count, error);
	}
	return status ? status : audit_all(ledger, ones, count, error);
}

enum reclaim_status own_hand_in(struct ledger *ledger, const struct handing *handings,
				size_t count, enum reclaim_status *ret_statuses,
				struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t at = 0, some; !status && at < count; at += some) {
		struct arena ARENA_CLEANUP arena = { 0 };
		some = count - at < TOGETHER ? count - at : TOGETHER;
		struct one *ones = arena_take(&arena, some * sizeof(*ones));
		for (size_t i = 0; ones && i < some; i++) {
			ones[i].handing = &handings[at + i];
			ones[i].status = &ret_statuses[at + i];
		}
		status = ones ? hand_in_some(ledger, ones, some, error) : fail_no_memory(error);
	}
	return status;
}
