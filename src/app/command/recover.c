/* recover: what earlier incarnations of an owner left running. */
#include "report.h"

static const struct command_option options[] = {
	{ "owner", "NAME", "who starts again", .required = true },
	{ 0 },
};
enum { OWNER };

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	struct sweep_result result = { 0 };
	(void)argc;
	(void)argv;
	if (pass_recover(app->ledger, values[OWNER], &result, &error)) {
		return app_fail(app, &error);
	}
	int code = report_pass(app, app->ledger->profile, &result);
	sweep_result_finish(&result);
	return code;
}

const struct command recover_command = {
	.name = "recover",
	.arguments = "",
	.summary = "requeues what an owner left running when it died; for its start",
	.options = options,
	.need = NEED_LEDGER,
	.codes = "7 the profile has no recover { … }",
	.example = "reclaim --db URL --profile FILE recover --owner dispatcher-1",
	.run = run,
};
