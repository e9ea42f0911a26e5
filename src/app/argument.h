/* The words behind a command's options. */
#ifndef APP_ARGUMENT_H
#define APP_ARGUMENT_H

#include "app.h"

/* False: said what is wrong. */
bool no_arguments(const struct app *app, int argc, char **argv);
/* The only argument, called `what` in messages; NULL when it is not there and may be missing. */
bool one_argument(const struct app *app, const char *what, bool required, int argc, char **argv,
		  const char **ret_argument);

#endif
