/* From main to a command and back: options, settings, signals, the ledger, the exit code. */
#include "app.h"

#include "config.h"
#include "fault.h"
#include "options.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

enum reclaim_status app_open_as(const struct app *app, bool creates, bool looks,
				struct ledger **ret_ledger, struct reclaim_error *error)
{
	const struct ledger_options options = {
		.url = app->db,
		.profile = app->profile,
		.db = { .create = creates,
			.read_only = looks,
			.busy = app->patience,
			.cancel = (volatile int *)&app->cancel },
	};
	struct ledger *ledger;
	enum reclaim_status status = ledger_open(&options, &ledger, error);
	if (status) {
		return status;
	}
	config_override(app, ledger->profile);
	*ret_ledger = ledger;
	return RECLAIM_OK;
}

enum reclaim_status app_open_ledger(const struct app *app, struct ledger **ret_ledger,
				    struct reclaim_error *error)
{
	return app_open_as(app, /* creates= */ false, /* looks= */ false, ret_ledger, error);
}

struct reclaim_options app_options(const struct app *app)
{
	return (struct reclaim_options){ .db = app->db, .profile = app->profile };
}

static enum reclaim_status open_for(struct app *app, const struct command *command,
				    struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	switch (command->need) {
	case NEED_NOTHING:
		break;
	case NEED_PROFILE:
		status = ledger_profile(app->profile, app->db, &app->loaded, error);
		if (!status) {
			config_override(app, app->loaded);
		}
		break;
	case NEED_LEDGER:
		status =
			app_open_as(app, command->creates, command->looks, &app->ledger, error);
		break;
	}
	return status;
}

/* ---- the process ---- */

/* A descriptor that is closed would be the next file's: the database's. */
static void keep_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			/* The wrong way round, so that using it is an error. */
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		}
	}
}

/* What a signal handler can reach. */
static volatile int *cancelled;

static void cancel(int number)
{
	(void)number;
	*cancelled = 1;
}

static void ignore(int number)
{
	(void)number;
}

/* The first signal ends what is under way, the second ends the program. */
static void catch_signals(struct app *app)
{
	cancelled = &app->cancel;
	const struct sigaction once = { .sa_handler = cancel, .sa_flags = (int)SA_RESETHAND };
	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	/* Not SIG_IGN: a program that is started from here must find it as it was. */
	const struct sigaction never = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	sigaction(SIGPIPE, &never, NULL);
	sigaction(SIGXFSZ, &never, NULL); /* a file that may not grow is an error, and told */
}

static bool wants_colour(void)
{
	const char *without = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(without && *without) &&
	       !(terminal && strcmp(terminal, "dumb") == 0);
}

/* ---- running ---- */

static void report_trace(void *context, const char *line)
{
	app_log(context, /* debug= */ true, "%s", line);
}

/* What db_opened can reach. */
static struct app *traced;

static struct db *trace(struct db *db)
{
	return trace_wrap(db, report_trace, traced);
}

/* The task that an argument names, if it is as we have shown it and not as it is: see id_show. */
static void read_shown_id(struct app *app, char **argument)
{
	static const enum value_type type = VALUE_TEXT;
	struct result RESULT_CLEANUP raw = { 0 };
	struct result RESULT_CLEANUP decoded = { 0 };
	struct reclaim_error ignored;
	struct value id;
	if (strchr(*argument, '%') &&
	    ledger_read(app->ledger, *argument, &raw, &ignored) == RECLAIM_NOT_FOUND &&
	    key_parse(&app->arena, *argument, &type, 1, &id) &&
	    ledger_read(app->ledger, id.data, &decoded, &ignored) == RECLAIM_OK) {
		*argument = (char *)id.data;
	}
}

static void read_shown_ids(struct app *app, int argc, char **argv)
{
	struct reclaim_error ignored;
	bool ours = app->ledger && app->ledger->profile->native &&
		    strncmp(app->command->arguments, "ID", 2) == 0;
	for (int i = 0; ours && i < argc && !ledger_plan(app->ledger, &ignored); i++) {
		read_shown_id(app, &argv[i]);
	}
}

static int run_command(struct app *app, const struct request *request)
{
	const struct command *command = app->command;
	struct reclaim_error error = { 0 };
	int code = config_apply(app);
	if (code) {
		return code;
	}
	if (app->verbosity > 1) {
		traced = app;
		db_opened = trace;
	}
	if (open_for(app, command, &error)) {
		code = app_fail(app, &error);
	} else {
		read_shown_ids(app, request->argc, request->argv);
		code = command->run(app, request->values, request->argc, request->argv);
	}
	ledger_close(app->ledger);
	profile_destroy(app->loaded);
	return code;
}

static int answer(struct app *app, const struct request *request)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (request->version) {
		text_printf(&out, "reclaim %s\n", reclaim_version());
	} else if (app->command && request->help) {
		help_of(&out, app->command);
	} else if (request->help) {
		help_program(&out);
	} else if (app->command) {
		return run_command(app, request);
	} else {
		return app_usage(app, "no command is given; `reclaim --help` lists them");
	}
	return app_out(app, &out);
}

int app_main(int argc, char **argv)
{
	atomic_flag told = ATOMIC_FLAG_INIT;
	struct app app = { .told = &told };
	struct request request;
	keep_standard_files();
	catch_signals(&app);
	app.colour = wants_colour();
	int code = options_parse(&app, argc, argv, &request);
	if (!code) {
		code = answer(&app, &request);
	}
	arena_finish(&app.arena);
	return code == EXIT_UNREAD ? EXIT_DONE : code;
}
