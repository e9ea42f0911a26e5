/* stale: every claim that the judge finds stale, oldest first, and what keeps it waiting. */
#include "array.h"
#include "rows.h"
#include "take.h"

#include <stdlib.h>

enum hold { HOLD_NONE, HOLD_GRACE, HOLD_VALVE, HOLD_CAP };

static const char *const hold_names[] = {
	[HOLD_NONE] = NULL,
	[HOLD_GRACE] = "grace",
	[HOLD_VALVE] = "valve",
	[HOLD_CAP] = "cap",
};

/* The visitor's state rides behind the pass; holds[i] belongs to result.tasks[i]. */
struct survey {
	struct pass pass;
	struct sweep_result result;
	enum hold *holds;
	size_t room;
};

static enum hold hold_of(struct pass *pass, const struct verdict *verdict)
{
	const struct suspect suspect = { .last_signal = verdict->last_signal,
					 .patience = verdict->patience };
	bool silence = rule_family(verdict->rule->kind) == FAMILY_SILENCE;
	if (verdict->outcome == OUTCOME_GRACE) {
		return HOLD_GRACE;
	}
	if (silence && valve_holds(&pass->valve, &suspect, pass->now)) {
		return HOLD_VALVE;
	}
	if (verdict->remedy == REMEDY_REPORT) {
		return HOLD_NONE;
	}
	return pass->room-- > 0 ? HOLD_NONE : HOLD_CAP;
}

static enum reclaim_status visit(struct pass *pass, const struct judged *judged,
				 bool *ret_go_on)
{
	struct survey *survey = (struct survey *)pass; /* the pass is its first member */
	const struct verdict *verdict = &judged->verdict;
	(void)ret_go_on;
	if (verdict->outcome != OUTCOME_STALE && verdict->outcome != OUTCOME_GRACE) {
		return RECLAIM_OK;
	}
	enum hold *holds = array_grown(survey->holds, sizeof(*holds), survey->result.task_count,
				       &survey->room);
	if (!holds) {
		return fail_no_memory(pass->error);
	}
	survey->holds = holds;
	survey->holds[survey->result.task_count] = hold_of(pass, verdict);
	return record(pass, judged);
}

static void survey_finish(struct survey *survey)
{
	sweep_result_finish(&survey->result);
	free(survey->holds);
}

#define SURVEY_CLEANUP __attribute__((cleanup(survey_finish)))

static enum reclaim_status look(struct ledger *ledger, struct survey *survey,
				struct reclaim_error *error)
{
	static const struct visitor visitor = { .row = visit, .needs_remedy = true };
	struct valve valve;
	enum reclaim_status status = pass_look(ledger, &survey->pass, &valve, error);
	if (!status) {
		survey->pass.result = &survey->result;
		status = scan(&survey->pass, &visitor);
		pass_finish(&survey->pass);
	}
	return status;
}

static void print_json(struct text *out, const struct survey *survey)
{
	for (size_t i = 0; i < survey->result.task_count; i++) {
		const struct swept_task *task = &survey->result.tasks[i];
		struct json json = { .out = out };
		json_open(&json, NULL, '{');
		swept_task_members(&json, task);
		json_string(&json, "state", state_word(task->from));
		json_string(&json, "native_state", task->from_native);
		json_string(&json, "held_back", hold_names[survey->holds[i]]);
		json_close(&json, '}');
		text_add(out, "\n");
	}
}

static void print_table(const struct app *app, struct text *out, const struct survey *survey)
{
	static const struct heading headings[] = {
		{ .title = "ID", .elastic = true, .least = ID_LEAST },
		{ .title = "RULE", .elastic = true },
		{ .title = "AGE", .right = true },
		{ .title = "NEXT SWEEP" },
		{ .title = "REASON", .tail = true },
	};
	const struct screen screen = screen_of(app);
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	for (size_t i = 0; i < survey->result.task_count; i++) {
		const struct swept_task *task = &survey->result.tasks[i];
		const char *held = hold_names[survey->holds[i]];
		struct text TEXT_CLEANUP next = { 0 };
		struct text TEXT_CLEANUP id = { 0 };
		id_show(&id, app->ledger->profile, task->id);
		text_printf(&next, held ? "waits: %s" : "%s",
			    held ? held : remedy_name(task->remedy));
		text_table_add(&table, TINT_PLAIN, text_string(&id));
		text_table_add(&table, TINT_PLAIN, task->rule);
		text_table_add_age(&table, task->age);
		text_table_add(&table, held ? TINT_WARN : TINT_PLAIN, text_string(&next));
		text_table_add(&table, TINT_PLAIN, task->reason);
	}
	text_table_print(out, &table, &screen);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct survey SURVEY_CLEANUP survey = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 0)) {
		return EXIT_USAGE;
	}
	if (look(app->ledger, &survey, &error)) {
		return app_fail(app, &error);
	}
	if (survey.result.task_count == 0) {
		say_none(app, "Nothing is stale in ledger '%s'.", app->ledger->profile->name);
		return EXIT_DONE;
	}
	if (app->json) {
		print_json(&out, &survey);
	} else {
		print_table(app, &out, &survey);
	}
	return app_out(app, &out);
}

const struct command stale_command = {
	.name = "stale",
	.arguments = "",
	.summary = "lists the claims that are stale now, and what the next sweep will do",
	.about = "The same look and the same judge as a sweep, and nothing is written. "
		 "NEXT SWEEP says what is tried, or what it waits for: grace (the ledger "
		 "was out of sight), valve (a mass expiry), cap (the pass is full).",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
