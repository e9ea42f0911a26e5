/* One task, every rule. */
#include "explain.h"

#include "duration.h"
#include "take.h"

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = { "fine", "stale", "vetoed", "held back", "blind" };
	return names[outcome];
}

void explanation_finish(struct explanation *explanation)
{
	result_finish(&explanation->row);
	text_finish(&explanation->reason);
	text_finish(&explanation->next);
	arena_finish(&explanation->arena);
	*explanation = (struct explanation){ 0 };
}

static const char *verdict_sentence(const struct explanation *e)
{
	switch (e->verdict.outcome) {
	case OUTCOME_FINE:
		return state_is_terminal(e->facts.state)
			       ? "the task is finished: no rule judges it"
			       : "no rule finds it stale";
	case OUTCOME_STALE:
		return "stale";
	case OUTCOME_VETOED:
		return "stale, but its worker proved alive";
	case OUTCOME_GRACE:
		return "stale, but a grace holds it back: the ledger was out of sight, and its "
		       "worker gets time to beat";
	case OUTCOME_BLIND:
		return e->unreadable ? "blind: a time can't be read"
				     : "blind: every time that the rules look at is NULL";
	}
	return "";
}

static void add_until(struct text *text, int64_t until, int64_t now)
{
	duration_print_human(text, until - now);
}

/* When a fine claim would become stale, by the rule that is nearest. */
static void say_when(struct explanation *e)
{
	int64_t soonest = INT64_MAX;
	const struct rule *rule = NULL;
	for (size_t i = 0; i < e->rule_count; i++) {
		const struct finding *f = &e->rules[i].finding;
		enum rule_kind kind = e->rules[i].rule->kind;
		bool counts = f->applies && !f->matches && f->signal != NO_TIME &&
			      f->threshold != AFTER_NEVER && kind != RULE_EVIDENCE;
		int64_t threshold =
			kind == RULE_DEADLINE || kind == RULE_LEASE ? 0 : f->threshold;
		if (counts && threshold - f->age < soonest && threshold - f->age > 0) {
			soonest = threshold - f->age;
			rule = e->rules[i].rule;
		}
	}
	if (rule) {
		text_printf(&e->next,
			    "nothing; without another sign of life rule '%s' takes it in ",
			    rule->name);
		duration_print_human(&e->next, soonest);
	} else {
		text_add(&e->next, "nothing");
	}
}

static void say_next(struct explanation *e)
{
	const struct verdict *v = &e->verdict;
	if (v->outcome == OUTCOME_FINE) {
		say_when(e);
	} else if (v->outcome != OUTCOME_STALE) {
		text_add(&e->next, "nothing");
	} else if (e->valve_holds) {
		text_add(&e->next, "nothing: the valve holds it back, let through in ");
		add_until(&e->next, e->valve_until, e->now);
	} else {
		text_printf(&e->next, "%s it%s (within the cap, oldest first)",
			    remedy_name(v->remedy),
			    v->spent ? ", because its budget is used up" : "");
	}
}

static enum reclaim_status find_all(struct pass *pass, const struct value *row,
				    struct explanation *e)
{
	struct judged judged;
	judge_row(pass, row, e->now, &judged);
	enum reclaim_status status = judge_budgets(pass, &judged, 1, e->now);
	if (status) {
		return status;
	}
	e->facts = judged.facts;
	e->verdict = judged.verdict;
	e->unreadable = judged.unreadable;
	e->rule_count = pass->policy->rule_count;
	e->rules = arena_take(&e->arena, sizeof(*e->rules) * e->rule_count);
	if (!e->rules) {
		return fail_no_memory(pass->error);
	}
	for (size_t i = 0; i < e->rule_count; i++) {
		struct explained_rule *r = &e->rules[i];
		r->rule = &pass->policy->rules[i];
		judge_rule(pass->policy, r->rule, &e->facts, &pass->grace, e->now, &r->finding);
		r->decides = e->verdict.rule == r->rule;
	}
	return RECLAIM_OK;
}

static enum reclaim_status say_all(struct pass *pass, const struct value *row,
				   struct explanation *e)
{
	struct judged judged = { .row = row, .facts = e->facts, .verdict = e->verdict };
	text_add(&e->reason, verdict_sentence(e));
	if (e->verdict.rule) {
		struct sweep_result told = { 0 };
		pass->result = &told;
		enum reclaim_status status = record(pass, &judged);
		if (!status) {
			text_printf(&e->reason, ": %s", told.tasks[0].reason);
		}
		sweep_result_finish(&told);
		if (status) {
			return status;
		}
	}
	say_next(e);
	return e->reason.failed || e->next.failed ? fail_no_memory(pass->error) : RECLAIM_OK;
}

enum reclaim_status explain(struct ledger *ledger, const char *id,
			    struct explanation *ret_explanation, struct reclaim_error *error)
{
	struct pass pass;
	struct valve valve = { 0 };
	struct explanation e = { 0 };
	enum reclaim_status status = pass_look(ledger, &pass, &valve, error);
	if (status) {
		return status;
	}
	status = ledger_read(ledger, id, &e.row, error);
	if (!status) {
		const struct value *row = result_cell(&e.row, 0, 0);
		e.now = row_now(row);
		status = find_all(&pass, row, &e);
		const struct suspect suspect = { e.verdict.last_signal, e.verdict.patience };
		e.valve_holds = e.verdict.outcome == OUTCOME_STALE &&
				rule_family(e.verdict.rule->kind) == FAMILY_SILENCE &&
				valve_holds(&valve, &suspect, e.now);
		e.valve_until =
			e.valve_holds ? suspect.last_signal + 2 * suspect.patience : NO_TIME;
		status = status ? status : say_all(&pass, row, &e);
	}
	pass_finish(&pass);
	if (status) {
		explanation_finish(&e);
		return status;
	}
	*ret_explanation = e;
	return RECLAIM_OK;
}
