/* Names of columns and states, as data. */
#include "dictionary.h"

#include <ctype.h>
#include <string.h>

#define WORDS_MAX 22
#define NAME_MAX_SIZE 64

static const struct {
	const char *name;
	bool time;
	const char *words[WORDS_MAX]; /* the likeliest first */
} parts[PART_COUNT] = {
	[PART_STATE] = { "state",
			 false,
			 { "status", "state", "job_status", "task_status", "job_state",
			   "task_state", "run_status", "phase", "stage" } },
	[PART_OWNER] = { "owner",
			 false,
			 { "locked_by", "claimed_by", "owner", "owner_id", "worker_id",
			   "worker", "picked_by", "reserved_by", "leased_by", "lease_owner",
			   "lock_owner", "assigned_to", "processed_by", "executor_id",
			   "runner_id", "node", "host", "assignee", "hostname" } },
	[PART_CLAIMED] = { "claimed_at", true, { "claimed_at",    "locked_at",
						 "started_at",    "reserved_at",
						 "picked_at",     "attempted_at",
						 "leased_at",     "processing_started_at",
						 "processing_at", "run_started_at",
						 "started_on",    "started",
						 "begun_at",      "dequeued_at",
						 "taken_at",      "acquired_at",
						 "start_time",    "claimed_on",
						 "locked_on",     "taken_on" } },
	[PART_BEAT] = { "beat_at",
			true,
			{ "heartbeat_at", "last_heartbeat_at", "last_heartbeat", "heartbeat_on",
			  "heartbeat", "beat_at", "last_beat", "last_seen_at", "last_seen",
			  "last_ping_at", "last_ping", "ping" } },
	[PART_LEASE] = { "lease_until",
			 true,
			 { "lease_until", "lease_expires_at", "lease_expires", "lease_expiry",
			   "locked_until", "lock_until", "lock_expires_at", "claim_expires_at",
			   "claimed_until", "reserved_until", "visible_after", "leased_until",
			   "lock_expiry" } },
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
			      "finalized_at", "completed_on", "finished", "stopped_at",
			      "finished_on", "processed_at", "succeeded_at", "end_time" } },
};

static const char *const states[STATE_COUNT][WORDS_MAX] = {
	[STATE_READY] = { "pending",   "queued", "ready",       "available", "waiting",
			  "new",       "todo",   "to_do",       "created",   "scheduled",
			  "enqueued",  "open",   "retry",       "retrying",  "retryable",
			  "submitted", "idle",   "not_started", "backlog",   "initial",
			  "unclaimed" },
	[STATE_RUNNING] = { "running", "in_progress", "processing", "active",     "executing",
			    "started", "claimed",     "working",    "locked",     "doing",
			    "busy",    "reserved",    "assigned",   "dispatched", "picked",
			    "leased",  "inprogress",  "in_process", "in_flight",  "acquired" },
	[STATE_COMPLETED] = { "completed", "complete", "done", "finished", "succeeded",
			      "success", "successful", "ok", "processed", "closed" },
	[STATE_FAILED] = { "failed", "error", "errored", "failure", "dead", "discarded",
			   "expired", "timed_out", "timeout", "rejected", "fail", "crashed",
			   "killed", "abandoned", "broken" },
	[STATE_CANCELLED] = { "cancelled", "canceled", "aborted", "revoked", "skipped",
			      "deleted", "cancel", "stopped" },
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
	bool never = parts[part].time &&
		     (column->kind == COLUMN_OPAQUE || column->kind == COLUMN_BYTES ||
		      column->kind == COLUMN_UUID);
	return !flag && !never && !(counts && (instant || column->kind == COLUMN_TEXT)) &&
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

/* Its place in the dictionary; STATE_NONE: it has none. */
static enum state look_up(const char *native, size_t *ret_place)
{
	char name[NAME_MAX_SIZE];
	normalize(native, name);
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		for (size_t w = 0; w < WORDS_MAX && states[state][w]; w++) {
			if (strcmp(name, states[state][w]) == 0) {
				*ret_place = w;
				return (enum state)state;
			}
		}
	}
	return STATE_NONE;
}

enum state state_meant(const char *native)
{
	size_t unused;
	return look_up(native, &unused);
}

size_t state_rank(const char *native)
{
	size_t place = WORDS_MAX;
	look_up(native, &place);
	return place;
}

/* A table's name says so by one of these words in it. */
static bool is_named_like_tasks(const char *name)
{
	static const char *const words[] = { "job",    "task",      "queue",
					     "outbox", "work_item", "workitem" };
	bool found = false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		found |= strcasestr(name, words[i]) != NULL;
	}
	return found;
}

bool looks_like_tasks(const struct table *table)
{
	bool state = part_column(table, PART_STATE), owner = part_column(table, PART_OWNER),
	     attempts = part_column(table, PART_ATTEMPTS);
	bool claimed = part_column(table, PART_CLAIMED) || part_column(table, PART_LEASE) ||
		       part_column(table, PART_BEAT);
	bool held = claimed && (state || owner || attempts);
	bool counted = state && attempts;
	return is_named_like_tasks(table->name)
		       ? held || counted || (state && part_column(table, PART_UPDATED))
		       : (held || counted) &&
				 (owner || attempts || part_column(table, PART_PAYLOAD));
}
