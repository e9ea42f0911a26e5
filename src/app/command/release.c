/* release: a worker gives its task back. */
#include "hand.h"

static const struct command_option options[] = {
	{ "token", "T", "what the claim came with", .required = true },
	{ 0 },
};
enum { TOKEN };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	(void)argc;
	verb_release(app->ledger, argv[0], values[TOKEN], &error);
	return hand_in_answer(app, argv[0], &error);
}

const struct command release_command = {
	.name = "release",
	.arguments = "ID",
	.summary = "gives a task back at once, and the attempt with it",
	.options = options,
	.need = NEED_LEDGER,
	.codes = "3 no such task, 4 the claim is lost, 7 the ledger has no such verb",
	.example = "reclaim release ID --token T",
	.run = run,
};
