/* retry: the operator gives tasks a fresh start. */
#include "hand.h"

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	(void)values;
	return operate(app, verb_retry, STATE_READY, argc, argv);
}

const struct command retry_command = {
	.name = "retry",
	.arguments = "ID…",
	.summary = "gives stuck or finished tasks a fresh start, audited",
	.need = NEED_LEDGER,
	.about = "With a fresh budget, and a fresh deadline as long as the first.",
	.codes = "3 no such task, 4 its state does not allow it, 7 the ledger has no such verb",
	.example = "reclaim retry 0193a7c4-0000-7000-8000-000000000001",
	.run = run,
};
