/* A pass over the claims of an earlier dry run: which of them are still the same. */
#include "looks.h"

#include "tell.h"

#include <inttypes.h>
#include <stdio.h>

#define CHANGED_NAMED 100

/* A token says which claim it is if every column of it is there. */
static bool has_token(const struct plan *plan)
{
	bool whole = plan->token_count > 0;
	for (size_t i = 0; i < plan->token_count; i++) {
		whole &= plan->at.token[i] > 0;
	}
	return whole;
}

bool fingerprint_of(const struct pass *pass, const struct judged *judged,
		    char ret_fingerprint[FINGERPRINT_SIZE])
{
	if (has_token(pass->plan)) {
		return false;
	}
	snprintf(ret_fingerprint, FINGERPRINT_SIZE, "%016" PRIx64,
		 row_fingerprint(pass->plan, judged->row));
	return true;
}

static bool is_same_claim(const struct pass *pass, const struct judged *judged,
			  const struct choice *choice)
{
	struct text TEXT_CLEANUP token = { 0 };
	char fingerprint[FINGERPRINT_SIZE];
	if (fingerprint_of(pass, judged, fingerprint)) {
		return string_equal(fingerprint, choice->fingerprint);
	}
	row_print_token(&token, pass->plan, judged->row);
	return string_equal(text_string(&token), choice->token);
}

static enum reclaim_status name_changed(struct pass *pass, const char *id, const char *how)
{
	struct sweep_result *result = pass->result;
	bool named = result->changed++ >= CHANGED_NAMED || result_add_changed(result, id, how);
	return named ? RECLAIM_OK : fail_no_memory(pass->error);
}

/* How a claim that is stale differs from the one in the plan; adds nothing if it does not. */
static void add_difference(struct text *out, const struct pass *pass,
			   const struct judged *judged, const struct choice *choice)
{
	const struct verdict *verdict = &judged->verdict;
	if (!is_same_claim(pass, judged, choice)) {
		text_add(out, "it was claimed again, or changed, since");
	} else if (verdict->outcome == OUTCOME_VETOED) {
		text_add(out, "its worker proves alive now");
	} else if (verdict->outcome == OUTCOME_FINE || verdict->outcome == OUTCOME_BLIND) {
		text_add(out, "no rule finds it stale now");
	} else if (!string_equal(verdict->rule->name, choice->rule) ||
		   verdict->remedy != choice->remedy) {
		text_printf(out, "the verdict was %s by rule %s, and is %s by rule %s now",
			    remedy_name(choice->remedy), choice->rule,
			    remedy_name(verdict->remedy), verdict->rule->name);
	}
}

enum reclaim_status choose(struct pass *pass, const struct judged *judged, bool *ret_chosen)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP how = { 0 };
	*ret_chosen = true;
	if (!pass->options->only) {
		return RECLAIM_OK;
	}
	row_print_id(&id, pass->plan, judged->row);
	struct choice *choice = chosen_find(pass->options->only, text_string(&id));
	if (!choice || choice->met) {
		pass->result->unplanned += !choice && judged->verdict.outcome == OUTCOME_STALE;
		*ret_chosen = false;
		return id.failed ? fail_no_memory(pass->error) : RECLAIM_OK;
	}
	choice->met = true;
	add_difference(&how, pass, judged, choice);
	*ret_chosen = how.size == 0;
	/* What is stale and not taken has to be told from what a cap holds back. */
	pass->stale_changed += how.size > 0 && judged->verdict.outcome == OUTCOME_STALE;
	if (id.failed || how.failed) {
		return fail_no_memory(pass->error);
	}
	return how.size > 0 ? name_changed(pass, choice->id, text_string(&how)) : RECLAIM_OK;
}

/* A row that the look has left out: it is fine, finished or gone. */
static enum reclaim_status name_missing(struct pass *pass, const struct choice *choice)
{
	struct result RESULT_CLEANUP row = { 0 };
	struct text TEXT_CLEANUP how = { 0 };
	struct reclaim_error why;
	if (pass->result->changed >= CHANGED_NAMED) {
		return name_changed(pass, choice->id, "");
	}
	enum reclaim_status status = ledger_read(pass->ledger, choice->id, &row, &why);
	if (status == RECLAIM_NOT_FOUND) {
		return name_changed(pass, choice->id, "there is no such task now");
	}
	if (status) {
		return fail(pass->error, status, "%s", why.message);
	}
	const struct value *cells = result_cell(&row, 0, 0);
	enum state state = row_state(pass->plan, cells);
	const char *native = row_native(pass->plan, cells);
	if (pass->plan->in_flight & STATE_BIT(state)) {
		text_add(&how, "no rule finds it stale now");
	} else {
		text_printf(&how, "it is %s now",
			    state == STATE_NONE && native ? native : state_word(state));
	}
	return how.failed ? fail_no_memory(pass->error)
			  : name_changed(pass, choice->id, text_string(&how));
}

enum reclaim_status choose_rest(struct pass *pass)
{
	const struct chosen *only = pass->options->only;
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; only && !status && i < only->count; i++) {
		if (!only->items[i].met) {
			status = name_missing(pass, &only->items[i]);
		}
	}
	return status;
}
