/*
 * Sweeping on and on: a pass at once, then one an interval (missed ticks are skipped), a pass at once when a worker of
 * this host is seen to die, pruning once an hour; through outages of the database, which it tells of and records.
 */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "app.h"

struct daemon_options {
	int64_t interval;     /* 0: as the profile says */
	int stop;             /* readable: stop; -1: only app->cancel says so */
	bool quiet;           /* no lines when it starts and stops: the sweeper of a worker */
	volatile int *reread; /* set (by SIGHUP): read config and profile again; NULL: never */
};

/*
 * Runs until app->cancel is set or `stop` is readable; the exit code. It opens connections of its own. In a thread it
 * gets a copy of the struct app: setting the copy's `cancel` ends its calls on the database too.
 */
int daemon_run(struct app *app, const struct daemon_options *options);

#endif
