/* The command line: global options anywhere, a command, its options, its arguments. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "app.h"

struct request {
	const char *values[OPTIONS_MAX]; /* as the command's options stand in its table */
	bool help, version;
	int argc; /* the command's arguments */
	char **argv;
};

/* The options that stand anywhere; name NULL at the end. */
extern const struct command_option global_options[];

/* Sets app->command and what the global options say; 0, or EXIT_USAGE and it is said what is wrong. */
int options_parse(struct app *app, int argc, char **argv, struct request *ret_request);

/* ---- help.c ---- */
void help_program(struct text *out);
void help_of(struct text *out, const struct command *command);
const struct command *command_find(const char *name);
/* Says that there is no such command, which comes nearest, and which there are; EXIT_USAGE. */
int command_unknown(const struct app *app, const char *name);

#endif
