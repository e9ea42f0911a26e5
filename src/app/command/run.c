/* run: the daemon. */
#include "daemon.h"

#include <signal.h>

static const struct command_option options[] = {
	{ "interval", "D", "from one pass to the next (default: the profile's)" },
	{ "listen", "ADDR:PORT", "health, metrics and a page over HTTP" },
	{ 0 },
};
enum { INTERVAL, LISTEN };

/* Set by SIGHUP. */
static volatile int reread;

static void on_hangup(int number)
{
	(void)number;
	reread = 1;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct daemon_options daemon = { .stop = -1, .reread = &reread };
	(void)argc;
	(void)argv;
	if (values[LISTEN]) {
		app_complain(app, "--listen is not supported by this build: it has no HTTP");
		return EXIT_UNSUPPORTED;
	}
	if (!app_duration(app, options[INTERVAL].name, values[INTERVAL], &daemon.interval)) {
		return EXIT_USAGE;
	}
	if (values[INTERVAL] && daemon.interval == 0) {
		return app_usage(app, "--interval %s is not allowed; allowed: longer than 0",
				 values[INTERVAL]);
	}
	const struct sigaction hangup = { .sa_handler = on_hangup };
	sigaction(SIGHUP, &hangup, NULL);
	return daemon_run(app, &daemon);
}

const struct command run_command = {
	.name = "run",
	.arguments = "",
	.summary = "sweeps on and on: the daemon",
	.options = options,
	.about = "A pass at once, then one every interval; ticks that were missed are "
		 "skipped. A worker of this host that dies is noticed within moments. "
		 "When the database goes away it waits for it, and gives the workers time "
		 "when it is back. SIGTERM ends it, SIGHUP rereads the settings.",
	.codes = "7 --listen is not in this build",
	.example = "reclaim --db URL run --interval 10s",
	.run = run,
};
