/*
 * The program: what every command gets, and the table of commands. A command is one file and one row of the table.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "handle.h"
#include "json.h"
#include "look.h"
#include "verbs.h"

#include <stdatomic.h>
#include <stdio.h>

/* Exit codes: INTERFACE of the program, stable. */
enum {
	EXIT_DONE = 0,
	EXIT_FOUND_SOMETHING = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_REFUSED = 4,
	EXIT_BUSY = 5,
	EXIT_UNAVAILABLE = 6,
	EXIT_UNSUPPORTED = 7,
	EXIT_HELD_BACK = 8,
	EXIT_UNKNOWN = 9,
	EXIT_INTERNAL = 70,
	/* Nobody reads stdout any more: a command ends with it and the program makes it 0. */
	EXIT_UNREAD = 141,
};

/* What stands over a profile: the config file's or the environment's. */
enum override {
	OVERRIDE_INTERVAL,
	OVERRIDE_KEEP,
	OVERRIDE_PER_SWEEP,
	OVERRIDE_VALVE_MIN,
	OVERRIDE_COUNT
};
#define NOT_SET (-1)

struct app {
	struct arena arena;
	struct {
		const char *db, *profile, *config;
	} given; /* by options; NULL: not */
	/* From the options, else the environment, else the config file, else the default; config may be NULL. */
	const char *db, *profile, *config;
	int64_t from_config[OVERRIDE_COUNT], from_environment[OVERRIDE_COUNT]; /* NOT_SET */
	bool json;
	int verbosity; /* -1 quiet, 0, 1 verbose (debug lines), 2 trace */
	const struct command *command;
	bool colour;            /* stdout is a terminal, and NO_COLOR is not set */
	struct ledger *ledger;  /* open while a command that needs one runs */
	struct profile *loaded; /* NEED_PROFILE: with what stands over it */
	atomic_flag *
		told; /* set once: what is wrong in the environment has been told; copies share it */
	int64_t patience; /* how long to wait for others' locks; 0: the default; less: not at all */
	volatile int cancel; /* set by SIGINT and SIGTERM: calls on the database end soon */
};

/* One option of a command; the table makes getopt's list and the help. */
struct command_option {
	const char *name;     /* long, without "--" */
	const char *argument; /* shown in the help; NULL: a flag */
	const char *help;
	bool required;
};
#define OPTIONS_MAX 16 /* of one command */

enum need { NEED_NOTHING, NEED_PROFILE, NEED_LEDGER };

struct command {
	/* The arguments as the help shows them, by which they are counted: "", "ID", "[NAME]", "ID…". */
	const char *name, *arguments, *summary;
	const struct command_option *options; /* name NULL at the end; may be NULL */
	enum need need;
	bool creates; /* opens with create: only init and submit */
	bool looks;   /* opens read-only */
	bool takes_rest; /* its options end at the first argument: what follows is a command line */
	const char *about, *example; /* for the help; may be NULL */
	const char *codes; /* exit codes worth knowing besides 0, 2, 5 and 6; may be NULL */
	/* `values[i]` is the argument of options[i] ("" for a flag that is set), NULL when it was not given. */
	int (*run)(struct app *app, const char *const *values, int argc, char **argv);
};

extern const struct command *const commands[]; /* alphabetical, NULL at the end */

/* ---- for commands ---- */

int app_main(int argc, char **argv);
/* Prints "reclaim COMMAND: message" on stderr and gives the exit code of a status. */
int app_fail(const struct app *app, const struct reclaim_error *error);
/* The same without an exit code. */
void app_complain(const struct app *app, const char *format, ...) PRINTF_LIKE(2, 3);
int app_usage(const struct app *app, const char *format, ...) PRINTF_LIKE(2, 3);
int app_exit_code(enum reclaim_status status);
/* The number of arguments; 0, or EXIT_USAGE and it is said what is wrong. `most` -1: any number. */
int app_arguments(const struct app *app, int argc, char **argv, int least, int most);
/* A log line on stderr (not with -q; debug lines with -v): logfmt, or JSON with --json. */
void app_log(const struct app *app, bool debug, const char *format, ...) PRINTF_LIKE(3, 4);
void app_warn(const struct app *app, const char *format, ...) PRINTF_LIKE(2, 3);

/* Option values; false: said what is wrong. NULL leaves *ret as it is. */
bool app_duration(const struct app *app, const char *option, const char *value, int64_t *ret);
bool app_number(const struct app *app, const char *option, const char *value, int64_t least,
		int64_t most, int64_t *ret);
/* All of it; errno of the write that failed, or 0. */
int write_all(int fd, const char *data, size_t size);
/* Writes the buffer to stdout; the exit code says whether it arrived (EXIT_UNREAD: nobody reads any more). */
int app_out(const struct app *app, const struct text *text);
/* What `--limit` allows everywhere: 1…1000, default 100. */
bool app_limit(const struct app *app, const char *value, int64_t *ret);
/*
 * Opens another connection with this program's options (the daemon, the worker's keeper). Its calls end with
 * `app->cancel`: a thread that is to be stopped by itself gets a copy of the struct app.
 */
enum reclaim_status app_open_ledger(const struct app *app, struct ledger **ret_ledger,
				    struct reclaim_error *error);
/* The same for a command whose options say how it opens. */
enum reclaim_status app_open_as(const struct app *app, bool creates, bool looks,
				struct ledger **ret_ledger, struct reclaim_error *error);
struct reclaim_options app_options(const struct app *app);

#endif
