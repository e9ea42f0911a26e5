/* Claiming on a host's ledger: look for free rows, take each by its key and fence, read it again for its token. */
#include "host.h"

#include <string.h>

/* The owner as its column keeps it: a column of bytes takes a UUID. */
static enum reclaim_status owner_value(const struct ledger *ledger, const char *owner,
				       struct arena *arena, struct value *ret_value,
				       struct reclaim_error *error)
{
	const char *name = ledger->profile->roles[ROLE_OWNER];
	const struct column *column = name ? table_column(ledger->plan->table, name) : NULL;
	enum column_kind kind = column ? column->kind : COLUMN_PLAIN;
	unsigned char bytes[16];
	if ((kind == COLUMN_BYTES || kind == COLUMN_UUID) &&
	    !uuid_parse(owner, strlen(owner), bytes)) {
		return fail(error, RECLAIM_INVALID,
			    "owner '%s' must be a UUID on ledger '%s': its column '%s' is %s",
			    owner, ledger->profile->name, name, column->type);
	}
	if (kind != COLUMN_BYTES) {
		*ret_value = value_string(owner);
		return RECLAIM_OK;
	}
	const char *copy = arena_copy(arena, (const char *)bytes, sizeof(bytes));
	if (!copy) {
		return fail_no_memory(error);
	}
	*ret_value = value_bytes(VALUE_BLOB, copy, sizeof(bytes));
	return RECLAIM_OK;
}

static bool is_due(const struct plan *plan, const struct change *claim, const struct value *row)
{
	int64_t due = NO_TIME;
	int at = plan_cell(plan, claim->due);
	if (at < 0) {
		return true;
	}
	enum time_format format =
		plan_found_format(plan, plan->table, claim->due, plan->profile->time);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (plan->at.signals[i] == at) {
			format = plan_format(plan, (enum signal)i);
		}
	}
	return time_from_value(&row[at], format, &due) && due <= row_now(row);
}

static const char *role_copy(struct arena *arena, const struct plan *plan,
			     const struct value *row, enum role role)
{
	const char *text = row_text(plan, row, role);
	return text ? arena_string(arena, text) : NULL;
}

static bool copy_claim(struct claims *claims, const struct plan *plan, const struct value *row)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP token = { 0 };
	struct arena *arena = &claims->arena;
	struct claimed *c = &claims->items[claims->count];
	row_print_id(&id, plan, row);
	row_print_token(&token, plan, row);
	/* NOLINTNEXTLINE: items has room for all that is asked for */
	c->id = arena_string(arena, text_string(&id));
	c->token = arena_string(arena, text_string(&token));
	c->queue = role_copy(arena, plan, row, ROLE_QUEUE);
	c->kind = role_copy(arena, plan, row, ROLE_KIND);
	c->payload = role_copy(arena, plan, row, ROLE_PAYLOAD);
	c->attempt = row_number(plan, row, ROLE_ATTEMPTS, -1);
	c->max_attempts = row_number(plan, row, ROLE_MAX_ATTEMPTS, -1);
	c->lease_until = row_time(plan, row, SIGNAL_LEASE);
	c->deadline = row_time(plan, row, SIGNAL_DEADLINE);
	claims->count++;
	return c->id && c->token && !id.failed && !token.failed;
}

/* Takes one free row; it is read again, because the token is made of what the claim has written. */
static enum reclaim_status claim_row(struct ledger *ledger, const struct value *row,
				     const struct value *owner, int64_t lease,
				     struct claims *claims, struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	struct inputs inputs;
	struct value key[PLAN_KEY_MAX];
	struct text TEXT_CLEANUP id = { 0 };
	row_print_id(&id, plan, row);
	host_inputs(ledger, row, text_string(&id), &inputs);
	inputs.named[INPUT_OWNER] = *owner;
	if (lease > 0) {
		inputs.named[INPUT_LEASE] = value_int(lease);
	}
	bool changed = false;
	enum reclaim_status status =
		host_change(ledger, host_planned(ledger, VERB_CLAIM), &inputs,
			    /* with_error= */ false, &changed, error);
	if (status || !changed) {
		return status;
	}
	struct result RESULT_CLEANUP taken = { 0 };
	for (size_t i = 0; i < plan->key_count; i++) {
		key[i] = row[plan->at.key[i]];
	}
	inputs.key = key;
	status = planned_run(ledger->db, &plan->read, &inputs, &taken, error);
	if (!status && taken.rows == 1 &&
	    !copy_claim(claims, plan, result_cell(&taken, 0, 0))) {
		return fail_no_memory(error);
	}
	return status;
}

/* Free rows that are due, in the profile's order. A queue's rows only, when one is asked for. */
static enum reclaim_status claim_due(struct ledger *ledger, const struct claiming *claiming,
				     const struct value *owner, struct claims *claims,
				     struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	enum reclaim_status status = RECLAIM_OK;
	bool more = true;
	for (int64_t limit = claiming->count + 100; more && !status; limit *= 16) {
		struct result RESULT_CLEANUP rows = { 0 };
		struct inputs inputs = { 0 };
		inputs.named[INPUT_OWNER] = *owner;
		inputs.named[INPUT_LIMIT] = value_int(limit);
		status = planned_run(ledger->db, &plan->free, &inputs, &rows, error);
		for (size_t i = 0;
		     !status && i < rows.rows && (int64_t)claims->count < claiming->count;
		     i++) {
			const struct value *row = result_cell(&rows, i, 0);
			bool wanted =
				!claiming->queue ||
				string_equal(claiming->queue, row_text(plan, row, ROLE_QUEUE));
			if (wanted && is_due(plan, plan->verbs[VERB_CLAIM].change, row)) {
				status = claim_row(ledger, row, owner, claiming->lease, claims,
						   error);
			}
		}
		more = (int64_t)rows.rows == limit && (int64_t)claims->count < claiming->count;
	}
	return status;
}

enum reclaim_status host_claim(struct ledger *ledger, const struct claiming *claiming,
			       struct claims *ret_claims, struct reclaim_error *error)
{
	struct value owner;
	struct claims claims = { 0 };
	if (!host_planned(ledger, VERB_CLAIM)) {
		return host_unsupported(ledger, VERB_CLAIM, error);
	}
	if (claiming->queue && ledger->plan->at.roles[ROLE_QUEUE] < 0) {
		return fail(error, RECLAIM_INVALID, "queue '%s': ledger '%s' has no queues",
			    claiming->queue, ledger->profile->name);
	}
	enum reclaim_status status =
		owner_value(ledger, claiming->owner, &claims.arena, &owner, error);
	claims.items =
		arena_take(&claims.arena, sizeof(*claims.items) * (size_t)claiming->count);
	if (!status && !claims.items) {
		status = fail_no_memory(error);
	}
	if (!status) {
		status = ledger_begin(ledger, error);
	}
	if (!status) {
		status = claim_due(ledger, claiming, &owner, &claims, error);
		status = ledger_end(ledger, status, error);
	}
	if (status && status != RECLAIM_UNKNOWN) {
		claims_finish(&claims);
		return status;
	}
	*ret_claims = claims;
	return status;
}
