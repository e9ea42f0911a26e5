/* cancel: the operator takes tasks back. */
#include "hand.h"

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	(void)values;
	return operate(app, verb_cancel, STATE_CANCELLED, argc, argv);
}

const struct command cancel_command = {
	.name = "cancel",
	.arguments = "ID…",
	.summary = "cancels tasks, audited; whoever works on one is told at the next beat",
	.need = NEED_LEDGER,
	.codes = "3 no such task, 4 its state does not allow it, 7 the ledger has no such verb",
	.example = "reclaim cancel 0193a7c4-0000-7000-8000-000000000001",
	.run = run,
};
