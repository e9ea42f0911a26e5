/* complete: a worker hands its task in. */
#include "hand.h"

static const struct command_option options[] = {
	{ "token", "T", "what the claim came with", .required = true },
	{ "result", "JSON", "what came out" },
	{ 0 },
};
enum { TOKEN, RESULT };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	(void)argc;
	verb_complete(app->ledger, argv[0], values[TOKEN], values[RESULT], &error);
	return hand_in_answer(app, argv[0], &error);
}

const struct command complete_command = {
	.name = "complete",
	.arguments = "ID",
	.summary = "hands a task in: done",
	.options = options,
	.need = NEED_LEDGER,
	.about = "The same again is fine: when the answer got lost, repeat it with the same "
		 "token.",
	.codes = "3 no such task, 4 the claim is lost, 9 outcome unknown: repeat it",
	.example = "reclaim complete ID --token T --result '\"done\"'",
	.run = run,
};
