/* dot: the state machine as Graphviz, from the table that the code runs on. */
#include "app.h"

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct text TEXT_CLEANUP out = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 0)) {
		return EXIT_USAGE;
	}
	if (!app->json) {
		state_dot(&out);
		return app_out(app, &out);
	}
	size_t count;
	const struct transition *all = transitions(&count);
	for (size_t i = 0; i < count; i++) {
		struct json json = { .out = &out };
		json_open(&json, NULL, '{');
		json_string(&json, "from", state_word(all[i].from));
		json_string(&json, "to", state_word(all[i].to));
		json_string(&json, "act", act_word(all[i].act));
		json_bool(&json, "host_only", all[i].host_only);
		json_close(&json, '}');
		text_add(&out, "\n");
	}
	return app_out(app, &out);
}

const struct command dot_command = {
	.name = "dot",
	.arguments = "",
	.summary = "draws the life of a task as Graphviz, from the table that the code runs on",
	.need = NEED_NOTHING,
	.run = run,
};
