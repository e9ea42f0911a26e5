/* The public C API of a ledger: open and close, submit, the operator's verbs, sweep. */
#include "handle.h"
#include "left_open.h"
#include "pass.h"
#include "verbs.h"

#include <stdlib.h>

#define MAX_ATTEMPTS_DEFAULT 25

/* ---- open and close ---- */

const char *default_db_url(struct arena *arena)
{
	return arena_printf(arena, "%s:reclaim.db", db_drivers[0]->schemes[0]);
}

static const char *environment(const char *name)
{
	return getenv(name);
}

static const char *choose_db(struct arena *arena, const char *given)
{
	const char *named = given ? given : getenv("RECLAIM_DB");
	return named && *named ? named : default_db_url(arena);
}

enum reclaim_status reclaim_open(const struct reclaim_options *options,
				 struct reclaim **ret_ledger, struct reclaim_error *error)
{
	static const struct reclaim_options none;
	struct arena ARENA_CLEANUP arena = { 0 };
	const struct reclaim_options *o = options ? options : &none;
	const struct ledger_options ours = {
		.url = choose_db(&arena, o->db),
		.profile = o->profile ? o->profile : DEFAULT_PROFILE,
		.db = { .create = o->create, .busy = o->busy },
		.environment = environment,
	};
	struct reclaim *handle = calloc(1, sizeof(*handle));
	if (!handle || !ours.url) {
		free(handle);
		return fail_no_memory(error);
	}
	enum reclaim_status status = ledger_open(&ours, &handle->ledger, error);
	if (!status && o->create) {
		status = ledger_make_own_tables(handle->ledger, error);
	}
	if (status) {
		reclaim_close(handle);
		return status;
	}
	*ret_ledger = handle;
	return RECLAIM_OK;
}

void reclaim_close(struct reclaim *ledger)
{
	if (ledger) {
		ledger_close(ledger->ledger);
		free(ledger);
	}
}

enum reclaim_status reclaim_init(struct reclaim *ledger, struct reclaim_error *error)
{
	return ledger_init(ledger->ledger, /* show= */ NULL, /* context= */ NULL, error);
}

/* ---- submit ---- */

static struct submission submission_of(const struct reclaim_task *task)
{
	return (struct submission){
		.id = task->id,
		.queue = task->queue,
		.kind = task->kind,
		.payload = task->payload,
		.key = task->key,
		.delay = or_default(task->delay, 0),
		.deadline = or_default(task->deadline, 0),
		.max_attempts = task->max_attempts ? task->max_attempts : MAX_ATTEMPTS_DEFAULT,
		.priority = task->priority,
	};
}

static enum reclaim_status check_task(const struct reclaim_task *task,
				      struct reclaim_error *error)
{
	const int64_t *const durations[] = { &task->delay, &task->deadline };
	static const char *const names[] = { "delay", "deadline" };
	return check_durations(durations, names, 2, error);
}

/* Says which of several tasks it was. */
static enum reclaim_status name_task(size_t place, size_t count, struct reclaim_error *error)
{
	if (error && count > 1) {
		const struct reclaim_error plain = *error;
		return fail(error, RECLAIM_INVALID, "task %zu: %s", place + 1, plain.message);
	}
	return RECLAIM_INVALID;
}

enum reclaim_status reclaim_submit(struct reclaim *ledger, const struct reclaim_task *tasks,
				   size_t count, char (*ret_ids)[RECLAIM_ID_SIZE],
				   struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct reclaim_error said = { 0 };
	size_t bad = 0;
	if (!tasks && count > 0) {
		return missing("submit", "tasks", error);
	}
	struct submission *submissions = arena_take(&arena, sizeof(*submissions) * count);
	char(*ids)[RECLAIM_ID_SIZE] =
		ret_ids ? ret_ids : arena_take(&arena, sizeof(*ids) * count);
	if (!submissions || !ids) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		submissions[i] = submission_of(&tasks[i]);
		bad = i;
		status = check_task(&tasks[i], &said);
	}
	if (!status) {
		status = verb_submit(ledger->ledger, submissions, count, ids, &bad, &said);
	}
	if (status && error) {
		*error = said;
	}
	return status == RECLAIM_INVALID ? name_task(bad, count, error) : status;
}

/* ---- the operator's verbs ---- */

enum reclaim_status reclaim_retry(struct reclaim *ledger, const char *id,
				  struct reclaim_error *error)
{
	return id ? verb_retry(ledger->ledger, id, error) : missing("retry", "id", error);
}

enum reclaim_status reclaim_cancel(struct reclaim *ledger, const char *id,
				   struct reclaim_error *error)
{
	return id ? verb_cancel(ledger->ledger, id, error) : missing("cancel", "id", error);
}

/* ---- sweep ---- */

static struct reclaim_swept swept_of(const struct sweep_result *result)
{
	return (struct reclaim_swept){
		.in_flight = result->in_flight,
		.stale = result->stale,
		.requeued = result->requeued,
		.failed = result->failed,
		.stuck = result->stuck,
		.cancelled = result->cancelled,
		.held_back = result->held_back,
		.lost_races = result->lost_races,
		.errors = result->errors,
		.locked = result->locked,
		.blind = result->blind,
		.vetoed = result->vetoed,
		.valve_holding = result->valve.holding,
	};
}

enum reclaim_status reclaim_sweep(struct reclaim *ledger,
				  const struct reclaim_sweeping *sweeping,
				  struct reclaim_swept *ret_swept, struct reclaim_error *error)
{
	static const struct reclaim_sweeping none;
	const struct reclaim_sweeping *s = sweeping ? sweeping : &none;
	if (s->limit < -1) {
		return fail(error, RECLAIM_INVALID,
			    "limit is %lld; allowed: -1 (nothing is taken), 0 (the profile's) "
			    "or more",
			    (long long)s->limit);
	}
	const struct pass_options options = { .dry_run = s->dry_run,
					      .force = s->force,
					      .limit = or_default(s->limit, -1) };
	struct sweep_result result = { 0 };
	enum reclaim_status status = pass_run(ledger->ledger, &options, &result, error);
	if (status) {
		return status;
	}
	if (ret_swept) {
		*ret_swept = swept_of(&result);
	}
	status = result.cut_short.status;
	if (status && error) {
		*error = result.cut_short;
	}
	sweep_result_finish(&result);
	return status;
}
