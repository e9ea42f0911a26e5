/* Checks how many words stand behind a command's options. */
#include "argument.h"

#include <string.h>

static bool too_many(const struct app *app, const char *argument)
{
	struct text TEXT_CLEANUP shown = { 0 };
	text_add_visible(&shown, argument, strlen(argument));
	app_usage(app, "'%s' is one argument too many; allowed: %s", text_string(&shown),
		  *app->command->arguments ? app->command->arguments : "none");
	return false;
}

bool no_arguments(const struct app *app, int argc, char **argv)
{
	return argc == 0 || too_many(app, argv[0]);
}

bool one_argument(const struct app *app, const char *what, bool required, int argc, char **argv,
		  const char **ret_argument)
{
	if (argc > 1) {
		return too_many(app, argv[1]);
	}
	if (argc == 0 && required) {
		app_usage(app, "%s is missing", what);
		return false;
	}
	*ret_argument = argc ? argv[0] : NULL;
	return true;
}
