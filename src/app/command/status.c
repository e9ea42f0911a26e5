/* status: how a ledger stands; --check tells a monitor, --watch a person. */
#include "condition.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct command_option options[] = {
	{ "check", NULL,
	  "exit 1 when something is stuck, blind, or stale for more than three intervals" },
	{ "watch", NULL, "again every second, until Ctrl-C" },
	{ 0 },
};
enum { OPTION_CHECK, OPTION_WATCH };

/* Says on stderr what is wrong; the exit code. */
static int check(const struct app *app, const struct condition *condition)
{
	struct text TEXT_CLEANUP problems = { 0 };
	if (condition_problems(&problems, app->ledger, condition) == 0) {
		return EXIT_DONE;
	}
	for (char *rest = problems.data, *line; (line = strsep(&rest, "\n")) && *line;) {
		app_complain(app, "%s", line);
	}
	return EXIT_FOUND_SOMETHING;
}

static int show(const struct app *app, bool watched, bool checks)
{
	struct condition condition = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	const struct screen screen = screen_of(app);
	if (condition_look(app->ledger, &condition, &error)) {
		return watched && app->cancel ? EXIT_DONE : app_fail(app, &error);
	}
	if (watched && !app->json && isatty(STDOUT_FILENO)) {
		text_add(&out,
			 "\033[H\033[J"); /* from the top, and the rest of the screen empty */
	}
	if (app->json) {
		condition_json(&out, app->ledger, &condition);
	} else {
		condition_print(&out, app->ledger, &condition, &screen);
	}
	int code = app_out(app, &out);
	if (code == EXIT_DONE && checks) {
		code = check(app, &condition);
	}
	condition_finish(&condition);
	return code;
}

static int watch(const struct app *app, bool checks)
{
	int code = EXIT_DONE;
	while (!app->cancel) {
		code = show(app, /* watched= */ true, checks);
		if (code != EXIT_DONE && code != EXIT_FOUND_SOMETHING) {
			break;
		}
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); /* a signal ends it */
	}
	return app->cancel ? EXIT_DONE : code;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	bool checks = values[OPTION_CHECK] != NULL;
	if (app_arguments(app, argc, argv, 0, 0)) {
		return EXIT_USAGE;
	}
	return values[OPTION_WATCH] ? watch(app, checks)
				    : show(app, /* watched= */ false, checks);
}

const struct command status_command = {
	.name = "status",
	.arguments = "",
	.summary = "shows how the ledger stands: tasks, workers, what is stale, the last sweep",
	.options = options,
	.about = "Native states and our words, zero-filled; what is stale now by the "
		 "judge of the sweep; and the last sweep. A monitor runs --check: it says "
		 "on stderr what needs a person.",
	.example = "reclaim status --check --json",
	.codes = "1 --check found something",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
