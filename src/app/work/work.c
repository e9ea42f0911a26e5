/* reclaim work: what it is asked, what it needs, signals, and the sweeps beside it. */
#include "clock.h"
#include "daemon.h"
#include "program.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define PATIENCE                                                                               \
	(1 * USEC_PER_SEC) /* of a call on the database: so long it does nothing else */
#define POLL_MOST (1 * USEC_PER_SEC)
#define CONCURRENCY_MAX 1000
#define FILES_A_COMMAND 4
#define FILES_ELSE 64
#define LAST_WORDS (2 * USEC_PER_SEC)

/* ---- signals ---- */

static void stop(struct work *work)
{
	work->stops++;
	if (work->stops == 1) {
		app_log(work->app, /* debug= */ false,
			"draining: claiming nothing more, waiting for %lld running",
			(long long)work->job_count);
	} else if (work->stops == 2) {
		int64_t grace = keeper_kill_grace(work->keeper);
		app_log(work->app, /* debug= */ false, "ending what runs: %lld",
			(long long)work->job_count);
		work->give_up_at = monotonic_now() + grace + LAST_WORDS;
		jobs_tell(work, GUARDIAN_TERM);
	} else {
		jobs_tell(work, GUARDIAN_KILL);
	}
}

static void signals_ready(struct source *source)
{
	struct signalfd_siginfo info;
	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			stop(source->context);
		}
	}
}

static void wake_ready(struct source *source)
{
	uint64_t count;
	(void)!read(source->fd, &count, sizeof(count));
}

static enum reclaim_status listen_to(struct work *work, struct source *source, int fd,
				     void (*ready)(struct source *),
				     struct reclaim_error *error)
{
	*source = (struct source){ .fd = fd, .ready = ready, .context = work };
	return fd >= 0 && loop_add(&work->loop, source)
		       ? RECLAIM_OK
		       : fail(error, RECLAIM_INTERNAL,
			      "no descriptor for the worker's loop: %s", strerror(errno));
}

/* As nohup leaves it. */
static bool is_ignored(int number)
{
	struct sigaction action;
	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static enum reclaim_status start_loop(struct work *work, struct reclaim_error *error)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	if (!is_ignored(SIGHUP)) {
		sigaddset(&ours, SIGHUP);
	}
	sigaddset(&ours, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	enum reclaim_status status = loop_init(&work->loop, error);
	if (!status) {
		status = listen_to(work, &work->signals,
				   signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK),
				   signals_ready, error);
	}
	if (!status) {
		status = listen_to(work, &work->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				   wake_ready, error);
	}
	return status;
}

/* ---- sweeping ---- */

/* A slow sweep delays no command: it has a thread and connections of its own. */
struct sweeper {
	struct app app;
	struct daemon_options options;
	pthread_t thread;
	bool runs;
};

static void *sweep(void *context)
{
	struct sweeper *sweeper = context;
	daemon_run(&sweeper->app, &sweeper->options);
	return NULL;
}

static void start_sweeper(const struct work *work, struct sweeper *sweeper)
{
	sweeper->app = *work->app;
	sweeper->options = (struct daemon_options){
		.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.quiet = true,
	};
	sweeper->runs = sweeper->options.stop >= 0 &&
			pthread_create(&sweeper->thread, NULL, sweep, sweeper) == 0;
	if (!sweeper->runs) {
		app_log(work->app, /* debug= */ false,
			"no thread for sweeping: this worker sweeps nothing");
	}
}

static void stop_sweeper(struct sweeper *sweeper)
{
	uint64_t one = 1;
	if (sweeper->runs) {
		__atomic_store_n(&sweeper->app.cancel, 1, __ATOMIC_RELAXED);
		(void)!write(sweeper->options.stop, &one, sizeof(one));
		pthread_join(sweeper->thread, NULL);
	}
	if (sweeper->options.stop >= 0) {
		close(sweeper->options.stop);
	}
}

/* ---- from the options to the cycle ---- */

/* A host's ledger may lack what a worker needs; that is better known before anything is claimed. */
static enum reclaim_status check_verbs(const struct ledger *ledger, struct reclaim_error *error)
{
	static const enum verb needed[] = { VERB_CLAIM, VERB_COMPLETE, VERB_FAIL };
	for (size_t i = 0; !ledger->profile->native && i < sizeof(needed) / sizeof(*needed);
	     i++) {
		if (!ledger->plan->verbs[needed[i]].change) {
			return fail(error, RECLAIM_UNSUPPORTED,
				    "work is not supported on ledger '%s': %s is not possible "
				    "(`reclaim init` with its profile may add what is missing)",
				    ledger->profile->name, verb_name(needed[i]));
		}
	}
	return RECLAIM_OK;
}

static enum reclaim_status make_room_for_files(struct work *work, struct reclaim_error *error)
{
	struct rlimit limit;
	rlim_t needed = (rlim_t)work->concurrency * FILES_A_COMMAND + FILES_ELSE;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return fail(error, RECLAIM_INTERNAL,
			    "the limit of open files can't be read: %s", strerror(errno));
	}
	work->running.files = limit;
	if (limit.rlim_cur >= needed) {
		return RECLAIM_OK;
	}
	limit.rlim_cur = needed;
	if (needed > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return fail(error, RECLAIM_INVALID,
			    "--concurrency %lld needs %llu open files; allowed here: %llu "
			    "(ulimit -n)",
			    (long long)work->concurrency, (unsigned long long)needed,
			    (unsigned long long)limit.rlim_max);
	}
	return RECLAIM_OK;
}

static enum reclaim_status prepare(struct work *work, struct reclaim_error *error)
{
	enum reclaim_status status = make_room_for_files(work, error);
	if (!status) {
		status = start_loop(work, error);
	}
	if (!status) {
		status = work_connect(work, error);
	}
	if (!status) {
		status = check_verbs(work->ledger, error);
	}
	if (!status) {
		random_seed(&work->random, ledger_random(work->ledger));
		const struct reclaim_options options = app_options(work->app);
		status = reclaim_keeper_start(&options, &work->keeping, &work->keeper, error);
	}
	return status;
}

static void work_on(struct work *work)
{
	char worker[RECLAIM_ID_SIZE];
	struct sweeper sweeper = { .options = { .stop = -1 } };
	reclaim_keeper_worker(work->keeper, &worker);
	app_log(work->app, /* debug= */ false, "working as %s: %s, concurrency %lld", worker,
		work->running.path, (long long)work->concurrency);
	work->running.loop = &work->loop;
	work->running.kill_grace = keeper_kill_grace(work->keeper);
	work->stops = work->app->cancel ? 1 : 0;
	if (work->sweep) {
		start_sweeper(work, &sweeper);
	}
	work_cycle(work);
	stop_sweeper(&sweeper);
}

static int finish(struct work *work, const struct reclaim_error *error)
{
	int code = error->status ? app_fail(work->app, error) : work->code;
	reclaim_keeper_stop(work->keeper);
	jobs_reap(work);
	loop_remove(&work->loop, &work->signals);
	loop_remove(&work->loop, &work->wake);
	loop_finish(&work->loop);
	ledger_close(work->ledger);
	claims_finish(&work->unsure);
	pthread_mutex_destroy(&work->mutex);
	free(work->guardians);
	return code;
}

enum {
	OPTION_QUEUE,
	OPTION_CONCURRENCY,
	OPTION_LEASE,
	OPTION_BEAT,
	OPTION_KILL_GRACE,
	OPTION_NAME,
	OPTION_POLL,
	OPTION_DRAIN,
	OPTION_NO_SWEEP,
};

static const struct command_option options[] = {
	[OPTION_QUEUE] = { "queue", "Q", "only tasks of this queue; default every queue" },
	[OPTION_CONCURRENCY] = { "concurrency", "N",
				 "so many commands at a time, 1 to 1000; default 1" },
	[OPTION_LEASE] = { "lease", "D",
			   "how long a claim is good without a beat; default 30s" },
	[OPTION_BEAT] = { "beat", "D", "how often to beat; default a third of the lease" },
	[OPTION_KILL_GRACE] = { "kill-grace", "D",
				"from SIGTERM to SIGKILL; default 5s, at most a third of the "
				"lease" },
	[OPTION_NAME] = { "name", "NAME",
			  "the worker's name, default host:pid; on a host's ledger the owner "
			  "it claims as" },
	[OPTION_POLL] = { "poll", "D", "look for tasks at least so often; default 1s" },
	[OPTION_DRAIN] = { "drain", NULL, "stop when nothing is due and nothing runs" },
	[OPTION_NO_SWEEP] = { "no-sweep", NULL, "leave sweeping to others" },
	{ NULL, NULL, NULL },
};

/* A duration above 0. */
static bool span(const struct app *app, const char *const *values, int option, int64_t *ret)
{
	const char *name = options[option].name;
	if (!app_duration(app, name, values[option], ret)) {
		return false;
	}
	if (values[option] && *ret <= 0) {
		app_usage(app, "--%s is '%s'; allowed: more than 0", name, values[option]);
		return false;
	}
	return true;
}

static bool read_options(struct work *work, const char *const *values)
{
	struct app *app = work->app;
	int64_t kill_grace = 0;
	if (!app_number(app, "concurrency", values[OPTION_CONCURRENCY], 1, CONCURRENCY_MAX,
			&work->concurrency) ||
	    !span(app, values, OPTION_LEASE, &work->keeping.lease) ||
	    !span(app, values, OPTION_BEAT, &work->keeping.beat) ||
	    !span(app, values, OPTION_POLL, &work->poll) ||
	    !app_duration(app, "kill-grace", values[OPTION_KILL_GRACE], &kill_grace)) {
		return false;
	}
	work->queue = values[OPTION_QUEUE];
	work->drain = values[OPTION_DRAIN] != NULL;
	work->sweep = values[OPTION_NO_SWEEP] == NULL;
	work->keeping.name = values[OPTION_NAME];
	/* 0 was asked for: SIGKILL at once. */
	work->keeping.kill_grace =
		values[OPTION_KILL_GRACE] && kill_grace == 0 ? -1 : kill_grace;
	work_poll_anew(work);
	return true;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	struct work work = { .app = app,
			     .concurrency = 1,
			     .poll = POLL_MOST,
			     .loop = { .fd = -1 },
			     .signals = { .fd = -1 },
			     .wake = { .fd = -1 },
			     .give_up_at = INT64_MAX,
			     .options = { .url = app->db,
					  .profile = app->profile,
					  .db = { .busy = PATIENCE } },
			     .running = { .argv = argv },
			     .keeping = { .lost = job_lost } };
	if (argc < 1) {
		return app_usage(
			app, "no command is given; allowed: work [OPTIONS] -- COMMAND [ARG…]");
	}
	if (!read_options(&work, values)) {
		return EXIT_USAGE;
	}
	work.keeping.context = &work;
	error.status = program_find(argv[0], &app->arena, &work.running.path, &error);
	if (error.status) {
		return app_fail(app, &error);
	}
	pthread_mutex_init(&work.mutex, NULL);
	error.status = prepare(&work, &error);
	if (!error.status) {
		work_on(&work);
	}
	return finish(&work, &error);
}

const struct command work_command = {
	.name = "work",
	.arguments = "-- COMMAND [ARG…]",
	.summary = "runs COMMAND for each task: payload on stdin, stdout is the result",
	.options = options,
	.need = NEED_NOTHING,
	.takes_rest = true,
	.run = run,
	.about = "The command finds RECLAIM_ID, RECLAIM_TOKEN, RECLAIM_ATTEMPT, "
		 "RECLAIM_KIND and RECLAIM_QUEUE in its environment. Exit status 0 "
		 "completes the task, 75 means not now (the attempt is given back), 100 "
		 "fails it for good, anything else fails it with the end of stderr, to be "
		 "tried again. On a lost lease, a cancel or the worker's own death the "
		 "command's process group is ended. SIGTERM, SIGINT and SIGHUP drain, a "
		 "second one ends at once.",
	.example = "reclaim work --concurrency 4 -- ./resize-image",
};
