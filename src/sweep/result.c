/* The result of a pass, as a struct and as JSON. */
#include "result.h"

#include "array.h"

#include <stdlib.h>
#include <string.h>

void sweep_result_finish(struct sweep_result *result)
{
	free(result->tasks);
	free(result->problems);
	free(result->blind_rows);
	free(result->locked_rows);
	free(result->changed_rows);
	free(result->workers);
	arena_finish(&result->arena);
	*result = (struct sweep_result){ 0 };
}

/* A zeroed element at the end of a growing array; NULL: no memory, and the array is as it was. */
static void *grow(void **items, size_t *count, size_t *room, size_t size)
{
	void *grown = array_grown(*items, size, *count, room);
	if (!grown) {
		return NULL;
	}
	*items = grown;
	return memset((char *)*items + size * (*count)++, 0, size);
}

struct swept_task *result_add_task(struct sweep_result *result)
{
	void *items = result->tasks;
	struct swept_task *task =
		grow(&items, &result->task_count, &result->task_room, sizeof(*task));
	result->tasks = items;
	return task;
}

static bool add_problem(struct arena *arena, struct swept_problem **list, size_t *count,
			size_t *room, const char *id, const char *message)
{
	void *items = *list;
	struct swept_problem *problem = grow(&items, count, room, sizeof(*problem));
	*list = items;
	if (!problem) {
		return false;
	}
	problem->id = arena_string(arena, id);
	problem->message = arena_string(arena, message);
	return problem->id && problem->message;
}

bool result_add_problem(struct sweep_result *result, const char *id, const char *message)
{
	return add_problem(&result->arena, &result->problems, &result->problem_count,
			   &result->problem_room, id, message);
}

bool result_add_blind(struct sweep_result *result, const char *id, const char *message)
{
	return add_problem(&result->arena, &result->blind_rows, &result->blind_count,
			   &result->blind_room, id, message);
}

bool result_add_locked(struct sweep_result *result, const char *id, const char *holder)
{
	return add_problem(&result->arena, &result->locked_rows, &result->locked_count,
			   &result->locked_room, id, holder);
}

bool result_add_changed(struct sweep_result *result, const char *id, const char *how)
{
	return add_problem(&result->arena, &result->changed_rows, &result->changed_count,
			   &result->changed_room, id, how);
}

struct swept_worker *result_add_worker(struct sweep_result *result)
{
	void *items = result->workers;
	struct swept_worker *worker =
		grow(&items, &result->worker_count, &result->worker_room, sizeof(*worker));
	result->workers = items;
	return worker;
}

int64_t *result_count(struct sweep_result *result, enum remedy remedy)
{
	int64_t *const counts[REMEDY_COUNT] = {
		[REMEDY_REPORT] = &result->reported,  [REMEDY_REQUEUE] = &result->requeued,
		[REMEDY_FAIL] = &result->failed,      [REMEDY_STUCK] = &result->stuck,
		[REMEDY_CANCEL] = &result->cancelled,
	};
	return counts[remedy];
}

/* ---- the host's own words ---- */

static int64_t count_remedy(const struct sweep_result *result, const char *rule,
			    enum remedy remedy)
{
	int64_t count = 0;
	for (size_t i = 0; i < result->task_count; i++) {
		const struct swept_task *task = &result->tasks[i];
		bool counted = remedy == REMEDY_COUNT ? task->remedy != REMEDY_REPORT
						      : task->remedy == remedy;
		count += counted && (!rule || string_equal(rule, task->rule));
	}
	return count;
}

int64_t result_word_value(const struct sweep_result *result, const struct result_word *word)
{
	const struct {
		const char *name;
		int64_t value;
	} counts[] = {
		{ "taken", count_remedy(result, word->rule, REMEDY_COUNT) },
		{ "requeued", count_remedy(result, word->rule, REMEDY_REQUEUE) },
		{ "failed", count_remedy(result, word->rule, REMEDY_FAIL) },
		{ "stuck", count_remedy(result, word->rule, REMEDY_STUCK) },
		{ "cancelled", count_remedy(result, word->rule, REMEDY_CANCEL) },
		{ "lost_races", result->lost_races },
		{ "errors", result->errors },
		{ "stale", result->stale },
		{ "workers_stalled", (int64_t)result->worker_count },
	};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (string_equal(word->counts, counts[i].name)) {
			return counts[i].value;
		}
	}
	return 0;
}

/* ---- JSON ---- */

void swept_task_members(struct json *json, const struct swept_task *task)
{
	json_string(json, "id", task->id);
	json_string(json, "rule", task->rule);
	json_string(json, "remedy", remedy_name(task->remedy));
	json_string(json, "from", task->from == STATE_NONE ? NULL : state_word(task->from));
	json_string(json, "to", task->to == STATE_NONE ? NULL : state_word(task->to));
	json_string(json, "from_native", task->from_native);
	json_string(json, "to_native", task->to_native);
	json_string(json, "owner", task->owner);
	json_string(json, "token", task->token);
	if (task->age == NO_TIME) {
		json_null(json, "age_s");
	} else {
		json_seconds(json, "age_s", task->age);
	}
	if (task->attempts < 0) {
		json_null(json, "attempts");
	} else {
		json_int(json, "attempts", task->attempts);
	}
	if (task->recoveries < 0) {
		json_null(json, "recoveries");
	} else {
		json_int(json, "recoveries", task->recoveries);
	}
	if (task->fingerprint) {
		json_string(json, "fingerprint", task->fingerprint);
	}
	json_string(json, "reason", task->reason);
}

void swept_task_json(struct json *json, const struct swept_task *task)
{
	json_open(json, NULL, '{');
	swept_task_members(json, task);
	json_close(json, '}');
}

static void add_counts(struct json *json, const struct sweep_result *r)
{
	json_int(json, "in_flight", r->in_flight);
	json_int(json, "stale", r->stale);
	json_int(json, "requeued", r->requeued);
	json_int(json, "failed", r->failed);
	json_int(json, "stuck", r->stuck);
	json_int(json, "cancelled", r->cancelled);
	json_int(json, "reported", r->reported);
	json_int(json, "held_back", r->held_back);
	json_int(json, "lost_races", r->lost_races);
	json_int(json, "errors", r->errors);
	json_int(json, "locked", r->locked);
	json_int(json, "blind", r->blind);
	json_int(json, "vetoed", r->vetoed);
	json_int(json, "future", r->future);
}

static void add_workers(struct json *json, const struct sweep_result *r)
{
	json_open(json, "workers_stalled", '[');
	for (size_t i = 0; i < r->worker_count; i++) {
		json_string(json, NULL, r->workers[i].id);
	}
	json_close(json, ']');
}

static void add_locked(struct json *json, const struct sweep_result *r)
{
	json_open(json, "locked_tasks", '[');
	for (size_t i = 0; i < r->locked_count; i++) {
		const struct swept_problem *row = &r->locked_rows[i];
		json_open(json, NULL, '{');
		json_string(json, "id", row->id);
		json_string(json, "holder", *row->message ? row->message : NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* Of a pass over an earlier dry run's claims. */
static void add_changed(struct json *json, const struct sweep_result *r, bool with_tasks)
{
	json_int(json, "no_longer_the_same", r->changed);
	json_int(json, "not_in_the_plan", r->unplanned);
	if (!with_tasks) {
		return;
	}
	json_open(json, "changed_tasks", '[');
	for (size_t i = 0; i < r->changed_count; i++) {
		json_open(json, NULL, '{');
		json_string(json, "id", r->changed_rows[i].id);
		json_string(json, "reason", r->changed_rows[i].message);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* A host's word that is one of ours already has its place. */
static bool is_ours(const char *word)
{
	static const char *const ours[] = { "stale",       "requeued",       "failed", "stuck",
					    "cancelled",   "lost_races",     "errors", "error",
					    "duration_ms", "workers_stalled" };
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (string_equal(word, ours[i])) {
			return true;
		}
	}
	return false;
}

/* Only when there is one. */
static void add_first_problem(struct json *json, const char *word, const struct sweep_result *r)
{
	if (r->problem_count > 0) {
		json_string(json, word, r->problems[0].message);
	}
}

static void add_words(struct json *json, const struct profile *profile,
		      const struct sweep_result *r)
{
	for (size_t i = 0; i < profile->result_count; i++) {
		const struct result_word *word = &profile->results[i];
		if (string_equal(word->counts, "at")) {
			json_time(json, word->word, r->at);
		} else if (string_equal(word->counts, "problem") && !is_ours(word->word)) {
			add_first_problem(json, word->word, r);
		} else if (!is_ours(word->word)) {
			json_int(json, word->word, result_word_value(r, word));
		}
	}
}

void sweep_result_json(struct text *out, const struct profile *profile,
		       const struct sweep_result *r, bool with_tasks)
{
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	json_string(&json, "profile", profile->name);
	json_bool(&json, "dry_run", r->dry_run);
	json_time(&json, "at", r->at);
	json_int(&json, "duration_ms", r->duration / 1000);
	add_counts(&json, r);
	add_workers(&json, r);
	json_string(&json, "valve", r->valve.holding ? "holding" : "open");
	json_time(&json, "valve_until", r->valve.holding ? r->valve.until : NO_TIME);
	json_bool(&json, "grace", r->grace);
	json_string(&json, "cut_short",
		    r->cut_short.status ? r->cut_short.message
		    : r->moved_on       ? "another sweeper took the turn"
					: NULL);
	if (r->chosen) {
		add_changed(&json, r, with_tasks);
	}
	add_words(&json, profile, r);
	if (r->problem_count > 0) {
		json_string(&json, "error", r->problems[0].message);
	}
	if (with_tasks) {
		add_locked(&json, r);
		json_open(&json, "tasks", '[');
		for (size_t i = 0; i < r->task_count; i++) {
			swept_task_json(&json, &r->tasks[i]);
		}
		json_close(&json, ']');
	}
	json_close(&json, '}');
}
