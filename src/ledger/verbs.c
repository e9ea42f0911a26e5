/* What every verb checks first, whatever kind of ledger it is; then its own way. */
#include "verbs.h"

#include <string.h>

const struct verbs *verbs_of(const struct ledger *ledger)
{
	return ledger->profile->native ? &own_verbs : &host_verbs;
}

void claims_finish(struct claims *claims)
{
	arena_finish(&claims->arena);
	*claims = (struct claims){ 0 };
}

enum reclaim_status verb_claim(struct ledger *ledger, const struct claiming *claiming,
			       struct claims *ret_claims, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	if (!status) {
		status = check_name("owner", claiming->owner, strlen(claiming->owner),
				    /* may_be_empty= */ false, error);
	}
	if (!status) {
		status = check_range("count", claiming->count, 1, 100000, error);
	}
	if (!status) {
		status = check_range("lease in microseconds", claiming->lease, 0, SPAN_MAX,
				     error);
	}
	return status ? status : verbs_of(ledger)->claim(ledger, claiming, ret_claims, error);
}

enum reclaim_status verb_renew(struct ledger *ledger, const char *id, const char *token,
			       int64_t lease, const char *progress, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	if (!status) {
		status = check_json("progress", progress, error);
	}
	if (!status) {
		status = check_range("lease in microseconds", lease, 0, SPAN_MAX, error);
	}
	return status ? status
		      : verbs_of(ledger)->renew(ledger, id, token, lease, progress, error);
}

enum reclaim_status verb_complete(struct ledger *ledger, const char *id, const char *token,
				  const char *result, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	if (!status) {
		status = check_json("result", result, error);
	}
	return status ? status : verbs_of(ledger)->complete(ledger, id, token, result, error);
}

enum reclaim_status verb_fail(struct ledger *ledger, const char *id, const char *token,
			      const char *message, int64_t retry_in, bool no_retry,
			      struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	struct text TEXT_CLEANUP valid = { 0 };
	text_add_valid(&valid, message, strlen(message));
	if (!status) {
		status = check_range("retry_in in microseconds", retry_in, INT64_MIN, SPAN_MAX,
				     error);
	}
	return status ? status
		      : verbs_of(ledger)->fail(ledger, id, token, text_string(&valid), retry_in,
					       no_retry, error);
}

enum reclaim_status verb_release(struct ledger *ledger, const char *id, const char *token,
				 struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	return status ? status : verbs_of(ledger)->release(ledger, id, token, error);
}

enum reclaim_status verb_retry(struct ledger *ledger, const char *id,
			       struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	return status ? status : verbs_of(ledger)->retry(ledger, id, error);
}

enum reclaim_status verb_cancel(struct ledger *ledger, const char *id,
				struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	return status ? status : verbs_of(ledger)->cancel(ledger, id, error);
}

static void list_labels(struct text *text, const struct names *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		text_printf(text, "%s%s", text->size ? ", " : "", labels->items[i]);
	}
}

/* A label that the profile does not know would be read as a living worker's. */
static enum reclaim_status check_label(const struct workers *workers, const char *label,
				       struct reclaim_error *error)
{
	const struct names *groups[] = { &workers->active, &workers->stalled,
					 &workers->stopped };
	struct text TEXT_CLEANUP allowed = { 0 };
	struct text TEXT_CLEANUP shown = { 0 };
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if (names_have(groups[g], label)) {
			return RECLAIM_OK;
		}
		list_labels(&allowed, groups[g]);
	}
	text_add_visible(&shown, label, strlen(label));
	return fail(error, RECLAIM_INVALID, "status '%s' is not a worker's; allowed: %s",
		    text_string(&shown),
		    allowed.size ? text_string(&allowed) : "none, the profile names no labels");
}

enum reclaim_status verb_beat(struct ledger *ledger, const char *worker,
			      const char *status_word, struct reclaim_error *error)
{
	enum reclaim_status status = ledger_plan(ledger, error);
	if (status) {
		return status;
	}
	if (ledger->profile->native) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "beat is not supported on ledger '%s': its workers register "
			    "(`reclaim work`)",
			    ledger->profile->name);
	}
	if (!ledger->plan->has_worker_beat) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "beat is not supported on ledger '%s': its profile has no workers "
			    "{ beat = … }",
			    ledger->profile->name);
	}
	const struct workers *workers = &ledger->profile->workers;
	status = check_name("worker", worker, strlen(worker), /* may_be_empty= */ false, error);
	if (!status && status_word) {
		status = check_label(workers, status_word, error);
	}
	if (status) {
		return status;
	}
	const char *active = workers->active.count ? workers->active.items[0] : NULL;
	struct inputs inputs = { 0 };
	inputs.named[INPUT_OWNER] = value_string(worker);
	inputs.named[INPUT_STATUS] = value_string(status_word ? status_word : active);
	struct result RESULT_CLEANUP result = { 0 };
	return planned_run(ledger->db, &ledger->plan->worker_beat, &inputs, &result, error);
}
