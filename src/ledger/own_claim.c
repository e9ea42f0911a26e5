/* Claiming on our own ledger: one statement, and its rows in the order of the queue. */
#include "own.h"

#include <stdlib.h>
#include <string.h>

static int by_order(const void *a, const void *b)
{
	const struct claimed *x = a, *y = b;
	if (x->priority != y->priority) {
		return x->priority > y->priority ? -1 : 1;
	}
	if (x->due_at != y->due_at) {
		return x->due_at < y->due_at ? -1 : 1;
	}
	return strcmp(x->id, y->id);
}

static const char *copied(struct arena *arena, const struct value *value)
{
	return value_is_null(value) ? NULL : arena_copy(arena, value->data, value->size);
}

static bool copy_claim(struct claims *claims, const struct value *row)
{
	struct arena *arena = &claims->arena;
	struct claimed *c = &claims->items[claims->count++];
	c->id = copied(arena, &row[CLAIM_R_ID]);
	c->token = arena_printf(arena, "%lld", (long long)row[CLAIM_R_TOKEN].number);
	c->queue = copied(arena, &row[CLAIM_R_QUEUE]);
	c->kind = copied(arena, &row[CLAIM_R_KIND]);
	c->payload = copied(arena, &row[CLAIM_R_PAYLOAD]);
	c->attempt = value_integer(&row[CLAIM_R_ATTEMPTS], 0);
	c->max_attempts = value_integer(&row[CLAIM_R_MAX_ATTEMPTS], -1);
	c->lease_until = value_integer(&row[CLAIM_R_LEASE_UNTIL], NO_TIME);
	c->deadline = value_integer(&row[CLAIM_R_DEADLINE], NO_TIME);
	c->priority = value_integer(&row[CLAIM_R_PRIORITY], 0);
	c->due_at = value_integer(&row[CLAIM_R_DUE_AT], 0);
	return c->id && c->token && c->queue && c->kind &&
	       (c->payload || value_is_null(&row[CLAIM_R_PAYLOAD]));
}

/* One task, or up to `count`, of one queue or of any: owner and lease are the first two parameters of each. */
static enum reclaim_status run_claim(struct ledger *ledger, const struct claiming *claiming,
				     struct result *ret_result, struct reclaim_error *error)
{
	static const enum sql claims[2][2] = { { SQL_CLAIM, SQL_CLAIM_QUEUE },
					       { SQL_CLAIM_ONE, SQL_CLAIM_QUEUE_ONE } };
	bool queue = claiming->queue != NULL;
	const struct sql_text *text = ledger_sql(ledger, claims[1][queue]);
	bool one = claiming->count == 1 && text && text->text;
	int64_t lease = claiming->lease ? claiming->lease : ledger->profile->lease;
	struct value params[CLAIM_QUEUE_PARAMS] = {
		[CLAIM_QUEUE_OWNER] = value_string(claiming->owner),
		[CLAIM_QUEUE_LEASE] = claiming->registered ? value_null() : value_int(lease),
		[CLAIM_QUEUE_COUNT] = value_int(claiming->count),
		[CLAIM_QUEUE_QUEUE] = value_string(claiming->queue),
	};
	if (one) {
		params[CLAIM_QUEUE_ONE_QUEUE] = params[CLAIM_QUEUE_QUEUE];
	}
	return ledger_run(ledger, claims[one][queue], params, ret_result, error);
}

enum reclaim_status own_claim(struct ledger *ledger, const struct claiming *claiming,
			      struct claims *ret_claims, struct reclaim_error *error)
{
	struct result RESULT_CLEANUP result = { 0 };
	enum reclaim_status status = run_claim(ledger, claiming, &result, error);
	if (status) {
		return status;
	}
	struct claims claims = { 0 };
	claims.items = arena_take(&claims.arena, sizeof(*claims.items) * result.rows);
	bool copied_all = claims.items != NULL;
	for (size_t i = 0; copied_all && i < result.rows; i++) {
		copied_all = copy_claim(&claims, result_cell(&result, i, 0));
	}
	if (!copied_all) {
		claims_finish(&claims);
		return fail_no_memory(error);
	}
	qsort(claims.items, claims.count, sizeof(*claims.items), by_order);
	*ret_claims = claims;
	return RECLAIM_OK;
}
