/* Names of columns and states, as data. */
#include "dictionary.h"

#include <ctype.h>
#include <string.h>

#define WORDS_MAX 18
#define NAME_MAX_SIZE 64

static const struct {
	const char *name;
	bool time;
	const char *words[WORDS_MAX]; /* the likeliest first */
} parts[PART_COUNT] = {
	[PART_STATE] = { "state",
			 false,
			 { "status", "state", "job_status", "task_status", "job_state",
			   "task_state", "run_status" } },
	[PART_OWNER] = { "owner",
			 false,
			 { "locked_by", "claimed_by", "owner", "owner_id", "worker_id",
			   "worker", "picked_by", "reserved_by", "leased_by", "lease_owner",
			   "lock_owner", "assigned_to", "processed_by", "executor_id",
			   "runner_id", "node", "host" } },
	[PART_CLAIMED] = { "claimed_at",
			   true,
			   { "claimed_at", "locked_at", "started_at", "reserved_at",
			     "picked_at", "attempted_at", "leased_at", "processing_started_at",
			     "processing_at", "run_started_at", "started_on", "started",
			     "begun_at", "dequeued_at", "taken_at" } },
	[PART_BEAT] = { "beat_at",
			true,
			{ "heartbeat_at", "last_heartbeat_at", "last_heartbeat", "heartbeat_on",
			  "heartbeat", "beat_at", "last_beat", "last_seen_at", "last_seen",
			  "last_ping_at", "last_ping", "ping" } },
	[PART_LEASE] = { "lease_until",
			 true,
			 { "lease_until", "lease_expires_at", "lease_expiry", "locked_until",
			   "lock_until", "lock_expires_at", "claim_expires_at", "claimed_until",
			   "reserved_until", "visible_after", "leased_until", "lock_expiry" } },
	[PART_DEADLINE] = { "deadline",
			    true,
			    { "deadline", "deadline_at", "timeout_at", "must_finish_by",
			      "due_by" } },
	[PART_ATTEMPTS] = { "attempts",
			    false,
			    { "attempts", "attempt", "attempt_count", "attempts_made", "tries",
			      "try_count", "retries", "retry_count", "num_attempts",
			      "failures" } },
	[PART_MAX_ATTEMPTS] = { "max_attempts",
				false,
				{ "max_attempts", "max_tries", "max_retries", "retry_limit",
				  "attempts_allowed" } },
	[PART_KIND] = { "kind",
			false,
			{ "kind", "task_type", "job_type", "type", "task_name", "job_name",
			  "job_class", "class_name", "task", "job", "name", "handler" } },
	[PART_QUEUE] = { "queue", false, { "queue", "queue_name", "channel", "topic" } },
	[PART_PAYLOAD] = { "payload",
			   false,
			   { "payload", "args", "arguments", "params", "parameters", "data",
			     "body", "input" } },
	[PART_RESULT] = { "result", false, { "result", "output", "return_value", "response" } },
	[PART_ERROR] = { "error",
			 false,
			 { "last_error", "error", "error_message", "error_details",
			   "error_text", "exception", "failure_reason", "failed_reason" } },
	[PART_PRIORITY] = { "priority", false, { "priority", "prio" } },
	[PART_DUE] = { "due_at",
		       true,
		       { "run_at", "scheduled_at", "available_at", "due_at", "run_after",
			 "next_run_at", "scheduled_for", "start_after", "not_before",
			 "process_at", "execution_time" } },
	[PART_CREATED] = { "created_at",
			   true,
			   { "created_at", "inserted_at", "enqueued_at", "queued_at",
			     "submitted_at", "created_on", "created", "date_created" } },
	[PART_UPDATED] = { "updated_at",
			   true,
			   { "updated_at", "modified_at", "last_modified", "updated_on",
			     "updated", "modified", "date_modified" } },
	[PART_FINISHED] = { "finished_at",
			    true,
			    { "finished_at", "completed_at", "ended_at", "done_at",
			      "finalized_at", "completed_on", "finished", "stopped_at" } },
};

static const char *const states[STATE_COUNT][WORDS_MAX] = {
	[STATE_READY] = { "pending", "queued", "ready", "available", "waiting", "new", "todo",
			  "to_do", "created", "scheduled", "enqueued", "open", "retry",
			  "retrying", "retryable", "submitted", "idle" },
	[STATE_RUNNING] = { "running", "in_progress", "processing", "active", "executing",
			    "started", "claimed", "working", "locked", "doing", "busy",
			    "reserved", "assigned", "dispatched", "picked", "leased" },
	[STATE_COMPLETED] = { "completed", "complete", "done", "finished", "succeeded",
			      "success", "successful", "ok", "processed", "closed" },
	[STATE_FAILED] = { "failed", "error", "errored", "failure", "dead", "discarded",
			   "expired", "timed_out", "timeout", "rejected" },
	[STATE_CANCELLED] = { "cancelled", "canceled", "aborted", "revoked", "skipped",
			      "deleted" },
	[STATE_STUCK] = { "stuck", "stalled" },
};

/* lockedAt, LockedAt, locked-at, LOCKED_AT and "locked at" are locked_at. */
static void normalize(const char *name, char out[NAME_MAX_SIZE])
{
	size_t size = 0;
	for (size_t i = 0; name[i] && size + 2 < NAME_MAX_SIZE; i++) {
		unsigned char c = (unsigned char)name[i];
		bool lower_before = i > 0 && (islower((unsigned char)name[i - 1]) ||
					      isdigit((unsigned char)name[i - 1]));
		if (isupper(c) && lower_before) {
			out[size++] = '_';
		}
		out[size++] = c == '-' || c == ' ' ? '_' : (char)tolower(c);
	}
	out[size] = '\0';
}

const char *part_name(enum part part)
{
	return parts[part].name;
}

bool part_is_time(enum part part)
{
	return parts[part].time;
}

/* A time is no flag, and a count no text. */
static bool can_be(const struct column *column, enum part part)
{
	bool flag = strncmp(column->type, "bool", 4) == 0 ||
		    string_equal(column->type, "tinyint(1)");
	bool counts =
		part == PART_ATTEMPTS || part == PART_MAX_ATTEMPTS || part == PART_PRIORITY;
	bool instant = column->kind == COLUMN_INSTANT || column->kind == COLUMN_ZONED;
	return !flag && !(counts && (instant || column->kind == COLUMN_TEXT)) &&
	       !(instant && !parts[part].time);
}

const struct column *part_column(const struct table *table, enum part part)
{
	for (size_t w = 0; w < WORDS_MAX && parts[part].words[w]; w++) {
		for (size_t i = 0; i < table->column_count; i++) {
			char name[NAME_MAX_SIZE];
			normalize(table->columns[i].name, name);
			if (strcmp(name, parts[part].words[w]) == 0 &&
			    can_be(&table->columns[i], part)) {
				return &table->columns[i];
			}
		}
	}
	return NULL;
}

enum state state_meant(const char *native)
{
	char name[NAME_MAX_SIZE];
	normalize(native, name);
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		for (size_t w = 0; w < WORDS_MAX && states[state][w]; w++) {
			if (strcmp(name, states[state][w]) == 0) {
				return (enum state)state;
			}
		}
	}
	return STATE_NONE;
}

bool looks_like_tasks(const struct table *table)
{
	bool state = part_column(table, PART_STATE), claimed = part_column(table, PART_CLAIMED),
	     lease = part_column(table, PART_LEASE), owner = part_column(table, PART_OWNER),
	     attempts = part_column(table, PART_ATTEMPTS);
	return ((state && (claimed || lease || attempts)) ||
		((claimed || lease) && (owner || attempts))) &&
	       (owner || attempts || part_column(table, PART_PAYLOAD));
}
