/* The public C API of a worker: claims, and the verbs that hand them in. */
#include "handle.h"
#include "left_open.h"
#include "verbs.h"

#include <stdlib.h>

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

/* ---- one claim ---- */

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
