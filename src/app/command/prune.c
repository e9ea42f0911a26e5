/* prune: deletes what was finished long ago. */
#include "app.h"
#include "duration.h"
#include "turn.h"

static const struct command_option options[] = {
	{ "older-than", "D", "finished so long ago (default: the profile's keep)" },
	{ "dry-run", NULL, "only counts" },
	{ 0 },
};
enum { OLDER_THAN, DRY_RUN };

static void print(struct text *out, const struct app *app, const struct pruned *pruned,
		  int64_t older_than, bool dry_run)
{
	struct json json = { .out = out };
	if (app->json) {
		json_open(&json, NULL, '{');
		json_bool(&json, "dry_run", dry_run);
		json_seconds(&json, "older_than_s", older_than);
		json_int(&json, "tasks", pruned->tasks);
		json_int(&json, "events", pruned->events);
		json_close(&json, '}');
	} else {
		text_printf(out, "%s %lld finished tasks and %lld events older than ",
			    dry_run ? "would delete" : "deleted", (long long)pruned->tasks,
			    (long long)pruned->events);
		duration_print_human(out, older_than);
	}
	text_add_char(out, '\n');
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct pruned pruned = { 0 };
	bool dry_run = values[DRY_RUN] != NULL;
	int64_t older_than = AFTER_NEVER;
	(void)argc;
	(void)argv;
	if (!app_duration(app, options[OLDER_THAN].name, values[OLDER_THAN], &older_than)) {
		return EXIT_USAGE;
	}
	if (app_open_as(app, /* creates= */ false, /* looks= */ dry_run, &app->ledger,
			&error)) {
		return app_fail(app, &error);
	}
	older_than = values[OLDER_THAN] ? older_than : app->ledger->profile->keep;
	if (older_than == AFTER_NEVER && app->ledger->profile->native) {
		return app_usage(
			app,
			"everything is kept (keep = off); --older-than says how old is old");
	}
	if (ledger_plan(app->ledger, &error) ||
	    prune(app->ledger, older_than, dry_run, &pruned, &error)) {
		return app_fail(app, &error);
	}
	print(&out, app, &pruned, older_than, dry_run);
	return app_out(app, &out);
}

const struct command prune_command = {
	.name = "prune",
	.arguments = "",
	.summary = "deletes finished tasks and old audit",
	.options = options,
	.about = "In small batches. The daemon does it by itself once an hour.",
	.codes = "7 not on a host's ledger",
	.example = "reclaim prune --older-than 7d --dry-run",
	.run = run,
};
