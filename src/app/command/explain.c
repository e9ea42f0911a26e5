/* explain: every rule for one task, what it saw, the verdict, and what the next sweep will do. */
#include "explain.h"

#include "rows.h"

#include "duration.h"

#include <strings.h>

/* Whether the rule goes by a threshold. */
static bool has_threshold(const struct explained_rule *r)
{
	enum rule_kind kind = r->rule->kind;
	return kind == RULE_AGE || kind == RULE_HEARTBEAT || kind == RULE_WORKER;
}

static int64_t age_of(const struct explained_rule *r)
{
	return !r->finding.applies || r->finding.signal == NO_TIME ? NO_TIME : r->finding.age;
}

/* A lease or deadline that is still to come has an age below zero. */
static void add_age(struct text_table *table, int64_t age)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (age == NO_TIME || age >= 0) {
		text_table_add_age(table, age);
		return;
	}
	text_add(&text, "in ");
	duration_print_human(&text, -age);
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

static const char *opinion(const struct finding *f)
{
	return !f->applies  ? "does not apply"
	       : f->vetoed  ? "vetoed"
	       : f->held    ? "held back"
	       : f->matches ? "stale"
			    : "fine";
}

static enum tint opinion_tint(const struct finding *f)
{
	return !f->applies            ? TINT_FAINT
	       : f->vetoed || f->held ? TINT_BUSY
	       : f->matches           ? TINT_WARN
				      : TINT_GOOD;
}

/* ---- JSON ---- */

static void add_rule(struct json *json, const struct explained_rule *r)
{
	const struct finding *f = &r->finding;
	json_open(json, NULL, '{');
	json_string(json, "rule", r->rule->name);
	json_string(json, "kind", rule_kind_name(r->rule->kind));
	json_bool(json, "applies", f->applies);
	json_bool(json, "matches", f->matches);
	json_bool(json, "decides", r->decides);
	json_string(json, "finding", opinion(f));
	json_string(json, "saw", f->saw);
	json_time(json, "signal", f->signal);
	json_age(json, "threshold_s",
		 has_threshold(r) && f->threshold != AFTER_NEVER ? f->threshold : NO_TIME);
	json_age(json, "age_s", age_of(r));
	json_string(json, "remedy", remedy_name(r->rule->then));
	json_close(json, '}');
}

static void add_who(struct json *json, const struct plan *plan, const struct value *row)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP owner = { 0 };
	enum state state = row_state(plan, row);
	row_print_id(&id, plan, row);
	row_print_owner(&owner, plan, row);
	json_string(json, "id", text_string(&id));
	json_string(json, "state", state == STATE_NONE ? NULL : state_word(state));
	json_string(json, "native_state", row_native(plan, row));
	json_string(json, "owner", owner.size ? text_string(&owner) : NULL);
	json->out->failed |= id.failed || owner.failed;
}

static void print_json(struct text *out, const struct plan *plan, const struct explanation *e)
{
	const struct verdict *v = &e->verdict;
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	add_who(&json, plan, result_cell(&e->row, 0, 0));
	json_time(&json, "at", e->now);
	json_open(&json, "rules", '[');
	for (size_t i = 0; i < e->rule_count; i++) {
		add_rule(&json, &e->rules[i]);
	}
	json_close(&json, ']');
	json_string(&json, "evidence", evidence_name(e->facts.evidence));
	json_string(&json, "worker", presence_name(e->facts.presence));
	json_string(&json, "verdict", outcome_name(v->outcome));
	json_string(&json, "rule", v->rule ? v->rule->name : NULL);
	json_string(&json, "remedy", v->rule ? remedy_name(v->remedy) : NULL);
	json_bool(&json, "budget_used_up", v->rule && v->spent);
	json_string(&json, "reason", text_string(&e->reason));
	json_string(&json, "next", text_string(&e->next));
	json_string(&json, "unreadable", e->unreadable);
	json_time(&json, "valve_until", e->valve_holds ? e->valve_until : NO_TIME);
	json_close(&json, '}');
	text_add(out, "\n");
}

/* ---- text ---- */

static void print_head(struct text *out, const struct plan *plan, const struct explanation *e,
		       const struct screen *screen)
{
	const struct value *row = result_cell(&e->row, 0, 0);
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP state = { 0 };
	struct text TEXT_CLEANUP owner = { 0 };
	const char *native = row_native(plan, row);
	enum state word = row_state(plan, row);
	row_print_id(&id, plan, row);
	row_print_owner(&owner, plan, row);
	text_add(out, "task ");
	id_show(out, plan->profile, text_string(&id));
	text_add(out, "\n");
	text_add(&state, word == STATE_NONE ? "none of ours" : state_word(word));
	if (!native || strcasecmp(native, text_string(&state)) != 0) {
		text_printf(&state, " (%s)", native ? native : "NULL");
	}
	print_field(out, screen, "state", state_tint(word), text_string(&state));
	if (owner.size > 0) {
		print_field(out, screen, "owner", TINT_PLAIN, text_string(&owner));
	}
	out->failed |= id.failed || state.failed || owner.failed;
}

static void print_worker(struct text *out, const struct explanation *e,
			 const struct screen *screen)
{
	const struct facts *f = &e->facts;
	static const char *const known[] = {
		[WORKER_MISSING] = "has no row",
		[WORKER_ACTIVE] = "active",
		[WORKER_STALLED] = "stalled",
		[WORKER_STOPPED] = "stopped",
	};
	if (!f->owned || f->presence == WORKER_UNMAPPED) {
		return;
	}
	print_field(out, screen, "worker", TINT_PLAIN, known[f->presence]);
	print_field_time(out, screen, "worker seen", f->worker_seen, e->now);
	print_field_time(out, screen, "lease ends", effective_lease(f), e->now);
	print_field(out, screen, "evidence", TINT_PLAIN,
		    f->evidence == EVIDENCE_DEAD    ? "its process is gone"
		    : f->evidence == EVIDENCE_ALIVE ? "its process lives"
						    : "none, either way");
}

static void print_rules(struct text *out, const struct explanation *e,
			const struct screen *screen)
{
	static const struct heading headings[] = {
		{ .title = "RULE", .elastic = true },
		{ .title = "FINDS" },
		{ .title = "AGE", .right = true },
		{ .title = "LIMIT", .right = true },
		{ .title = "WHAT IT LOOKED AT", .tail = true },
	};
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	for (size_t i = 0; i < e->rule_count; i++) {
		const struct explained_rule *r = &e->rules[i];
		bool never = has_threshold(r) && r->finding.threshold == AFTER_NEVER;
		text_table_add(&table, TINT_PLAIN, r->rule->name);
		text_table_add(&table, opinion_tint(&r->finding), opinion(&r->finding));
		add_age(&table, age_of(r));
		if (never) {
			text_table_add(&table, TINT_FAINT, "never");
		} else {
			text_table_add_age(&table,
					   has_threshold(r) ? r->finding.threshold : NO_TIME);
		}
		text_table_add(&table, TINT_PLAIN, r->finding.saw);
	}
	text_add(out, "\n");
	text_table_print(out, &table, screen);
	text_add(out, "\n");
}

static enum tint outcome_tint(enum outcome outcome)
{
	static const enum tint tints[] = {
		[OUTCOME_FINE] = TINT_GOOD,   [OUTCOME_STALE] = TINT_WARN,
		[OUTCOME_VETOED] = TINT_BUSY, [OUTCOME_GRACE] = TINT_BUSY,
		[OUTCOME_BLIND] = TINT_BAD,
	};
	return tints[outcome];
}

static void print_all(struct text *out, const struct plan *plan, const struct explanation *e,
		      const struct screen *screen)
{
	print_head(out, plan, e, screen);
	print_worker(out, e, screen);
	print_rules(out, e, screen);
	print_field(out, screen, "verdict", outcome_tint(e->verdict.outcome),
		    text_string(&e->reason));
	if (e->unreadable) {
		print_field(out, screen, "unreadable", TINT_BAD, e->unreadable);
	}
	print_field(out, screen, "next sweep", TINT_PLAIN, text_string(&e->next));
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct explanation explanation = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	const struct screen screen = screen_of(app);
	(void)values;
	if (app_arguments(app, argc, argv, 1, 1)) {
		return EXIT_USAGE;
	}
	if (explain(app->ledger, argv[0], &explanation, &error)) {
		return app_fail(app, &error);
	}
	if (app->json) {
		print_json(&out, app->ledger->plan, &explanation);
	} else {
		print_all(&out, app->ledger->plan, &explanation, &screen);
	}
	explanation_finish(&explanation);
	return app_out(app, &out);
}

const struct command explain_command = {
	.name = "explain",
	.arguments = "ID",
	.summary = "says why a task is, or is not, recovered",
	.about = "Every rule in order: what it looked at, how old that is, and what it "
		 "makes of it; then the verdict and what the next sweep will do. It asks "
		 "the judge that the sweep asks.",
	.example = "reclaim explain 0193a5c2-7d1e-7c3a-9a52-6d1f0c4e8b77",
	.codes = "3 no such task",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
