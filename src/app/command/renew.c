/* renew: a worker says that it is still at it. */
#include "hand.h"

static const struct command_option options[] = {
	{ "token", "T", "what the claim came with", .required = true },
	{ "lease", "D", "good for so long from now (default: the profile's)" },
	{ "progress", "JSON", "how far it is" },
	{ 0 },
};
enum { TOKEN, LEASE, PROGRESS };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	int64_t lease = 0;
	(void)argc;
	if (!app_duration(app, options[LEASE].name, values[LEASE], &lease)) {
		return EXIT_USAGE;
	}
	if (app_open_ledger(app, &app->ledger, &error)) {
		return app_fail(app, &error);
	}
	lease = values[LEASE] ? lease : app->ledger->profile->lease;
	verb_renew(app->ledger, argv[0], values[TOKEN], lease, values[PROGRESS], &error);
	return hand_in_answer(app, argv[0], &error);
}

const struct command renew_command = {
	.name = "renew",
	.arguments = "ID",
	.summary = "keeps a claim: a worker's heartbeat",
	.options = options,
	.about = "It never shortens a lease.",
	.codes = "3 no such task, 4 the claim is lost: stop the work",
	.example = "reclaim renew ID --token T --progress '{\"done\":40}'",
	.run = run,
};
