/* Gathers how a ledger stands: counts, workers, a look with the judge, the last sweep. */
#include "condition.h"

#include "duration.h"
#include "scan.h"

#include <inttypes.h>
#include <string.h>

#define PATIENCE 3 /* intervals that something may stay stale */

/* The visitor's state rides behind the pass. */
struct looking {
	struct pass pass;
	struct condition *condition;
};

static struct condition *condition_of(struct pass *pass)
{
	return ((struct looking *)pass)->condition; /* the pass is its first member */
}

static int64_t overdue_by(const struct verdict *verdict)
{
	const struct finding *f = &verdict->finding;
	enum rule_kind kind = verdict->rule->kind;
	bool past_a_threshold =
		kind == RULE_AGE || kind == RULE_HEARTBEAT || kind == RULE_WORKER;
	int64_t overdue = f->age;
	if (past_a_threshold && __builtin_sub_overflow(f->age, f->threshold, &overdue)) {
		return 0;
	}
	return overdue;
}

static void add_blind(struct text *out, const struct plan *plan, const struct judged *judged)
{
	row_print_id(out, plan, judged->row);
	if (judged->unreadable) {
		text_printf(out, ": '%s' holds no time that can be read\n", judged->unreadable);
	} else {
		text_add(out, ": every time that the rules look at is NULL\n");
	}
}

static enum reclaim_status judge_one(struct pass *pass, const struct judged *judged,
				     bool *ret_go_on)
{
	struct condition *c = condition_of(pass);
	enum outcome outcome = judged->verdict.outcome;
	(void)ret_go_on;
	if (outcome == OUTCOME_BLIND && c->blind++ < BLIND_NAMED) {
		add_blind(&c->blind_rows, pass->plan, judged);
	}
	c->vetoed += outcome == OUTCOME_VETOED;
	c->grace |= outcome == OUTCOME_GRACE;
	if (outcome == OUTCOME_STALE || outcome == OUTCOME_GRACE) {
		int64_t overdue = overdue_by(&judged->verdict);
		c->stale++;
		c->overdue = overdue > c->overdue ? overdue : c->overdue;
	}
	return RECLAIM_OK;
}

/* ---- the oldest claim ---- */

static int64_t claim_age(const struct plan *plan, const struct value *row)
{
	static const enum signal order[] = { SIGNAL_CLAIMED, SIGNAL_BEAT, SIGNAL_CREATED,
					     SIGNAL_UPDATED };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int64_t age, time = row_time(plan, row, order[i]);
		if (time != NO_TIME && !__builtin_sub_overflow(row_now(row), time, &age)) {
			return age;
		}
	}
	return NO_TIME;
}

static enum reclaim_status age_one(struct pass *pass, const struct judged *judged,
				   bool *ret_go_on)
{
	struct condition *c = condition_of(pass);
	int64_t age = claim_age(pass->plan, judged->row);
	(void)ret_go_on;
	c->oldest = age > c->oldest ? age : c->oldest;
	return RECLAIM_OK;
}

/* The first in a sweep's order is the oldest, unless the time it goes by is missing: then all have to be looked at. */
static enum reclaim_status find_oldest(struct pass *pass)
{
	static const struct visitor visitor = { .row = age_one };
	const struct plan *plan = pass->plan;
	struct result RESULT_CLEANUP first = { 0 };
	struct inputs inputs = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(1);
	enum reclaim_status status =
		planned_run(pass->ledger->db, &plan->every.first, &inputs, &first, pass->error);
	if (status || first.rows == 0) {
		return status;
	}
	const struct value *row = result_cell(&first, 0, 0);
	if (plan->order_at > 0 && !value_is_null(&row[plan->order_at])) {
		condition_of(pass)->oldest = claim_age(plan, row);
		return RECLAIM_OK;
	}
	pass->every_claim = true;
	return scan(pass, &visitor);
}

/* ---- all of it ---- */

static enum reclaim_status look_with_judge(struct ledger *ledger, struct condition *c,
					   struct reclaim_error *error)
{
	static const struct visitor visitor = { .row = judge_one };
	struct looking looking = { .condition = c };
	struct valve valve;
	enum reclaim_status status = pass_look(ledger, &looking.pass, &valve, error);
	if (status) {
		return status;
	}
	struct pass *pass = &looking.pass;
	c->now = pass->now;
	c->valve_holding = valve.holding;
	c->valve_until = valve.holding ? valve.until : NO_TIME;
	for (size_t i = 0; i < pass->crowd.count; i++) {
		c->workers[worker_state(ledger->profile, &pass->crowd.members[i])]++;
	}
	status = scan(pass, &visitor);
	status = status ? status : find_oldest(pass);
	pass_finish(pass);
	return status;
}

static enum reclaim_status look_at_turn(struct ledger *ledger, struct condition *c,
					struct reclaim_error *error)
{
	bool there = false;
	enum reclaim_status status = ledger_has_host_tables(ledger, &there, error);
	return status || !there ? status : turn_read(ledger, &c->turn, error);
}

enum reclaim_status condition_look(struct ledger *ledger, struct condition *ret_condition,
				   struct reclaim_error *error)
{
	struct condition c = { .oldest = NO_TIME, .valve_until = NO_TIME };
	enum reclaim_status status = ledger_plan(ledger, error);
	status = status ? status : look_counts(ledger, &c.counts, error);
	status = status ? status : look_with_judge(ledger, &c, error);
	status = status ? status : look_at_turn(ledger, &c, error);
	if (status) {
		condition_finish(&c);
		return status;
	}
	*ret_condition = c;
	return RECLAIM_OK;
}

void condition_finish(struct condition *condition)
{
	text_finish(&condition->blind_rows);
	counts_finish(&condition->counts);
	turn_finish(&condition->turn);
	*condition = (struct condition){ 0 };
}

int condition_problems(struct text *out, const struct ledger *ledger, const struct condition *c)
{
	int64_t stuck = c->counts.by_state[STATE_STUCK];
	int count = 0;
	if (stuck > 0) {
		text_printf(out,
			    "%" PRId64
			    " stuck: look with `list --state stuck`, then retry or cancel\n",
			    stuck);
		count++;
	}
	if (c->blind > 0) {
		text_printf(out,
			    "%" PRId64
			    " blind: in flight, and no rule can judge %s; see `explain ID`\n",
			    c->blind, c->blind == 1 ? "it" : "them");
		count++;
	}
	if (c->stale > 0 && c->overdue > PATIENCE * ledger->profile->interval) {
		text_printf(out, "%" PRId64 " stale, the oldest for ", c->stale);
		duration_print_human(out, c->overdue);
		text_add(out, ": more than three intervals of ");
		duration_print(out, ledger->profile->interval);
		text_add(out, "; see `stale`\n");
		count++;
	}
	return count;
}

/* ---- JSON ---- */

static void add_counts(struct json *json, const struct condition *c)
{
	json_open(json, "tasks", '{');
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		json_int(json, state_word((enum state)state), c->counts.by_state[state]);
	}
	json_close(json, '}');
	json_open(json, "native", '{');
	for (size_t i = 0; i < c->counts.native_count; i++) {
		json_int(json, c->counts.natives[i].native, c->counts.natives[i].count);
	}
	json_close(json, '}');
	json_open(json, "workers", '{');
	for (int presence = WORKER_ACTIVE; presence <= WORKER_STOPPED; presence++) {
		json_int(json, presence_name((enum presence)presence), c->workers[presence]);
	}
	json_close(json, '}');
}

static void add_problems(struct json *json, const struct ledger *ledger,
			 const struct condition *c)
{
	struct text TEXT_CLEANUP problems = { 0 };
	condition_problems(&problems, ledger, c);
	json_open(json, "problems", '[');
	for (char *rest = problems.data, *line; (line = strsep(&rest, "\n")) && *line;) {
		json_string(json, NULL, line);
	}
	json_close(json, ']');
	json->out->failed |= problems.failed;
}

void condition_json(struct text *out, const struct ledger *ledger, const struct condition *c)
{
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	json_string(&json, "profile", ledger->profile->name);
	json_time(&json, ledger->profile->health ? "timestamp" : "at", c->now);
	add_counts(&json, c);
	json_int(&json, "unmapped", c->counts.by_state[STATE_NONE]);
	json_int(&json, "in_flight", c->counts.in_flight);
	json_age(&json, "oldest_in_flight_s", c->oldest);
	json_int(&json, "stale", c->stale);
	json_seconds(&json, "stale_for_s", c->overdue);
	json_int(&json, "blind", c->blind);
	json_int(&json, "vetoed", c->vetoed);
	json_bool(&json, "grace", c->grace);
	json_string(&json, "valve", c->valve_holding ? "holding" : "open");
	json_time(&json, "valve_until", c->valve_until);
	add_problems(&json, ledger, c);
	json_time(&json, "last_sweep_at", c->turn.exists ? c->turn.last_at : NO_TIME);
	json_raw(&json, "last_sweep", c->turn.last_result);
	json_close(&json, '}');
	text_add(out, "\n");
}
