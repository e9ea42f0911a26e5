/* Many verbs handed in together: by the ledger's own way where it has one, else one by one, in one transaction. */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

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
	enum reclaim_status status = ledger_plan(ledger, error);
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
