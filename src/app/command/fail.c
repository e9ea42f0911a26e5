/* fail: a worker hands its task in, undone. */
#include "hand.h"

static const struct command_option options[] = {
	{ "token", "T", "what the claim came with", .required = true },
	{ "error", "TEXT", "what went wrong", .required = true },
	{ "retry-in", "D", "try again after so long (default: longer each time)" },
	{ "no-retry", NULL, "failed for good" },
	{ 0 },
};
enum { TOKEN, ERROR, RETRY_IN, NO_RETRY };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	int64_t retry_in = -1;
	(void)argc;
	if (!app_duration(app, options[RETRY_IN].name, values[RETRY_IN], &retry_in)) {
		return EXIT_USAGE;
	}
	if (values[RETRY_IN] && values[NO_RETRY]) {
		return app_usage(
			app,
			"--retry-in and --no-retry stand there together; allowed: one of them");
	}
	if (app_open_ledger(app, &app->ledger, &error)) {
		return app_fail(app, &error);
	}
	verb_fail(app->ledger, argv[0], values[TOKEN], values[ERROR], retry_in,
		  values[NO_RETRY] != NULL, &error);
	return hand_in_answer(app, argv[0], &error);
}

const struct command fail_command = {
	.name = "fail",
	.arguments = "ID",
	.summary = "hands a task in: it went wrong",
	.options = options,
	.about = "The task runs again later while it has attempts left.",
	.codes = "3 no such task, 4 the claim is lost, 9 outcome unknown: repeat it",
	.example = "reclaim fail ID --token T --error 'no such host' --retry-in 10m",
	.run = run,
};
