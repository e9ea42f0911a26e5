/* What the verbs of both kinds of ledger share: checks of what was given, submit, and the choice. */
#include "verbs.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 255
#define SPAN_MAX                                                                               \
	(INT64_C(100) * 365 * 86400 *                                                          \
	 USEC_PER_SEC) /* no time that a sum makes leaves its column */

static const struct verbs *verbs_of(const struct ledger *ledger)
{
	return ledger->profile->native ? &own_verbs : &host_verbs;
}

void claims_finish(struct claims *claims)
{
	arena_finish(&claims->arena);
	*claims = (struct claims){ 0 };
}

enum reclaim_status check_json(const char *what, const char *text, struct reclaim_error *error)
{
	if (!text) {
		return RECLAIM_OK;
	}
	size_t size = strlen(text), bad = utf8_invalid_at(text, size);
	if (bad < size) {
		return fail(error, RECLAIM_INVALID, "%s is not UTF-8: byte %zu is 0x%02x", what,
			    bad + 1, (unsigned)(unsigned char)text[bad]);
	}
	json_error_t problem;
	json_t *json = json_loadb(text, size,
				  JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				  &problem);
	if (!json) {
		return fail(error, RECLAIM_INVALID, "%s is not JSON: line %d, column %d: %s",
			    what, problem.line, problem.column, problem.text);
	}
	json_decref(json);
	return RECLAIM_OK;
}

/* A name of 1…255 bytes of UTF-8 without NUL. */
static enum reclaim_status check_name(const char *what, const char *name, size_t size,
				      bool may_be_empty, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP shown = { 0 };
	text_add_visible(&shown, name, size < 64 ? size : 64);
	if ((size == 0 && !may_be_empty) || size > NAME_MAX_BYTES) {
		return fail(error, RECLAIM_INVALID, "%s '%s' has %zu bytes; allowed: %d to %d",
			    what, text_string(&shown), size, may_be_empty ? 0 : 1,
			    NAME_MAX_BYTES);
	}
	if (memchr(name, '\0', size)) {
		return fail(error, RECLAIM_INVALID,
			    "%s '%s' has a NUL character; allowed: any other UTF-8", what,
			    text_string(&shown));
	}
	if (utf8_invalid_at(name, size) < size) {
		return fail(error, RECLAIM_INVALID, "%s '%s' is not UTF-8", what,
			    text_string(&shown));
	}
	return RECLAIM_OK;
}

static enum reclaim_status check_range(const char *what, int64_t number, int64_t least,
				       int64_t most, struct reclaim_error *error)
{
	return number >= least && number <= most
		       ? RECLAIM_OK
		       : fail(error, RECLAIM_INVALID, "%s is %lld; allowed: %lld to %lld", what,
			      (long long)number, (long long)least, (long long)most);
}

/* ---- submit ---- */

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

static void new_id(struct ledger *ledger, char ret_id[UUID_TEXT_SIZE])
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uuid_v7(&ledger->random, now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000, ret_id);
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
			new_id(ledger, ret_ids[i]);
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

/* ---- the choice ---- */

static enum reclaim_status ready(struct ledger *ledger, struct reclaim_error *error)
{
	return ledger_plan(ledger, error);
}

enum reclaim_status verb_claim(struct ledger *ledger, const struct claiming *claiming,
			       struct claims *ret_claims, struct reclaim_error *error)
{
	enum reclaim_status status = ready(ledger, error);
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
	enum reclaim_status status = ready(ledger, error);
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
	enum reclaim_status status = ready(ledger, error);
	if (!status) {
		status = check_json("result", result, error);
	}
	return status ? status : verbs_of(ledger)->complete(ledger, id, token, result, error);
}

enum reclaim_status verb_fail(struct ledger *ledger, const char *id, const char *token,
			      const char *message, int64_t retry_in, bool no_retry,
			      struct reclaim_error *error)
{
	enum reclaim_status status = ready(ledger, error);
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
	enum reclaim_status status = ready(ledger, error);
	return status ? status : verbs_of(ledger)->release(ledger, id, token, error);
}

enum reclaim_status verb_retry(struct ledger *ledger, const char *id,
			       struct reclaim_error *error)
{
	enum reclaim_status status = ready(ledger, error);
	return status ? status : verbs_of(ledger)->retry(ledger, id, error);
}

enum reclaim_status verb_cancel(struct ledger *ledger, const char *id,
				struct reclaim_error *error)
{
	enum reclaim_status status = ready(ledger, error);
	return status ? status : verbs_of(ledger)->cancel(ledger, id, error);
}

static enum reclaim_status hand_in_one(struct ledger *ledger, const struct handing *h,
				       struct reclaim_error *error)
{
	if (h->verb == VERB_RENEW) {
		return verb_renew(ledger, h->id, h->token, h->time, h->text, error);
	}
	if (h->verb == VERB_COMPLETE) {
		return verb_complete(ledger, h->id, h->token, h->text, error);
	}
	if (h->verb == VERB_FAIL) {
		return verb_fail(ledger, h->id, h->token, h->text, h->time, h->no_retry, error);
	}
	return h->verb == VERB_RELEASE
		       ? verb_release(ledger, h->id, h->token, error)
		       : fail(error, RECLAIM_INVALID, "%s can't be handed in with others",
			      verb_name(h->verb));
}

static bool is_of_one(enum reclaim_status status)
{
	return status == RECLAIM_OK || status == RECLAIM_NOT_FOUND || status == RECLAIM_LOST ||
	       status == RECLAIM_NOT_ALLOWED;
}

/* What is said, checked as the verb by itself does; texts that it makes live in the arena. */
static enum reclaim_status check_handing(struct arena *arena, const struct handing *h,
					 struct handing *ret_checked,
					 struct reclaim_error *error)
{
	struct text TEXT_CLEANUP valid = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	*ret_checked = *h;
	if (h->verb == VERB_RENEW) {
		status = check_json("progress", h->text, error);
		return status ? status
			      : check_range("lease in microseconds", h->time, 0, SPAN_MAX,
					    error);
	}
	if (h->verb == VERB_COMPLETE) {
		return check_json("result", h->text, error);
	}
	if (h->verb == VERB_FAIL) {
		text_add_valid(&valid, h->text, strlen(h->text));
		ret_checked->text = arena_copy(arena, text_string(&valid), valid.size);
		return valid.failed || !ret_checked->text
			       ? fail_no_memory(error)
			       : check_range("retry_in in microseconds", h->time, INT64_MIN,
					     SPAN_MAX, error);
	}
	return h->verb == VERB_RELEASE
		       ? RECLAIM_OK
		       : fail(error, RECLAIM_INVALID, "%s can't be handed in with others",
			      verb_name(h->verb));
}

static int by_id(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

/* What stands twice is decided in its order: the second may find the first one done. False, too, without memory. */
static bool all_differ(const struct handing *handings, size_t count)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char **ids = arena_take(&arena, count * sizeof(*ids));
	for (size_t i = 0; ids && i < count; i++) {
		ids[i] = handings[i].id;
	}
	if (ids) {
		qsort(ids, count, sizeof(*ids), by_id);
	}
	bool differ = ids != NULL;
	for (size_t i = 1; differ && i < count; i++) {
		differ = strcmp(ids[i - 1], ids[i]) != 0;
	}
	return differ;
}

/* One by one, in the open transaction; `only`: those of that status, NULL: all. */
static enum reclaim_status hand_in_each(struct ledger *ledger, const struct handing *handings,
					size_t count, const enum reclaim_status *only,
					enum reclaim_status *ret_statuses,
					struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	ledger->together = true;
	for (size_t i = 0; !status && i < count; i++) {
		if (!only || ret_statuses[i] == *only) {
			ret_statuses[i] = hand_in_one(ledger, &handings[i], error);
			status = is_of_one(ret_statuses[i]) ? RECLAIM_OK : ret_statuses[i];
		}
	}
	ledger->together = false;
	return status;
}

static enum reclaim_status hand_in_together(struct ledger *ledger,
					    const struct handing *handings, size_t count,
					    enum reclaim_status *ret_statuses,
					    struct reclaim_error *error)
{
	static const enum reclaim_status busy = RECLAIM_BUSY;
	struct arena ARENA_CLEANUP arena = { 0 };
	struct handing *checked = arena_take(&arena, count * sizeof(*checked));
	enum reclaim_status status = RECLAIM_OK;
	if (!checked) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; !status && i < count; i++) {
		status = check_handing(&arena, &handings[i], &checked[i], error);
	}
	if (!status) {
		status = verbs_of(ledger)->hand_in(ledger, checked, count, ret_statuses, error);
	}
	return status ? status
		      : hand_in_each(ledger, handings, count, &busy, ret_statuses, error);
}

enum reclaim_status verb_hand_in(struct ledger *ledger, const struct handing *handings,
				 size_t count, enum reclaim_status *ret_statuses,
				 struct reclaim_error *error)
{
	enum reclaim_status status = ready(ledger, error);
	if (!status && !ledger->profile->native) {
		status = ledger_make_host_tables(ledger, error);
	}
	bool together = !status && verbs_of(ledger)->hand_in && count > 1 &&
			all_differ(handings, count);
	if (!status) {
		status = ledger_begin(ledger, error);
	}
	if (status) {
		return status;
	}
	status = together ? hand_in_together(ledger, handings, count, ret_statuses, error)
			  : hand_in_each(ledger, handings, count, /* only= */ NULL,
					 ret_statuses, error);
	return ledger_end(ledger, status, error);
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
		for (size_t i = 0; i < groups[g]->count; i++) {
			if (string_equal(groups[g]->items[i], label)) {
				return RECLAIM_OK;
			}
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
	enum reclaim_status status = ready(ledger, error);
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
