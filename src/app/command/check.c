/* check: what is wrong, or could be better, in profile, schema and settings; and how long a dead worker goes unnoticed. */
#include "lint.h"

#include "duration.h"
#include "index.h"

#include <string.h>

#define SAMPLE 50

/* ---- JSON ---- */

static void add_findings(struct json *json, const struct lint *lint)
{
	json_open(json, "findings", '[');
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *f = &lint->findings[i];
		json_open(json, NULL, '{');
		json_string(json, "severity", severity_name(f->severity));
		json_string(json, "subject", f->subject);
		json_string(json, "message", f->message);
		json_string(json, "fix", f->fix);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_worst_cases(struct json *json, const struct ledger *ledger)
{
	const struct policy *policy = &ledger->plan->policy;
	json_open(json, "worst_case", '[');
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct worst_case w = worst_case_of(ledger->profile, &policy->rules[i]);
		json_open(json, NULL, '{');
		json_string(json, "rule", policy->rules[i].name);
		json_string(json, "kind", rule_kind_name(policy->rules[i].kind));
		json_age(json, "threshold_s", w.threshold);
		json_string(json, "threshold_column", w.column);
		json_age(json, "interval_s", w.interval);
		json_age(json, "grace_s", w.grace);
		json_age(json, "worst_s", w.total);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_json(struct text *out, const struct lint *lint)
{
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	json_string(&json, "profile", lint->ledger->profile->name);
	json_string(&json, "table", lint->ledger->profile->table);
	json_int(&json, "errors", lint->counts[SEVERITY_ERROR]);
	json_int(&json, "warnings", lint->counts[SEVERITY_WARNING]);
	add_findings(&json, lint);
	add_worst_cases(&json, lint->ledger);
	json_open(&json, "grants", '[');
	for (size_t i = 0; i < lint->grant_count; i++) {
		json_string(&json, NULL, lint->grants[i]);
	}
	json_close(&json, ']');
	json_close(&json, '}');
	text_add(out, "\n");
}

/* ---- text ---- */

static void print_finding(struct text *out, const struct lint_finding *f,
			  const struct screen *screen)
{
	static const enum tint tints[] = { TINT_FAINT, TINT_WARN, TINT_BAD };
	struct text TEXT_CLEANUP line = { 0 };
	struct text TEXT_CLEANUP message = { 0 };
	tint_begin(out, screen, tints[f->severity]);
	text_printf(out, "%-9s", severity_name(f->severity));
	tint_end(out, screen, tints[f->severity]);
	text_printf(&line, "%s: %s", f->subject, f->message);
	text_add_visible(&message, text_string(&line), line.size);
	print_wrapped(out, screen, 9, text_string(&message));
	text_add(out, "\n");
	for (const char *fix = f->fix; fix;) {
		size_t size = strcspn(fix, "\n");
		text_printf(out, "%*s%.*s%s\n", 11, "", (int)size, fix, fix[size] ? "" : ";");
		fix = fix[size] ? fix + size + 1 : NULL;
	}
	out->failed |= line.failed || message.failed;
}

static void add_duration(struct text_table *table, int64_t duration)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (duration != NO_TIME) {
		duration_print(&text, duration);
	}
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

/* "1h, or the row's own NAME" */
static void add_threshold(struct text_table *table, const struct worst_case *w)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (w->threshold != NO_TIME) {
		duration_print(&text, w->threshold);
	}
	if (w->column) {
		text_printf(&text, "%sthe row's own %s", text.size ? ", or " : "", w->column);
	}
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

static void add_total(struct text_table *table, const struct worst_case *w)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (w->total != NO_TIME) {
		duration_print(&text, w->total);
	} else if (w->beyond != NO_TIME) {
		text_printf(&text, "%s + ", w->column);
		duration_print(&text, w->beyond);
	}
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

static void print_worst_cases(struct text *out, const struct ledger *ledger,
			      const struct screen *screen)
{
	static const struct heading headings[] = {
		{ .title = "RULE", .elastic = true },
		{ .title = "THRESHOLD", .right = true },
		{ .title = "+ INTERVAL", .right = true },
		{ .title = "+ START GRACE", .right = true },
		{ .title = "= AT WORST", .right = true },
	};
	const struct policy *policy = &ledger->plan->policy;
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct worst_case w = worst_case_of(ledger->profile, &policy->rules[i]);
		text_table_add(&table, TINT_PLAIN, policy->rules[i].name);
		bool told = w.beyond != NO_TIME;
		add_threshold(&table, &w);
		add_duration(&table, told ? w.interval : NO_TIME);
		add_duration(&table, told && w.grace > 0 ? w.grace : NO_TIME);
		add_total(&table, &w);
	}
	text_add(out,
		 "\nhow long a dead worker goes unnoticed, at worst, while a daemon sweeps\n");
	text_table_print(out, &table, screen);
}

static void print_grants(struct text *out, const struct lint *lint)
{
	if (lint->grant_count > 0) {
		text_add(out, "\nthe least rights of a role that sweeps\n");
	}
	for (size_t i = 0; i < lint->grant_count; i++) {
		text_printf(out, "  %s;\n", lint->grants[i]);
	}
}

static void print_text(struct text *out, const struct lint *lint, const struct screen *screen)
{
	for (int severity = SEVERITY_ERROR; severity >= SEVERITY_NOTE; severity--) {
		for (size_t i = 0; i < lint->count; i++) {
			if (lint->findings[i].severity == (enum severity)severity) {
				print_finding(out, &lint->findings[i], screen);
			}
		}
	}
	print_worst_cases(out, lint->ledger, screen);
	print_grants(out, lint);
	int errors = lint->counts[SEVERITY_ERROR], warnings = lint->counts[SEVERITY_WARNING];
	text_printf(out, "\n%d error%s, %d warning%s\n", errors, errors == 1 ? "" : "s",
		    warnings, warnings == 1 ? "" : "s");
}

/* ---- the command ---- */

static int report(const struct app *app, const struct lint *lint)
{
	struct text TEXT_CLEANUP out = { 0 };
	const struct screen screen = screen_of(app);
	out.failed = lint->failed;
	if (app->json) {
		print_json(&out, lint);
	} else {
		print_text(&out, lint, &screen);
	}
	int code = app_out(app, &out);
	return code != EXIT_DONE ? code : lint->counts[SEVERITY_ERROR] ? EXIT_USAGE : EXIT_DONE;
}

/* What needs a look at rows. */
static enum reclaim_status look(struct lint *lint, struct reclaim_error *error)
{
	static const struct listing newest = { .limit = SAMPLE };
	struct result RESULT_CLEANUP sample = { 0 };
	struct condition condition = { 0 };
	enum reclaim_status status = condition_look(lint->ledger, &condition, error);
	if (!status) {
		status = look_list(lint->ledger, &newest, &sample, error);
	}
	if (!status) {
		status = index_unused(lint->ledger, &lint->scans, error);
	}
	if (!status) {
		lint->condition = &condition;
		lint->sample = &sample;
		lint_columns(lint);
		status = lint_indexes(lint, error);
		lint_timing(lint);
		lint_promises(lint);
	}
	lint->condition = NULL;
	lint->sample = NULL;
	condition_finish(&condition);
	return status;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 0)) {
		return EXIT_USAGE;
	}
	struct lint lint = { .ledger = app->ledger };
	enum reclaim_status status = ledger_plan(app->ledger, &error);
	if (!status) {
		status = lint_rights(&lint, &error);
	}
	/* Who may not look is told which rights that takes, all at once. */
	if (!status && lint.counts[SEVERITY_ERROR] == 0) {
		status = lint_words(&lint, &error);
		status = status ? status : look(&lint, &error);
	}
	int code = status ? app_fail(app, &error) : report(app, &lint);
	lint_finish(&lint);
	return code;
}

const struct command check_command = {
	.name = "check",
	.arguments = "",
	.summary = "lints profile, schema, indexes, rights and timing; exit 2 when something "
		   "is wrong",
	.about = "Errors need mending, warnings are worth a look, notes say what this "
		 "ledger can't promise (I1, I4, …: the invariants). Then how long a dead "
		 "worker goes unnoticed, rule by rule.",
	.example = "reclaim --profile mine.conf check",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
