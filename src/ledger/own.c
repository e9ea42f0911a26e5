/* Handing in on our own ledger: read, decide, and one statement that matches id, token and state. */
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t parse_token(const char *token)
{
	char *end;
	errno = 0;
	long long number = *token >= '1' && *token <= '9' ? strtoll(token, &end, 10) : -1;
	return number < 0 || errno || *end ? -1 : number;
}

enum decision decide_handing_in(const struct held *held, enum act act, int64_t token)
{
	if (held->closed_token == token) {
		return string_equal(held->closed_as, act_word(act)) ? REPLAY : LOST;
	}
	bool late = act == ACT_COMPLETE &&
		    (held->state == STATE_READY || held->state == STATE_STUCK);
	return held->token == token && (held->state == STATE_RUNNING || late) ? ACCEPT : LOST;
}

static enum decision decide_operator(const struct held *held, enum act act)
{
	enum state to = act == ACT_RETRY ? STATE_READY : STATE_CANCELLED;
	switch (state_move(held->state, to, act, /* host= */ false)) {
	case MOVE_ALLOWED:
		return ACCEPT;
	case MOVE_REPLAY:
		return REPLAY;
	case MOVE_REFUSED:
		break;
	}
	return NOT_ALLOWED;
}

bool can_exist(const char *id)
{
	size_t size = strlen(id);
	return size <= OWN_ID_MAX && utf8_invalid_at(id, size) == size;
}

enum reclaim_status read_held(const struct value *row, const char *id, struct held *ret_held,
			      struct reclaim_error *error)
{
	struct held held = {
		.token = value_integer(&row[TASK_R_TOKEN], 0),
		.closed_token = value_integer(&row[TASK_R_CLOSED_TOKEN], 0),
		.closed_as = row[TASK_R_CLOSED_AS].data,
		.owner = row[TASK_R_OWNER].data,
		.attempts = value_integer(&row[TASK_R_ATTEMPTS], 0),
		.max_attempts = value_integer(&row[TASK_R_MAX_ATTEMPTS], 0),
		.recoveries = value_integer(&row[TASK_R_RECOVERIES], 0),
		.claimed_at = value_integer(&row[TASK_R_CLAIMED_AT], NO_TIME),
		.now = value_integer(&row[TASK_R_NOW], NO_TIME),
	};
	if (!state_parse(row[TASK_R_STATE].data, &held.state)) {
		return fail(error, RECLAIM_INTERNAL,
			    "task '%s' is in a state that is none: '%s'", id,
			    row[TASK_R_STATE].data);
	}
	*ret_held = held;
	return RECLAIM_OK;
}

enum reclaim_status not_found(const struct ledger *ledger, const char *id,
			      struct reclaim_error *error)
{
	struct text TEXT_CLEANUP shown = { 0 };
	text_add_visible(&shown, id, strlen(id));
	return fail(error, RECLAIM_NOT_FOUND, "no task '%s' in ledger '%s'",
		    text_string(&shown), ledger->profile->name);
}

static enum reclaim_status read_task(struct ledger *ledger, const char *id,
				     struct result *result, struct held *ret_held,
				     struct reclaim_error *error)
{
	const struct value params[TASK_PARAMS] = { [TASK_ID] = value_string(id) };
	enum reclaim_status status =
		can_exist(id) ? ledger_run(ledger, SQL_TASK, params, result, error)
			      : RECLAIM_OK;
	if (status) {
		return status;
	}
	return result->rows == 0 ? not_found(ledger, id, error)
				 : read_held(result_cell(result, 0, 0), id, ret_held, error);
}

enum reclaim_status lost(const char *id, const char *token, const struct held *held,
			 struct reclaim_error *error)
{
	if (held->state == STATE_RUNNING) {
		return fail(error, RECLAIM_LOST,
			    "the claim of task '%s' with token '%s' is lost: '%s' holds it now",
			    id, token, held->owner ? held->owner : "-");
	}
	return fail(error, RECLAIM_LOST,
		    "the claim of task '%s' with token '%s' is lost: the task is %s", id, token,
		    state_word(held->state));
}

/* One verb under way: what was asked, what the row said, and the statement that does it. */
struct doing {
	const char *id, *token, *reason;
	enum act act;
	enum state to;
	enum sql sql;
	const struct value *params; /* with a place for the state as read at state_at */
	int state_at;
};

void describe_hand_in(const char *id, enum act act, enum state to, const char *reason,
		      const struct held *held, struct event *ret_event)
{
	bool late = act == ACT_COMPLETE && held->state != STATE_RUNNING;
	*ret_event = (struct event){
		.task = id,
		.act = act_word(act),
		.from = held->state,
		.to = to,
		.owner = held->owner,
		.reason = late ? "handed in late, after its recovery and before another claim"
			       : reason,
		.age = held->claimed_at == NO_TIME ? NO_TIME : held->now - held->claimed_at,
		.attempts = held->attempts,
		.recoveries = held->recoveries,
	};
}

static enum reclaim_status audit(struct ledger *ledger, const struct doing *doing,
				 const struct held *held, struct reclaim_error *error)
{
	char token[24];
	struct event event;
	snprintf(token, sizeof(token), "%lld", (long long)held->token);
	describe_hand_in(doing->id, doing->act, doing->to, doing->reason, held, &event);
	event.token = token;
	return ledger_audit(ledger, &event, error);
}

/* Runs the statement with the state as read, and the audit; *ret_changed false: the task is not what was read. */
static enum reclaim_status carry_out(struct ledger *ledger, const struct doing *doing,
				     const struct held *held, int param_count,
				     bool *ret_changed, struct reclaim_error *error)
{
	struct value params[8];
	struct result RESULT_CLEANUP result = { 0 };
	memcpy(params, doing->params, sizeof(*params) * (size_t)param_count);
	params[doing->state_at] = value_string(state_word(held->state));
	enum reclaim_status status = ledger_run(ledger, doing->sql, params, &result, error);
	*ret_changed = !status && result.changed == 1;
	return *ret_changed ? audit(ledger, doing, held, error) : status;
}

/* One look at the task, and what it admits; *ret_done false: somebody else wrote it since. */
static enum reclaim_status look_and_close(struct ledger *ledger, const struct doing *doing,
					  int param_count, bool *ret_done,
					  struct reclaim_error *error)
{
	struct held held = { 0 };
	struct result RESULT_CLEANUP row = { 0 };
	enum reclaim_status status = read_task(ledger, doing->id, &row, &held, error);
	if (status) {
		return status;
	}
	enum decision decision =
		doing->token ? decide_handing_in(&held, doing->act, parse_token(doing->token))
			     : decide_operator(&held, doing->act);
	switch (decision) {
	case LOST:
		return lost(doing->id, doing->token, &held, error);
	case NOT_ALLOWED:
		return fail(error, RECLAIM_NOT_ALLOWED, "task '%s' is %s: %s is not allowed",
			    doing->id, state_word(held.state), act_word(doing->act));
	case REPLAY:
		*ret_done = true;
		return RECLAIM_OK;
	case ACCEPT:
		break;
	}
	return carry_out(ledger, doing, &held, param_count, ret_done, error);
}

/* A change that had to wait for somebody's lock may find another task than was read: that one gives the answer. */
static enum reclaim_status close_claim(struct ledger *ledger, const struct doing *doing,
				       int param_count, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_begin(ledger, error);
	if (status) {
		return status;
	}
	bool done = false;
	for (int look = 0; !status && !done && look < LOOKS_MAX; look++) {
		status = look_and_close(ledger, doing, param_count, &done, error);
	}
	if (!status && !done) {
		status = fail(error, RECLAIM_BUSY,
			      "task '%s' was changed by somebody else just now", doing->id);
	}
	return ledger_end(ledger, status, error);
}

static enum reclaim_status own_renew(struct ledger *ledger, const char *id, const char *token,
				     int64_t lease, const char *progress,
				     struct reclaim_error *error)
{
	const struct value params[RENEW_PARAMS] = {
		[RENEW_ID] = value_string(id),
		[RENEW_TOKEN] = value_int(parse_token(token)),
		[RENEW_LEASE] = lease ? value_int(lease) : value_null(),
		[RENEW_PROGRESS] = value_string(progress),
	};
	struct result RESULT_CLEANUP renewed = { 0 };
	struct result RESULT_CLEANUP row = { 0 };
	enum reclaim_status status =
		can_exist(id) ? ledger_run(ledger, SQL_RENEW, params, &renewed, error)
			      : RECLAIM_OK;
	if (status || renewed.rows == 1) {
		return status;
	}
	struct held held = { 0 };
	status = read_task(ledger, id, &row, &held, error);
	return status ? status : lost(id, token, &held, error);
}

static enum reclaim_status own_complete(struct ledger *ledger, const char *id,
					const char *token, const char *result,
					struct reclaim_error *error)
{
	const struct value params[COMPLETE_PARAMS] = {
		[COMPLETE_ID] = value_string(id),
		[COMPLETE_TOKEN] = value_int(parse_token(token)),
		[COMPLETE_RESULT] = value_string(result),
	};
	struct doing doing = { .id = id,
			       .token = token,
			       .act = ACT_COMPLETE,
			       .to = STATE_COMPLETED,
			       .sql = SQL_COMPLETE,
			       .params = params,
			       .state_at = COMPLETE_STATE };
	return close_claim(ledger, &doing, COMPLETE_PARAMS, error);
}

static enum reclaim_status own_fail(struct ledger *ledger, const char *id, const char *token,
				    const char *message, int64_t retry_in, bool no_retry,
				    struct reclaim_error *error)
{
	struct held held = { 0 };
	struct result RESULT_CLEANUP row = { 0 };
	enum reclaim_status status = read_task(ledger, id, &row, &held, error);
	if (status) {
		return status;
	}
	bool again = !no_retry && held.attempts < held.max_attempts;
	int64_t delay = retry_in >= 0 ? retry_in : backoff((int)held.attempts, &ledger->random);
	const struct value params[RESCHEDULE_PARAMS] = {
		[RESCHEDULE_ID] = value_string(id),
		[RESCHEDULE_TOKEN] = value_int(parse_token(token)),
		[RESCHEDULE_ERROR] = value_string(message),
		[RESCHEDULE_DELAY] = value_int(delay),
	};
	struct doing doing = { .id = id,
			       .token = token,
			       .reason = message,
			       .act = ACT_FAIL,
			       .to = again ? STATE_READY : STATE_FAILED,
			       .sql = again ? SQL_RESCHEDULE : SQL_FAIL,
			       .params = params,
			       .state_at = RESCHEDULE_STATE };
	return close_claim(ledger, &doing, RESCHEDULE_PARAMS, error);
}

/* `fail` and `reschedule` take the same parameters, and reschedule one more at the end. */
_Static_assert((int)FAIL_ID == RESCHEDULE_ID && (int)FAIL_TOKEN == RESCHEDULE_TOKEN &&
		       (int)FAIL_STATE == RESCHEDULE_STATE &&
		       (int)FAIL_ERROR == RESCHEDULE_ERROR,
	       "the contract of fail and reschedule");
_Static_assert((int)CLAIM_OWNER == CLAIM_QUEUE_OWNER && (int)CLAIM_LEASE == CLAIM_QUEUE_LEASE &&
		       (int)CLAIM_COUNT == CLAIM_QUEUE_COUNT &&
		       (int)CLAIM_R_DUE_AT == CLAIM_QUEUE_R_DUE_AT,
	       "the contract of claim and claim_queue");
_Static_assert((int)CLAIM_OWNER == CLAIM_ONE_OWNER && (int)CLAIM_LEASE == CLAIM_ONE_LEASE &&
		       (int)CLAIM_OWNER == CLAIM_QUEUE_ONE_OWNER &&
		       (int)CLAIM_LEASE == CLAIM_QUEUE_ONE_LEASE &&
		       (int)CLAIM_R_DUE_AT == CLAIM_ONE_R_DUE_AT &&
		       (int)CLAIM_R_DUE_AT == CLAIM_QUEUE_ONE_R_DUE_AT,
	       "the contract of claim and of claiming one");

static enum reclaim_status own_release(struct ledger *ledger, const char *id, const char *token,
				       struct reclaim_error *error)
{
	const struct value params[RELEASE_PARAMS] = {
		[RELEASE_ID] = value_string(id),
		[RELEASE_TOKEN] = value_int(parse_token(token)),
	};
	struct doing doing = { .id = id,
			       .token = token,
			       .act = ACT_RELEASE,
			       .to = STATE_READY,
			       .sql = SQL_RELEASE,
			       .params = params,
			       .state_at = RELEASE_STATE };
	return close_claim(ledger, &doing, RELEASE_PARAMS, error);
}

static enum reclaim_status own_retry(struct ledger *ledger, const char *id,
				     struct reclaim_error *error)
{
	const struct value params[RETRY_PARAMS] = { [RETRY_ID] = value_string(id) };
	struct doing doing = { .id = id,
			       .act = ACT_RETRY,
			       .to = STATE_READY,
			       .sql = SQL_RETRY,
			       .params = params,
			       .state_at = RETRY_STATE };
	return close_claim(ledger, &doing, RETRY_PARAMS, error);
}

static enum reclaim_status own_cancel(struct ledger *ledger, const char *id,
				      struct reclaim_error *error)
{
	const struct value params[CANCEL_PARAMS] = { [CANCEL_ID] = value_string(id) };
	struct doing doing = { .id = id,
			       .act = ACT_CANCEL,
			       .to = STATE_CANCELLED,
			       .sql = SQL_CANCEL,
			       .params = params,
			       .state_at = CANCEL_STATE };
	return close_claim(ledger, &doing, CANCEL_PARAMS, error);
}

const struct verbs own_verbs = {
	.claim = own_claim,
	.renew = own_renew,
	.complete = own_complete,
	.fail = own_fail,
	.release = own_release,
	.retry = own_retry,
	.cancel = own_cancel,
	.hand_in = own_hand_in,
};
