/* sweep: one pass. */
#include "report.h"
#include "told.h"

#include <errno.h>
#include <string.h>

static const struct command_option options[] = {
	{ "dry-run", NULL, "says what it would do, and writes nothing" },
	{ "limit", "N", "lowers the cap of the pass; 0: nothing is taken" },
	{ "force", NULL, "opens the valve, and allows a scan without an index" },
	{ "only", "PLAN",
	  "takes exactly the claims of an earlier --dry-run --json that are still the same; "
	  "-: standard input" },
	{ 0 },
};
enum { DRY_RUN, LIMIT, FORCE, ONLY };

static enum reclaim_status read_plan(struct app *app, const char *path, struct chosen *chosen,
				     struct reclaim_error *error)
{
	bool is_input = strcmp(path, "-") == 0;
	FILE *file = is_input ? stdin : fopen(path, "re");
	if (!file) {
		return fail(error, RECLAIM_INVALID,
			    "plan '%s' can't be read: %s; allowed: a file, or -", path,
			    strerror(errno));
	}
	enum reclaim_status status =
		chosen_read(file, path, app->ledger->profile, chosen, error);
	if (!is_input) {
		fclose(file);
	}
	return status;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct chosen chosen = { 0 };
	struct pass_options pass = { .dry_run = values[DRY_RUN] != NULL,
				     .force = values[FORCE] != NULL,
				     .limit = -1,
				     .only = values[ONLY] ? &chosen : NULL };
	struct reclaim_error error = { 0 };
	struct sweep_result result = { 0 };
	(void)argc;
	(void)argv;
	if (!app_number(app, options[LIMIT].name, values[LIMIT], 0, 1000000000, &pass.limit)) {
		return EXIT_USAGE;
	}
	if (app_open_as(app, /* creates= */ false, /* looks= */ pass.dry_run, &app->ledger,
			&error) ||
	    (values[ONLY] && read_plan(app, values[ONLY], &chosen, &error)) ||
	    pass_run(app->ledger, &pass, &result, &error)) {
		chosen_finish(&chosen);
		return app_fail(app, &error);
	}
	chosen_finish(&chosen);
	int code = report_pass(app, app->ledger->profile, &result);
	if (!pass.dry_run) {
		struct told told = { .app = app,
				     .profile = app->ledger->profile,
				     .only_theirs = true };
		tell_pass(&told, &result, /* in_grace= */ false);
	}
	sweep_result_finish(&result);
	return code;
}

const struct command sweep_command = {
	.name = "sweep",
	.arguments = "",
	.summary = "finds stale claims and puts each one right, once",
	.options = options,
	.about = "One pass, oldest claim first, at most as many as the profile's cap. "
		 "Each task is changed together with its audit row, and only if it is "
		 "still the claim that was judged. With --only nothing "
		 "is taken but the claims of a plan (what --dry-run printed as JSON) that are "
		 "still the same and judged the same; the others are named.",
	.codes = "8 done, but the valve holds claims back",
	.example = "reclaim --db URL --profile FILE --json sweep --dry-run > plan.json",
	.run = run,
};
