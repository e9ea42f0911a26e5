/* adopt: writes a profile for a table that nobody has described, and says what it would do. */
#include "guess.h"
#include "index.h"
#include "report.h"
#include "shell.h"
#include "survey.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN 5 /* tasks of the dry run */

struct adoption {
	const struct app *app;
	const char *name;
	struct ledger *looking; /* for its connection; its profile plays no part */
	struct survey survey;
	struct text profile, file;
	bool complete;
	struct ledger *ledger; /* with the profile; NULL: it is not complete */
	/* The statement that makes the index that is missing; NULL: one serves. */
	const char *index;
	struct sweep_result pass;
	struct reclaim_error no_pass; /* not OK: why there is no dry run */
};

static void adoption_finish(struct adoption *a)
{
	sweep_result_finish(&a->pass);
	ledger_close(a->ledger);
	text_finish(&a->file);
	text_finish(&a->profile);
	survey_finish(&a->survey);
	ledger_close(a->looking);
}

/* ---- the profile, held against its table ---- */

static enum reclaim_status open_with_it(struct adoption *a, struct reclaim_error *error)
{
	const struct ledger_options options = {
		.url = a->app->db,
		.profile = text_string(&a->file),
		.profile_text = text_string(&a->profile),
		.db = { .read_only = true, .cancel = (volatile int *)&a->app->cancel }
	};
	enum reclaim_status status = ledger_open(&options, &a->ledger, error);
	return status ? status : ledger_plan(a->ledger, error);
}

/* A statement may have several lines. */
static void add_index_comment(struct adoption *a)
{
	if (!a->index) {
		text_add(&a->profile, "\n# An index serves the claims in flight.\n");
		return;
	}
	text_add(&a->profile, "\n# No index serves the claims in flight: each look reads the "
			      "whole table. This makes one:\n#   ");
	for (const char *at = a->index; *at; at++) {
		text_add_char(&a->profile, *at);
		text_add(&a->profile, *at == '\n' ? "#   " : "");
	}
	text_add(&a->profile, ";\n");
}

static enum reclaim_status look_at_indexes(struct adoption *a, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	if (!index_serves(a->ledger->plan)) {
		status = index_statements(a->ledger, &a->survey.arena, &a->index, error);
	}
	if (!status && !a->ledger->plan->table->is_view) {
		add_index_comment(a);
	}
	return status;
}

static enum reclaim_status make_profile(struct adoption *a, struct reclaim_error *error)
{
	static const struct pass_options dry_run = { .dry_run = true, .limit = -1 };
	enum reclaim_status status = app_open_as(a->app, /* creates= */ false,
						 /* looks= */ true, &a->looking, error);
	status = status ? status : survey_table(a->looking->db, a->name, &a->survey, error);
	if (status) {
		return status;
	}
	a->complete = guess_profile(&a->survey.found, &a->profile);
	if (a->profile.failed) {
		return fail_no_memory(error);
	}
	if (!a->complete) {
		return RECLAIM_OK;
	}
	status = open_with_it(a, error);
	status = status ? status : look_at_indexes(a, error);
	if (!status) {
		pass_run(a->ledger, &dry_run, &a->pass, &a->no_pass);
	}
	return status;
}

/* ---- what to do next ---- */

static void add_reclaim(struct text *out, const struct adoption *a)
{
	const char *db = a->app->given.db;
	text_add(out, "reclaim ");
	if (db) {
		/* A password is never shown. */
		const struct url *url = a->looking->db->url;
		text_add(out, "--db ");
		text_add_shell(out, string_equal(url->shown, url->text) ? db : "URL");
		text_add(out, " ");
	}
}

/* The n-th of the commands to try, false: there are no more. */
static bool next_command(struct text *out, const struct adoption *a, size_t n)
{
	static const char *const commands_in_order[] = { "check", "sweep --dry-run",
							 "explain " };
	bool stale = a->pass.task_count > 0;
	if (n >= 3 || (n == 2 && !stale)) {
		return false;
	}
	add_reclaim(out, a);
	text_add(out, "--profile ./");
	text_add(out, text_string(&a->file));
	text_printf(out, " %s", commands_in_order[n]);
	if (n == 2) {
		text_add_shell(out, a->pass.tasks[0].id);
	}
	return true;
}

/* ---- for people ---- */

static void say_lines(const struct app *app, const char *indent, const struct text *lines)
{
	for (const char *at = text_string(lines); *at;) {
		size_t size = strcspn(at, "\n");
		app_complain(app, "%s%.*s", indent, (int)size, at);
		at += size + (at[size] == '\n');
	}
}

static void say_pass(const struct adoption *a)
{
	struct text TEXT_CLEANUP summary = { 0 };
	struct text TEXT_CLEANUP tasks = { 0 };
	struct sweep_result few = a->pass;
	if (a->no_pass.status) {
		app_complain(a->app, "no dry run: %s", a->no_pass.message);
		return;
	}
	few.task_count = few.task_count > SHOWN ? SHOWN : few.task_count;
	report_summary(&summary, &a->pass);
	report_tasks(&tasks, &few);
	say_lines(a->app, "", &summary);
	say_lines(a->app, "  ", &tasks);
	if (a->pass.task_count > few.task_count) {
		app_complain(a->app, "  … and %zu more", a->pass.task_count - few.task_count);
	}
	if (a->pass.blind > 0) {
		report_problems(a->app, a->ledger->profile, &a->pass);
	}
}

/* The shell has made the file by its umask; who reads the profile refuses one that others may write. */
static bool is_open_to_others(void)
{
	struct stat out;
	return fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode) &&
	       (out.st_mode & (S_IWGRP | S_IWOTH));
}

/* The first `most` of the commands to try, `word` before the first. */
static void say_next(const struct adoption *a, const char *word, size_t most)
{
	struct text TEXT_CLEANUP padding = { 0 };
	text_printf(&padding, "%*s", (int)strlen(word), "");
	if (is_open_to_others()) {
		app_complain(a->app, "%schmod go-w ./%s", word, text_string(&a->file));
		word = text_string(&padding);
	}
	for (size_t n = 0; n < most; n++) {
		struct text TEXT_CLEANUP command = { 0 };
		if (!next_command(&command, a, n)) {
			return;
		}
		app_complain(a->app, "%s%s", word, text_string(&command));
		word = text_string(&padding);
	}
}

static int say_what_is_missing(const struct adoption *a)
{
	const char *what;
	int line = 0;
	size_t size = 0;
	for (size_t n = 0; (what = guess_missing(&a->profile, n, &line, &size)); n++) {
		app_complain(a->app, "to be filled in, on line %d: %.*s", line, (int)size,
			     what);
	}
	say_next(a, "then: ", 1);
	return EXIT_USAGE;
}

static int say(const struct adoption *a)
{
	if (!a->complete) {
		return say_what_is_missing(a);
	}
	if (a->app->verbosity < 0) {
		return EXIT_DONE;
	}
	say_pass(a);
	if (!evidence_means(&a->survey.found, STATE_READY) && a->survey.found.state_count > 0) {
		app_complain(a->app,
			     "nothing shows which state means ready, so that nothing can "
			     "be requeued yet: name it in states { ready }");
	}
	say_next(a, "next: ", SIZE_MAX);
	return EXIT_DONE;
}

/* ---- for programs ---- */

static void add_columns(struct json *json, const struct evidence_of_table *found)
{
	json_open(json, "columns", '{');
	for (int p = 0; p < PART_COUNT; p++) {
		if (found->columns[p]) {
			json_string(json, part_name((enum part)p), found->columns[p]->name);
		}
	}
	json_close(json, '}');
}

static void add_states(struct json *json, const struct evidence_of_table *found)
{
	json_open(json, "states", '[');
	for (size_t i = 0; i < found->state_count; i++) {
		const struct state_seen *seen = &found->states[i];
		json_open(json, NULL, '{');
		json_string(json, "native", seen->native);
		json_string(json, "state",
			    seen->meant == STATE_NONE ? NULL : state_word(seen->meant));
		json_int(json, "count", seen->count < 0 ? 0 : seen->count);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_missing(struct json *json, const struct adoption *a)
{
	const char *what;
	int line = 0;
	size_t size = 0;
	json_open(json, "missing", '[');
	for (size_t n = 0; (what = guess_missing(&a->profile, n, &line, &size)); n++) {
		json_open(json, NULL, '{');
		json_int(json, "line", line);
		json_bytes(json, "what", what, size);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_pass(struct json *json, const struct adoption *a)
{
	struct text TEXT_CLEANUP pass = { 0 };
	if (a->complete && !a->no_pass.status) {
		sweep_result_json(&pass, a->ledger->profile, &a->pass, /* with_tasks= */ true);
	}
	json_raw(json, "dry_run", pass.size ? text_string(&pass) : NULL);
	json->out->failed |= pass.failed;
}

static void add_next(struct json *json, const struct adoption *a)
{
	json_open(json, "next", '[');
	for (size_t n = 0; a->complete; n++) {
		struct text TEXT_CLEANUP command = { 0 };
		if (!next_command(&command, a, n)) {
			break;
		}
		json_string(json, NULL, text_string(&command));
	}
	json_close(json, ']');
}

static int print_json(const struct adoption *a)
{
	struct text TEXT_CLEANUP out = { 0 };
	struct json json = { .out = &out };
	json_open(&json, NULL, '{');
	json_string(&json, "table", a->name);
	json_bool(&json, "complete", a->complete);
	json_string(&json, "profile", text_string(&a->profile));
	add_missing(&json, a);
	add_columns(&json, &a->survey.found);
	add_states(&json, &a->survey.found);
	json_string(&json, "index", a->index);
	add_pass(&json, a);
	json_string(&json, "no_dry_run", a->no_pass.status ? a->no_pass.message : NULL);
	add_next(&json, a);
	json_close(&json, '}');
	text_add(&out, "\n");
	int code = app_out(a->app, &out);
	return code ? code : a->complete ? EXIT_DONE : EXIT_USAGE;
}

/* ---- the command ---- */

/* A profile that is worth a look is shown, though it can't be held against its table. */
static int report(struct adoption *a, const struct reclaim_error *error)
{
	int code = EXIT_DONE;
	if (a->app->json && !error->status) {
		return print_json(a);
	}
	if (a->profile.size > 0 && !a->app->json) {
		code = app_out(a->app, &a->profile);
	}
	return code ? code : error->status ? app_fail(a->app, error) : say(a);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	const char *dot = strrchr(argv[0], '.');
	struct adoption a = { .app = app, .name = argv[0] };
	struct reclaim_error error = { 0 };
	(void)values;
	(void)argc;
	text_add_file_name(&a.file, dot && dot[1] ? dot + 1 : argv[0]);
	text_add(&a.file, ".conf");
	make_profile(&a, &error);
	int code = report(&a, &error);
	adoption_finish(&a);
	return code;
}

const struct command adopt_command = {
	.name = "adopt",
	.arguments = "TABLE",
	.summary = "writes a profile for a table of tasks, every guess marked",
	.about =
		"Reads the table's columns, types, defaults, CHECKs and indexes, its states "
		"and "
		"their counts, and how long finished tasks took, and writes to stdout the "
		"profile that they suggest. It only looks. Then it says on stderr what a sweep "
		"with it would do now, and what to try next; or what only a person can fill "
		"in, line by line. With --json all of it is one object.",
	.codes = "2 something has to be filled in; 3 no such table",
	.example = "reclaim --db URL adopt jobs > jobs.conf",
	.run = run,
};
