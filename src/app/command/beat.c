/* beat: the heartbeat of a host's worker. */
#include "app.h"

static const struct command_option options[] = {
	{ "worker", "W", "who lives", .required = true },
	{ "status", "S", "its label (default: the profile's active one)" },
	{ 0 },
};
enum { WORKER, STATUS };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	(void)argc;
	(void)argv;
	return verb_beat(app->ledger, values[WORKER], values[STATUS], &error)
		       ? app_fail(app, &error)
		       : EXIT_DONE;
}

const struct command beat_command = {
	.name = "beat",
	.arguments = "",
	.summary = "says that a worker of a host's ledger lives",
	.options = options,
	.need = NEED_LEDGER,
	.codes = "7 not on our own ledger, where workers register, nor where the profile has "
		 "no workers { beat }",
	.example = "reclaim --db URL --profile FILE beat --worker w1",
	.run = run,
};
