/* The public C API: what a caller left open gets its default, the layers below do the work. */
#include "handle.h"

#include "duration.h"
#include "pass.h"
#include "verbs.h"

#include <stdlib.h>

#define MAX_ATTEMPTS_DEFAULT 25

/* ---- options: 0 is the default, -1 is off ---- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value == 0 ? otherwise : value < 0 ? 0 : value;
}

/* -1 is the only negative number that means something. */
static enum reclaim_status check_durations(const int64_t *const *durations,
					   const char *const *names, size_t count,
					   struct reclaim_error *error)
{
	for (size_t i = 0; i < count; i++) {
		if (*durations[i] < -1 || *durations[i] > DURATION_MAX) {
			return fail(error, RECLAIM_INVALID,
				    "%s is %lld microseconds; allowed: 0 (the default), -1 "
				    "(off), or up to %lld",
				    names[i], (long long)*durations[i],
				    (long long)DURATION_MAX);
		}
	}
	return RECLAIM_OK;
}

static enum reclaim_status check_duration(const char *name, int64_t duration,
					  struct reclaim_error *error)
{
	const int64_t *const durations[] = { &duration };
	return check_durations(durations, &name, 1, error);
}

static enum reclaim_status missing(const char *call, const char *what,
				   struct reclaim_error *error)
{
	return fail(error, RECLAIM_INVALID, "%s: %s is NULL", call, what);
}

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

/* ---- claim ---- */

struct reclaim_claims {
	struct claims claims;
	struct reclaim_claimed *items;
};

static struct reclaim_claimed claimed_of(const struct claimed *claimed)
{
	return (struct reclaim_claimed){
		.id = claimed->id,
		.token = claimed->token,
		.queue = claimed->queue,
		.kind = claimed->kind,
		.payload = claimed->payload,
		.attempt = (int)claimed->attempt,
		.max_attempts = (int)claimed->max_attempts,
		.lease_until = claimed->lease_until,
		.deadline = claimed->deadline,
	};
}

/* Owns what it takes over, whether it succeeds or not. */
static enum reclaim_status hand_over(struct claims *claims, struct reclaim_claims **ret_claims,
				     struct reclaim_error *error)
{
	struct reclaim_claims *handed = calloc(1, sizeof(*handed));
	struct reclaim_claimed *items =
		handed ? arena_take(&claims->arena, sizeof(*items) * claims->count) : NULL;
	if (!items) {
		free(handed);
		claims_finish(claims);
		return fail_no_memory(error);
	}
	for (size_t i = 0; i < claims->count; i++) {
		items[i] = claimed_of(&claims->items[i]);
	}
	*handed = (struct reclaim_claims){ .claims = *claims, .items = items };
	*ret_claims = handed;
	return RECLAIM_OK;
}

enum reclaim_status reclaim_claim(struct reclaim *ledger,
				  const struct reclaim_claiming *claiming,
				  struct reclaim_claims **ret_claims,
				  struct reclaim_error *error)
{
	struct claims claims = { 0 };
	if (!claiming || !claiming->owner) {
		return missing("claim", "owner", error);
	}
	enum reclaim_status status = check_duration("lease", claiming->lease, error);
	if (status) {
		return status;
	}
	const struct claiming ours = {
		.owner = claiming->owner,
		.queue = claiming->queue,
		.count = claiming->count ? claiming->count : 1,
		.lease = or_default(claiming->lease, ledger->ledger->profile->lease),
		.registered = claiming->registered,
	};
	status = verb_claim(ledger->ledger, &ours, &claims, error);
	if (status) {
		claims_finish(&claims);
		return status;
	}
	if (claims.count == 0) {
		claims_finish(&claims);
		return fail(error, RECLAIM_NOT_FOUND, "nothing to claim in %s%s",
			    claiming->queue ? "queue " : "any queue",
			    claiming->queue ? claiming->queue : "");
	}
	return hand_over(&claims, ret_claims, error);
}

size_t reclaim_claims_count(const struct reclaim_claims *claims)
{
	return claims ? claims->claims.count : 0;
}

const struct reclaim_claimed *reclaim_claims_at(const struct reclaim_claims *claims, size_t i)
{
	return i < reclaim_claims_count(claims) ? &claims->items[i] : NULL;
}

void reclaim_claims_destroy(struct reclaim_claims *claims)
{
	if (claims) {
		claims_finish(&claims->claims);
		free(claims);
	}
}

/* ---- the worker's verbs ---- */

static enum reclaim_status check_claim(const char *call, const char *id, const char *token,
				       struct reclaim_error *error)
{
	return !id      ? missing(call, "id", error)
	       : !token ? missing(call, "token", error)
			: RECLAIM_OK;
}

enum reclaim_status reclaim_renew(struct reclaim *ledger, const char *id, const char *token,
				  int64_t lease, const char *progress,
				  struct reclaim_error *error)
{
	enum reclaim_status status = check_claim("renew", id, token, error);
	if (!status) {
		status = check_duration("lease", lease, error);
	}
	return status ? status
		      : verb_renew(ledger->ledger, id, token,
				   or_default(lease, ledger->ledger->profile->lease), progress,
				   error);
}

enum reclaim_status reclaim_complete(struct reclaim *ledger, const char *id, const char *token,
				     const char *result, struct reclaim_error *error)
{
	enum reclaim_status status = check_claim("complete", id, token, error);
	return status ? status : verb_complete(ledger->ledger, id, token, result, error);
}

/* Below 0 the verb asks for the backoff; "off" is no wait at all. */
static int64_t retry_time(int64_t retry_in)
{
	return or_default(retry_in, -1);
}

enum reclaim_status reclaim_fail(struct reclaim *ledger, const char *id, const char *token,
				 const struct reclaim_failing *failing,
				 struct reclaim_error *error)
{
	enum reclaim_status status = check_claim("fail", id, token, error);
	if (!status && (!failing || !failing->message)) {
		return missing("fail", "message", error);
	}
	if (!status && failing) {
		status = check_duration("retry_in", failing->retry_in, error);
	}
	return status ? status
		      : verb_fail(ledger->ledger, id, token, failing->message,
				  retry_time(failing->retry_in), failing->no_retry, error);
}

enum reclaim_status reclaim_release(struct reclaim *ledger, const char *id, const char *token,
				    struct reclaim_error *error)
{
	enum reclaim_status status = check_claim("release", id, token, error);
	return status ? status : verb_release(ledger->ledger, id, token, error);
}

/* ---- many at once ---- */

static enum verb verb_of(enum reclaim_handing_verb verb)
{
	switch (verb) {
	case RECLAIM_RENEW:
		return VERB_RENEW;
	case RECLAIM_COMPLETE:
		return VERB_COMPLETE;
	case RECLAIM_FAIL:
		return VERB_FAIL;
	case RECLAIM_RELEASE:
		return VERB_RELEASE;
	}
	return VERB_COUNT;
}

static enum reclaim_status check_handing(const struct reclaim_handing *handing,
					 struct reclaim_error *error)
{
	enum verb verb = verb_of(handing->verb);
	if (verb == VERB_COUNT) {
		return fail(error, RECLAIM_INVALID, "verb is %d; allowed: 0 to %d",
			    (int)handing->verb, (int)RECLAIM_RELEASE);
	}
	enum reclaim_status status =
		check_claim(verb_name(verb), handing->id, handing->token, error);
	if (!status && verb == VERB_FAIL && !handing->text) {
		status = missing("fail", "message", error);
	}
	return status ? status : check_duration("time", handing->time, error);
}

static struct handing handing_of(const struct reclaim *ledger,
				 const struct reclaim_handing *handing)
{
	enum verb verb = verb_of(handing->verb);
	int64_t lease = ledger->ledger->profile->lease;
	return (struct handing){
		.verb = verb,
		.id = handing->id,
		.token = handing->token,
		.text = handing->text,
		.time = verb == VERB_FAIL ? retry_time(handing->time)
					  : or_default(handing->time, lease),
		.no_retry = handing->no_retry,
	};
}

enum reclaim_status reclaim_hand_in(struct reclaim *ledger,
				    const struct reclaim_handing *handings, size_t count,
				    enum reclaim_status *ret_statuses,
				    struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	if ((!handings || !ret_statuses) && count > 0) {
		return missing("hand_in", handings ? "ret_statuses" : "handings", error);
	}
	struct handing *ours = arena_take(&arena, sizeof(*ours) * count);
	if (!ours) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; i < count; i++) {
		struct reclaim_error said = { 0 };
		if (check_handing(&handings[i], &said)) {
			return fail(error, RECLAIM_INVALID, "handing %zu: %s", i + 1,
				    said.message);
		}
		ours[i] = handing_of(ledger, &handings[i]);
	}
	return verb_hand_in(ledger->ledger, ours, count, ret_statuses, error);
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
