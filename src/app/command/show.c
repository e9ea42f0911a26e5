/* show: one task with all that the ledger keeps of it, and its history from the audit. */
#include "block.h"
#include "pieces.h"
#include "rows.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define HISTORY_MAX 1000

/* A task as it is shown. */
struct shown {
	const struct plan *plan;
	const struct value *row;
	const struct result *history;
	const struct screen screen;
	int64_t now;
};

/* Columns for people that have no word of ours. */
static bool is_plain_column(const struct plan *plan, int at)
{
	bool plain = at > 0;
	for (int i = 0; i < ROLE_COUNT; i++) {
		plain &= plan->at.roles[i] != at;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		plain &= plan->at.signals[i] != at;
	}
	return plain && !string_equal(plan->columns[at - 1], "progress");
}

static const struct value *progress_of(const struct shown *s)
{
	static const struct value none = { .type = VALUE_NULL };
	int at = plan_cell(s->plan, "progress");
	return at < 0 ? &none : &s->row[at];
}

/* ---- JSON ---- */

static void add_columns(struct json *json, const struct shown *s)
{
	json_open(json, "columns", '{');
	for (size_t i = 0; i < s->plan->show_count; i++) {
		int at = s->plan->at.show[i];
		if (is_plain_column(s->plan, at)) {
			struct text TEXT_CLEANUP text = { 0 };
			value_print(&text, &s->row[at]);
			json_bytes(json, s->plan->columns[at - 1],
				   value_is_null(&s->row[at]) ? NULL : text_string(&text),
				   text.size);
		}
	}
	json_close(json, '}');
}

static void print_json(struct text *out, const struct shown *s)
{
	static const enum role blocks[] = { ROLE_PRIORITY, ROLE_PAYLOAD, ROLE_RESULT };
	struct json json = { .out = out };
	struct text TEXT_CLEANUP problem = { 0 };
	const struct value *error = row_cell(s->plan, s->row, ROLE_ERROR);
	json_open(&json, NULL, '{');
	row_json_members(&json, s->plan, s->row);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		json_value(&json, role_name(blocks[i]), row_cell(s->plan, s->row, blocks[i]));
	}
	json_value(&json, "progress", progress_of(s));
	value_print(&problem, error);
	json_bytes(&json, "error", value_is_null(error) ? NULL : text_string(&problem),
		   problem.size);
	add_columns(&json, s);
	json_open(&json, "history", '[');
	for (size_t i = 0; i < s->history->rows; i++) {
		const struct audit_row event = audit_row_of(result_cell(s->history, i, 0));
		audit_json(&json, &event);
	}
	json_close(&json, ']');
	json_close(&json, '}');
	text_add(out, "\n");
}

/* ---- text ---- */

static void print_count(struct text *out, const struct shown *s, const char *label,
			enum role role, int64_t most)
{
	struct text TEXT_CLEANUP text = { 0 };
	int64_t count = row_number(s->plan, s->row, role, -1);
	if (count < 0) {
		return;
	}
	text_printf(&text, "%" PRId64, count);
	if (most >= 0 && most != NO_LIMIT) {
		text_printf(&text, " of %" PRId64, most);
	}
	print_field(out, &s->screen, label, TINT_PLAIN, text_string(&text));
}

static void print_state(struct text *out, const struct shown *s)
{
	struct text TEXT_CLEANUP text = { 0 };
	enum state state = row_state(s->plan, s->row);
	const char *native = row_native(s->plan, s->row);
	text_add(&text, state == STATE_NONE ? "none of ours" : state_word(state));
	if (!native || strcasecmp(native, text_string(&text)) != 0) {
		text_printf(&text, " (%s)", native ? native : "NULL");
	}
	print_field(out, &s->screen, "state", state_tint(state), text_string(&text));
}

static void print_text(struct text *out, const struct shown *s, const char *label,
		       const struct text *text)
{
	if (text->size > 0) {
		print_field(out, &s->screen, label, TINT_PLAIN, text_string(text));
	}
}

static void print_who(struct text *out, const struct shown *s)
{
	struct text TEXT_CLEANUP owner = { 0 };
	struct text TEXT_CLEANUP token = { 0 };
	row_print_owner(&owner, s->plan, s->row);
	row_print_token(&token, s->plan, s->row);
	print_text(out, s, "owner", &owner);
	print_text(out, s, "token", &token);
	for (int role = ROLE_KIND; role <= ROLE_QUEUE; role++) {
		struct text TEXT_CLEANUP text = { 0 };
		value_print(&text, row_cell(s->plan, s->row, (enum role)role));
		print_text(out, s, role_name((enum role)role), &text);
	}
}

static void print_counts(struct text *out, const struct shown *s)
{
	const struct policy *policy = &s->plan->policy;
	int64_t own = row_number(s->plan, s->row, ROLE_MAX_ATTEMPTS, -1);
	print_count(out, s, "attempts", ROLE_ATTEMPTS,
		    own >= 0 ? own : policy->budget_attempts);
	print_count(out, s, "recoveries", ROLE_RECOVERIES, policy->budget_recoveries);
	print_count(out, s, "priority", ROLE_PRIORITY, -1);
}

static void print_times(struct text *out, const struct shown *s)
{
	static const struct {
		enum signal signal;
		const char *label;
	} times[] = {
		{ SIGNAL_CREATED, "created" },  { SIGNAL_DUE, "due" },
		{ SIGNAL_CLAIMED, "claimed" },  { SIGNAL_BEAT, "last beat" },
		{ SIGNAL_LEASE, "lease ends" }, { SIGNAL_DEADLINE, "deadline" },
		{ SIGNAL_UPDATED, "updated" },  { SIGNAL_FINISHED, "finished" },
	};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		print_field_time(out, &s->screen, times[i].label,
				 row_time(s->plan, s->row, times[i].signal), s->now);
	}
	struct facts facts;
	const char *bad;
	if (row_state(s->plan, s->row) == STATE_RUNNING &&
	    row_facts(s->plan, s->row, &facts, &bad)) {
		print_field_time(out, &s->screen, "worker seen", facts.worker_seen, s->now);
		if (effective_lease(&facts) != facts.times[SIGNAL_LEASE]) {
			print_field_time(out, &s->screen, "shared lease",
					 effective_lease(&facts), s->now);
		}
	}
}

static void print_columns(struct text *out, const struct shown *s)
{
	for (size_t i = 0; i < s->plan->show_count; i++) {
		int at = s->plan->at.show[i];
		struct text TEXT_CLEANUP text = { 0 };
		if (is_plain_column(s->plan, at)) {
			value_print(&text, &s->row[at]);
			print_text(out, s, s->plan->columns[at - 1], &text);
		}
	}
}

static void print_event(struct text *out, const struct shown *s, const struct audit_row *event)
{
	struct text TEXT_CLEANUP line = { 0 };
	struct text TEXT_CLEANUP visible = { 0 };
	enum state to = STATE_NONE;
	text_add(out, "  ");
	print_time(out, event->at);
	text_add(out, "  ");
	if (event->to) {
		state_parse(event->to, &to);
	}
	tint_begin(out, &s->screen, state_tint(to));
	text_printf(out, "%s -> %s", event->from ? event->from : "-",
		    event->to ? event->to : "-");
	tint_end(out, &s->screen, state_tint(to));
	audit_print_what(&line, event);
	text_add_visible(&visible, text_string(&line), line.size);
	text_printf(out, "\n%*s", 24, "");
	print_wrapped(out, &s->screen, 24, text_string(&visible));
	text_add(out, "\n");
	out->failed |= line.failed || visible.failed;
}

static void print_history(struct text *out, const struct shown *s)
{
	tint_begin(out, &s->screen, TINT_FAINT);
	text_add(out, "history");
	tint_end(out, &s->screen, TINT_FAINT);
	text_add(out, s->history->rows ? "\n" : "\n  nothing in the audit\n");
	for (size_t i = 0; i < s->history->rows; i++) {
		const struct audit_row event = audit_row_of(result_cell(s->history, i, 0));
		print_event(out, s, &event);
	}
}

static void print_all(struct text *out, const struct shown *s)
{
	struct text TEXT_CLEANUP id = { 0 };
	row_print_id(&id, s->plan, s->row);
	text_add(out, "task ");
	id_show(out, s->plan->profile, text_string(&id));
	text_add(out, "\n");
	print_state(out, s);
	print_who(out, s);
	print_counts(out, s);
	print_times(out, s);
	print_columns(out, s);
	print_block(out, &s->screen, "payload", row_cell(s->plan, s->row, ROLE_PAYLOAD));
	print_block(out, &s->screen, "progress", progress_of(s));
	print_block(out, &s->screen, "result", row_cell(s->plan, s->row, ROLE_RESULT));
	print_block(out, &s->screen, "error", row_cell(s->plan, s->row, ROLE_ERROR));
	print_history(out, s);
	out->failed |= id.failed;
}

static enum reclaim_status read_history(struct ledger *ledger, const struct value *row,
					struct result *ret_rows, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP id = { 0 };
	row_print_id(&id, ledger->plan, row);
	return id.failed ? fail_no_memory(error)
			 : look_audit(ledger, text_string(&id), /* after= */ -1, HISTORY_MAX,
				      ret_rows, error);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct result RESULT_CLEANUP task = { 0 };
	struct result RESULT_CLEANUP history = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 1, 1)) {
		return EXIT_USAGE;
	}
	if (ledger_plan(app->ledger, &error) ||
	    ledger_read(app->ledger, argv[0], &task, &error) ||
	    read_history(app->ledger, result_cell(&task, 0, 0), &history, &error)) {
		return app_fail(app, &error);
	}
	const struct value *row = result_cell(&task, 0, 0);
	const struct shown shown = { .plan = app->ledger->plan,
				     .row = row,
				     .history = &history,
				     .screen = screen_of(app),
				     .now = row_now(row) };
	if (app->json) {
		print_json(&out, &shown);
	} else {
		print_all(&out, &shown);
	}
	return app_out(app, &out);
}

const struct command show_command = {
	.name = "show",
	.arguments = "ID",
	.summary = "shows one task: all of its fields and its history",
	.about = "Fields that the ledger does not keep are left out. On a terminal long "
		 "payloads are cut; --json has them byte for byte.",
	.example = "reclaim show 0193a5c2-7d1e-7c3a-9a52-6d1f0c4e8b77",
	.codes = "3 no such task",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
