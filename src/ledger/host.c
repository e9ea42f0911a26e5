/* Handing in on a host's ledger, as its profile spells the verbs: read the row, compare the token, compare-and-set. */
#include "host.h"

#include <string.h>

/* One verb under way on one row. */
struct doing {
	enum verb verbs[2]; /* the first that changes the row counts; VERB_COUNT: no second */
	const char *id, *token; /* token NULL: an operator's */
	enum act act;           /* ACT_COUNT: none that the audit tells of */
	struct value error, result, progress;
	const char *reason;
	int64_t lease, retry;
};

static enum reclaim_status audit(struct ledger *ledger, const struct doing *doing,
				 const struct change *change, const struct value *row,
				 struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	struct text TEXT_CLEANUP owner = { 0 };
	if (doing->act == ACT_COUNT) {
		return RECLAIM_OK;
	}
	row_print_owner(&owner, plan, row);
	int64_t claimed = row_time(plan, row, SIGNAL_CLAIMED);
	const struct event event = {
		.task = doing->id,
		.act = act_word(doing->act),
		.from = row_state(plan, row),
		.to = change->to,
		.from_native = row_native(plan, row),
		.to_native = plan_native_after(plan, change),
		.owner = owner.size ? text_string(&owner) : NULL,
		.token = doing->token,
		.reason = doing->reason,
		.age = claimed == NO_TIME ? NO_TIME : row_now(row) - claimed,
		.attempts = row_number(plan, row, ROLE_ATTEMPTS, -1),
		.recoveries = row_number(plan, row, ROLE_RECOVERIES, -1),
	};
	return ledger_audit(ledger, &event, error);
}

static bool token_matches(const struct plan *plan, const struct value *row, const char *token)
{
	struct text TEXT_CLEANUP held = { 0 };
	row_print_token(&held, plan, row);
	return !token || string_equal(text_string(&held), token);
}

/* A hand-in that clears part of the token, or ends the row, leaves its memory in the audit: its replay is no loss. */
static enum reclaim_status was_told(struct ledger *ledger, const struct doing *doing,
				    bool *ret_told, struct reclaim_error *error)
{
	*ret_told = false;
	return doing->act == ACT_COUNT
		       ? RECLAIM_OK
		       : ledger_told(ledger, doing->id, act_word(doing->act), /* rule= */ NULL,
				     doing->token, ret_told, error);
}

static enum reclaim_status admit_other_token(struct ledger *ledger, const struct doing *doing,
					     const char *native, bool *ret_replay,
					     struct reclaim_error *error)
{
	enum reclaim_status status = was_told(ledger, doing, ret_replay, error);
	return status || *ret_replay
		       ? status
		       : fail(error, RECLAIM_LOST,
			      "the claim of task '%s' with token '%s' is lost: the task is "
			      "'%s' and not under that token",
			      doing->id, doing->token, native ? native : "-");
}

/* Whether the row may take this verb. *ret_replay: it is done already. */
static enum reclaim_status admit(struct ledger *ledger, const struct doing *doing,
				 const struct change *change, const struct value *row,
				 bool *ret_replay, struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	const char *native = row_native(plan, row);
	enum state state = row_state(plan, row);
	*ret_replay = false;
	if (!token_matches(plan, row, doing->token)) {
		return admit_other_token(ledger, doing, native, ret_replay, error);
	}
	if (change->from & STATE_BIT(state)) {
		return RECLAIM_OK;
	}
	*ret_replay = change->to != STATE_NONE && state == change->to;
	return *ret_replay ? RECLAIM_OK
			   : fail(error, RECLAIM_NOT_ALLOWED,
				  "task '%s' is '%s': %s is not allowed", doing->id,
				  native ? native : "-", verb_name(doing->verbs[0]));
}

/* Before the next attempt, where nobody says: the profile's own backoff, or ours. */
static int64_t wait_of(struct ledger *ledger, const struct value *row)
{
	int64_t attempts = row_number(ledger->plan, row, ROLE_ATTEMPTS, 1);
	int64_t tries = row_number(ledger->plan, row, ROLE_TRIES, attempts);
	return ledger->profile->backoff.present
		       ? backoff_of(&ledger->profile->backoff, tries, &ledger->random)
		       : backoff(attempts > 0 ? (int)attempts : 1, &ledger->random);
}

/* An error as the host keeps it: text, or an object. False: no memory. */
static bool error_value(const struct ledger *ledger, const struct doing *doing,
			const struct value *row, struct text *entry, struct value *ret_value)
{
	const struct plan *plan = ledger->plan;
	struct text TEXT_CLEANUP owner = { 0 };
	*ret_value = doing->error;
	if (ledger->profile->error_entry_count == 0 || doing->error.type != VALUE_TEXT) {
		return true;
	}
	row_print_owner(&owner, plan, row);
	const struct message_facts facts = {
		.id = doing->id,
		.owner = owner.size ? text_string(&owner) : NULL,
		.kind = row_text(plan, row, ROLE_KIND),
		.queue = row_text(plan, row, ROLE_QUEUE),
		.age = NO_TIME,
		.threshold = NO_TIME,
		.last_seen = NO_TIME,
		.deadline = row_time(plan, row, SIGNAL_DEADLINE),
		.attempts = row_number(plan, row, ROLE_ATTEMPTS, -1),
		.max_attempts = row_number(plan, row, ROLE_MAX_ATTEMPTS, -1),
		.recoveries = row_number(plan, row, ROLE_RECOVERIES, -1),
		.count = -1,
		.other = -1,
		.error = doing->error.data,
		.at = row_now(row),
		.format = TIME_RFC3339,
	};
	profile_error_entry(entry, ledger->profile, &facts);
	*ret_value = value_bytes(VALUE_TEXT, text_string(entry), entry->size);
	return !owner.failed && !entry->failed;
}

/* *ret_changed false: somebody else wrote the row since it was read. */
static enum reclaim_status change_row(struct ledger *ledger, const struct doing *doing,
				      const struct value *row, bool *ret_changed,
				      struct reclaim_error *error)
{
	struct inputs inputs;
	host_inputs(ledger, row, doing->id, &inputs);
	struct text TEXT_CLEANUP entry = { 0 };
	if (!error_value(ledger, doing, row, &entry, &inputs.named[INPUT_ERROR])) {
		return fail_no_memory(error);
	}
	inputs.named[INPUT_REASON] = doing->error;
	inputs.named[INPUT_RESULT] = doing->result;
	inputs.named[INPUT_PROGRESS] = doing->progress;
	inputs.named[INPUT_RETRY] =
		value_int(doing->retry >= 0 ? doing->retry : wait_of(ledger, row));
	if (doing->lease > 0) {
		inputs.named[INPUT_LEASE] = value_int(doing->lease);
	}
	*ret_changed = false;
	for (size_t i = 0; i < 2 && doing->verbs[i] != VERB_COUNT; i++) {
		const struct planned_change *planned = host_planned(ledger, doing->verbs[i]);
		enum reclaim_status status =
			!planned ? RECLAIM_OK
				 : host_change(ledger, planned, &inputs,
					       !value_is_null(&doing->error), ret_changed,
					       error);
		if (status || *ret_changed) {
			return status ? status
				      : audit(ledger, doing, planned->change, row, error);
		}
	}
	return RECLAIM_OK;
}

/* Whether a claim's row may be gone because the claim has ended. */
static bool ends_rows(const struct ledger *ledger)
{
	bool ends = false;
	for (int i = 0; i < REMEDY_COUNT; i++) {
		const struct change *change = ledger->plan->remedies[i].change;
		ends |= change && (change->remove || change->call);
	}
	for (int i = 0; i < VERB_COUNT; i++) {
		const struct change *change = ledger->plan->verbs[i].change;
		ends |= change && (change->remove || change->call);
	}
	return ends;
}

/* A claim whose row is gone: by this very hand-in, which is told again, or it is lost. */
static enum reclaim_status admit_no_row(struct ledger *ledger, const struct doing *doing,
					bool *ret_replay, struct reclaim_error *error)
{
	enum reclaim_status status = was_told(ledger, doing, ret_replay, error);
	return status || *ret_replay
		       ? status
		       : fail(error, RECLAIM_LOST,
			      "the claim of task '%s' with token '%s' is lost: its row is gone",
			      doing->id, doing->token);
}

/* One look at the row, and the change that it admits. */
static enum reclaim_status look_and_change(struct ledger *ledger, const struct doing *doing,
					   enum verb last, bool *ret_done,
					   struct reclaim_error *error)
{
	struct result RESULT_CLEANUP row = { 0 };
	bool replay = false;
	enum reclaim_status status = ledger_read(ledger, doing->id, &row, error);
	if (status == RECLAIM_NOT_FOUND && doing->token && ends_rows(ledger)) {
		status = admit_no_row(ledger, doing, &replay, error);
	} else if (!status) {
		status = admit(ledger, doing, host_planned(ledger, last)->change,
			       result_cell(&row, 0, 0), &replay, error);
	}
	if (status || replay) {
		*ret_done = replay;
		return status;
	}
	return change_row(ledger, doing, result_cell(&row, 0, 0), ret_done, error);
}

/* A change that had to wait for somebody's lock may find another row than was read: that one gives the answer. */
static enum reclaim_status hand_in(struct ledger *ledger, const struct doing *doing,
				   struct reclaim_error *error)
{
	enum verb last = doing->verbs[1] == VERB_COUNT ? doing->verbs[0] : doing->verbs[1];
	if (!host_planned(ledger, last)) {
		return host_unsupported(ledger, last, error);
	}
	enum reclaim_status status = ledger_make_host_tables(ledger, error);
	if (!status) {
		status = ledger_begin(ledger, error);
	}
	if (status) {
		return status;
	}
	bool done = false;
	for (int look = 0; !status && !done && look < LOOKS_MAX; look++) {
		status = look_and_change(ledger, doing, last, &done, error);
	}
	if (!status && !done) {
		status = fail(error, RECLAIM_BUSY,
			      "task '%s' was changed by somebody else just now", doing->id);
	}
	return ledger_end(ledger, status, error);
}

/* Where the profile's renewal is the worker's own row, the owner beats; else the task's columns are written. */
static enum reclaim_status host_renew(struct ledger *ledger, const char *id, const char *token,
				      int64_t lease, const char *progress,
				      struct reclaim_error *error)
{
	struct doing doing = { .verbs = { VERB_RENEW, VERB_COUNT },
			       .id = id,
			       .token = token,
			       .act = ACT_COUNT,
			       .progress = value_string(progress),
			       .lease = lease };
	enum reclaim_status status = hand_in(ledger, &doing, error);
	if (status || !ledger->plan->has_worker_beat) {
		return status;
	}
	struct result RESULT_CLEANUP row = { 0 };
	struct text TEXT_CLEANUP owner = { 0 };
	status = ledger_read(ledger, id, &row, error);
	if (status) {
		return status;
	}
	row_print_owner(&owner, ledger->plan, result_cell(&row, 0, 0));
	return owner.size ? verb_beat(ledger, text_string(&owner), /* status= */ NULL, error)
			  : RECLAIM_OK;
}

static enum reclaim_status host_complete(struct ledger *ledger, const char *id,
					 const char *token, const char *result,
					 struct reclaim_error *error)
{
	size_t size = result ? strlen(result) : 0, most = (size_t)ledger->profile->result_bytes;
	const struct doing doing = {
		.verbs = { VERB_COMPLETE, VERB_COUNT },
		.id = id,
		.token = token,
		.act = ACT_COMPLETE,
		.result = !result ? value_null()
				  : value_bytes(VALUE_TEXT, result,
						most ? utf8_cut(result, size, most) : size)
	};
	return hand_in(ledger, &doing, error);
}

static enum reclaim_status host_fail(struct ledger *ledger, const char *id, const char *token,
				     const char *message, int64_t retry_in, bool no_retry,
				     struct reclaim_error *error)
{
	struct doing doing = { .verbs = { VERB_RESCHEDULE, VERB_FAIL },
			       .id = id,
			       .token = token,
			       .act = ACT_FAIL,
			       .error = value_string(message),
			       .reason = message,
			       .retry = retry_in };
	if (no_retry || !host_planned(ledger, VERB_RESCHEDULE)) {
		doing.verbs[0] = VERB_FAIL;
		doing.verbs[1] = VERB_COUNT;
	}
	return hand_in(ledger, &doing, error);
}

static enum reclaim_status host_release(struct ledger *ledger, const char *id,
					const char *token, struct reclaim_error *error)
{
	const struct doing doing = { .verbs = { VERB_RELEASE, VERB_COUNT },
				     .id = id,
				     .token = token,
				     .act = ACT_RELEASE };
	return hand_in(ledger, &doing, error);
}

static enum reclaim_status host_retry(struct ledger *ledger, const char *id,
				      struct reclaim_error *error)
{
	const struct doing doing = { .verbs = { VERB_RETRY, VERB_COUNT },
				     .id = id,
				     .act = ACT_RETRY };
	return hand_in(ledger, &doing, error);
}

static enum reclaim_status host_cancel(struct ledger *ledger, const char *id,
				       struct reclaim_error *error)
{
	const struct doing doing = { .verbs = { VERB_CANCEL, VERB_COUNT },
				     .id = id,
				     .act = ACT_CANCEL };
	return hand_in(ledger, &doing, error);
}

const struct verbs host_verbs = {
	.claim = host_claim,
	.renew = host_renew,
	.complete = host_complete,
	.fail = host_fail,
	.release = host_release,
	.retry = host_retry,
	.cancel = host_cancel,
};
