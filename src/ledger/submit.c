/* Submit: tasks for our own queue, many in one transaction, each told why it can't be. */
#include "clock.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const char *or_default(const char *string, const char *otherwise)
{
	return string ? string : otherwise;
}

static size_t id_size(const struct submission *s)
{
	return s->id_size ? s->id_size : strlen(s->id);
}

static enum reclaim_status check_submission(const struct submission *s,
					    struct reclaim_error *error)
{
	const char *queue = or_default(s->queue, "default"), *kind = or_default(s->kind, "");
	enum reclaim_status status = check_json("payload", s->payload, error);
	if (!status && s->id) {
		status = check_name("id", s->id, id_size(s), /* may_be_empty= */ false, error);
	}
	if (!status) {
		status = check_name("queue", queue, strlen(queue), /* may_be_empty= */ false,
				    error);
	}
	if (!status) {
		status =
			check_name("kind", kind, strlen(kind), /* may_be_empty= */ true, error);
	}
	if (!status && s->key) {
		status = check_name("key", s->key, strlen(s->key), /* may_be_empty= */ false,
				    error);
	}
	if (!status) {
		status = check_range("max_attempts", s->max_attempts, 1, 1000000, error);
	}
	if (!status) {
		status = check_range("priority", s->priority, INT32_MIN, INT32_MAX, error);
	}
	if (!status) {
		status = check_range("delay in microseconds", s->delay, 0, SPAN_MAX, error);
	}
	if (!status) {
		status = check_range("deadline in microseconds", s->deadline, 0, SPAN_MAX,
				     error);
	}
	return status;
}

static void submit_params(const struct submission *s, const char *id,
			  struct value ret_params[SUBMIT_PARAMS])
{
	const struct value params[SUBMIT_PARAMS] = {
		[SUBMIT_ID] = value_string(id),
		[SUBMIT_QUEUE] = value_string(or_default(s->queue, "default")),
		[SUBMIT_KIND] = value_string(or_default(s->kind, "")),
		[SUBMIT_PAYLOAD] = value_string(s->payload),
		[SUBMIT_KEY] = value_string(s->key),
		[SUBMIT_DELAY] = value_int(s->delay),
		[SUBMIT_DEADLINE] = s->deadline ? value_int(s->deadline) : value_null(),
		[SUBMIT_MAX_ATTEMPTS] = value_int(s->max_attempts),
		[SUBMIT_PRIORITY] = value_int(s->priority),
	};
	memcpy(ret_params, params, sizeof(params));
}

/* The task that has the submission's key already. */
static enum reclaim_status known_id(struct ledger *ledger, const struct submission *s,
				    char (*ret_id)[RECLAIM_ID_SIZE],
				    struct reclaim_error *error)
{
	struct result RESULT_CLEANUP known = { 0 };
	const struct value params[SUBMIT_KNOWN_PARAMS] = {
		[SUBMIT_KNOWN_QUEUE] = value_string(or_default(s->queue, "default")),
		[SUBMIT_KNOWN_KEY] = value_string(s->key),
	};
	enum reclaim_status status =
		ledger_run(ledger, SQL_SUBMIT_KNOWN, params, &known, error);
	if (!status && known.rows == 0) {
		return fail(error, RECLAIM_INTERNAL, "the new task came back without an id");
	}
	if (!status) {
		snprintf(*ret_id, sizeof(*ret_id), "%s",
			 result_cell(&known, 0, SUBMIT_KNOWN_R_ID)->data);
	}
	return status;
}

/* So many in one call of the engine. */
#define SUBMIT_BATCH 500

/* In the open transaction. Without an id of its own a task gets a new one, in ret_ids already. */
static enum reclaim_status submit_some(struct ledger *ledger,
				       const struct submission *submissions, size_t count,
				       char (*ret_ids)[RECLAIM_ID_SIZE],
				       struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct value *params = arena_take(&arena, count * SUBMIT_PARAMS * sizeof(*params));
	int64_t made[SUBMIT_BATCH];
	if (!params) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; i < count; i++) {
		if (submissions[i].id) {
			snprintf(ret_ids[i], sizeof(ret_ids[i]), "%s", submissions[i].id);
		} else {
			uuid_v7(&ledger->random, machine_now(), ret_ids[i]);
		}
		submit_params(&submissions[i], ret_ids[i], params + i * SUBMIT_PARAMS);
	}
	enum reclaim_status status =
		ledger_run_many(ledger, SQL_SUBMIT, params, count, made, error);
	for (size_t i = 0; !status && i < count; i++) {
		status = made[i] ? RECLAIM_OK
				 : known_id(ledger, &submissions[i], &ret_ids[i], error);
	}
	return status;
}

/* All of them in one transaction, so many at a time; *ret_done: before the ones that failed. */
static enum reclaim_status submit_all(struct ledger *ledger,
				      const struct submission *submissions, size_t count,
				      size_t at_once, char (*ret_ids)[RECLAIM_ID_SIZE],
				      size_t *ret_done, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_begin(ledger, error);
	size_t done = 0;
	if (status) {
		return status;
	}
	while (!status && done < count) {
		size_t some = count - done < at_once ? count - done : at_once;
		status = submit_some(ledger, submissions + done, some, ret_ids + done, error);
		done += status ? 0 : some;
	}
	*ret_done = done;
	return ledger_end(ledger, status, error);
}

/* A constraint's failure in the engine's words becomes ours when it is an id that exists, or that an earlier one has. */
static void explain_refusal(struct ledger *ledger, const struct submission *submissions,
			    size_t bad, struct reclaim_error *error)
{
	struct result RESULT_CLEANUP row = { 0 };
	struct reclaim_error ignored;
	const char *id = submissions[bad].id;
	const struct value params[TASK_PARAMS] = { [TASK_ID] = value_string(id) };
	bool exists = id && !ledger_run(ledger, SQL_TASK, params, &row, &ignored) && row.rows;
	for (size_t i = 0; id && !exists && i < bad; i++) {
		exists = string_equal(submissions[i].id, id);
	}
	if (exists) {
		fail(error, RECLAIM_INVALID,
		     "id '%s' exists already; allowed: an id that is new", id);
	}
}

enum reclaim_status verb_submit(struct ledger *ledger, const struct submission *submissions,
				size_t count, char (*ret_ids)[RECLAIM_ID_SIZE], size_t *ret_bad,
				struct reclaim_error *error)
{
	enum reclaim_status status = ledger->profile->native
					     ? ledger_plan(ledger, error)
					     : fail(error, RECLAIM_UNSUPPORTED,
						    "submit is not supported on ledger '%s': "
						    "its own program adds its tasks",
						    ledger->profile->name);
	for (size_t i = 0; !status && i < count; i++) {
		status = check_submission(&submissions[i], error);
		*ret_bad = status ? i : *ret_bad;
	}
	if (status) {
		return status;
	}
	size_t done = 0;
	status = submit_all(ledger, submissions, count, SUBMIT_BATCH, ret_ids, &done, error);
	if (status == RECLAIM_INVALID && count > 1) {
		/* Once more one by one, to find the one that is wrong. */
		status = submit_all(ledger, submissions, count, 1, ret_ids, &done, error);
	}
	if (status == RECLAIM_INVALID && done < count) {
		*ret_bad = done;
		explain_refusal(ledger, submissions, done, error);
	}
	return status;
}
