/* Pages of rows, judged. */
#include "scan.h"

#include <stdlib.h>

#define PAGE 2000

void judge_row(struct pass *pass, const struct value *row, int64_t now,
	       struct judged *ret_judged)
{
	struct judged j = { .row = row };
	const char *bad = NULL;
	if (!row_facts(pass->plan, row, &j.facts, &bad)) {
		j.unreadable = bad;
		j.verdict = (struct verdict){ .outcome = OUTCOME_BLIND };
		*ret_judged = j;
		return;
	}
	struct text TEXT_CLEANUP owner = { 0 };
	row_print_owner(&owner, pass->plan, row);
	if (j.facts.evidence == EVIDENCE_UNKNOWN) {
		j.facts.evidence = crowd_evidence(&pass->crowd, text_string(&owner));
	}
	if (j.facts.evidence == EVIDENCE_UNKNOWN && pass->probes.sorted) {
		j.facts.evidence = probe_answer(&pass->probes, text_string(&owner),
						row_fingerprint(pass->plan, row));
	}
	judge(pass->policy, &j.facts, &pass->grace, now, &j.verdict);
	*ret_judged = j;
}

/* What a budget of recoveries is asked about, where our audit is what counts them. */
static bool needs_count(const struct pass *pass, const struct judged *judged)
{
	return pass->ledger->profile->counts_recoveries && judged->verdict.rule &&
	       judged->verdict.rule->then == REMEDY_REQUEUE;
}

enum reclaim_status judge_budgets(struct pass *pass, struct judged *items, size_t count,
				  int64_t now)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char **ids = arena_take(&arena, count * sizeof(*ids));
	size_t *places = arena_take(&arena, count * sizeof(*places));
	int64_t *counts = arena_take(&arena, count * sizeof(*counts));
	size_t asked = 0;
	if (!pass->ledger->profile->counts_recoveries) {
		return RECLAIM_OK;
	}
	if (!ids || !places || !counts) {
		return fail_no_memory(pass->error);
	}
	for (size_t i = 0; i < count; i++) {
		struct text TEXT_CLEANUP id = { 0 };
		if (needs_count(pass, &items[i])) {
			row_print_id(&id, pass->plan, items[i].row);
			places[asked] = i;
			ids[asked] = id.failed ? NULL : arena_string(&arena, text_string(&id));
			if (!ids[asked++]) {
				return fail_no_memory(pass->error);
			}
		}
	}
	enum reclaim_status status =
		asked ? ledger_recoveries(pass->ledger, ids, asked,
					  pass->ledger->profile->counts_within, counts,
					  pass->error)
		      : RECLAIM_OK;
	for (size_t i = 0; !status && i < asked; i++) {
		struct judged *judged = &items[places[i]];
		judged->facts.recoveries = counts[i];
		judge(pass->policy, &judged->facts, &pass->grace, now, &judged->verdict);
	}
	return status;
}

static bool is_wanted(const struct pass *pass, const struct value *row)
{
	struct text TEXT_CLEANUP owner = { 0 };
	if (!pass->only_owner) {
		return true;
	}
	row_print_owner(&owner, pass->plan, row);
	return string_equal(text_string(&owner), pass->only_owner);
}

static const struct planned *next_page(const struct pass *pass, const struct planned_find *find,
				       const struct value *last)
{
	int order = pass->plan->order_at;
	return !last                                      ? &find->first
	       : order > 0 && value_is_null(&last[order]) ? &find->after_null
							  : &find->after;
}

static enum reclaim_status scan_page(struct pass *pass, const struct result *rows,
				     const struct visitor *visitor, bool *ret_go_on)
{
	size_t count = 0;
	struct judged *page = malloc(rows->rows * sizeof(*page));
	if (!page) {
		return fail_no_memory(pass->error);
	}
	for (size_t i = 0; i < rows->rows; i++) {
		const struct value *row = result_cell(rows, i, 0);
		if (pass->now == NO_TIME) {
			pass->now = row_now(row);
		}
		if (is_wanted(pass, row)) {
			judge_row(pass, row, pass->now, &page[count++]);
		}
	}
	enum reclaim_status status = visitor->needs_remedy
					     ? judge_budgets(pass, page, count, pass->now)
					     : RECLAIM_OK;
	for (size_t i = 0; !status && *ret_go_on && i < count; i++) {
		status = visitor->row(pass, &page[i], ret_go_on);
	}
	free(page);
	if (!status && visitor->page_end) {
		status = visitor->page_end(pass, ret_go_on);
	}
	return status;
}

static enum reclaim_status scan_find(struct pass *pass, const struct planned_find *find,
				     const struct visitor *visitor, bool *go_on)
{
	struct result pages[2] = {
		0
	}; /* the last page's last row is where the next one starts */
	const struct value *last = NULL;
	enum reclaim_status status = RECLAIM_OK;
	bool more = find->present;
	for (int turn = 0; more && *go_on && !status; turn ^= 1) {
		struct inputs inputs = { .row = last };
		inputs.named[INPUT_LIMIT] = value_int(PAGE);
		inputs.named[INPUT_DEAD] = value_string(text_string(&pass->crowd.dead));
		result_finish(&pages[turn]);
		status = planned_run(pass->ledger->db, next_page(pass, find, last), &inputs,
				     &pages[turn], pass->error);
		if (!status && pages[turn].rows > 0) {
			last = result_cell(&pages[turn], pages[turn].rows - 1, 0);
			status = scan_page(pass, &pages[turn], visitor, go_on);
		}
		more = pages[turn].rows == PAGE;
	}
	result_finish(&pages[0]);
	result_finish(&pages[1]);
	return status;
}

enum reclaim_status scan(struct pass *pass, const struct visitor *visitor)
{
	const struct plan *plan = pass->plan;
	bool go_on = true;
	enum reclaim_status status = scan_find(
		pass, pass->every_claim ? &plan->every : &plan->find, visitor, &go_on);
	if (!status && !pass->every_claim) {
		status = scan_find(pass, &plan->late, visitor, &go_on);
	}
	return status;
}
