/* Starts a guardian; all that runs in it is safe between fork and exec of a program with threads. */
#include "guardian.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define USEC INT64_C(1000000)
#define REAP_EVERY (10 * MSEC)
#define REAP_MOST (1 * USEC)
#define NEVER INT64_MAX

/* Everything in here is a descriptor of the guardian's own. */
struct guard {
	const struct guarding *guarding;
	int control, news, out, err;
	int children;  /* signalfd */
	int failure;   /* what exec says; closed by a successful one */
	pid_t command; /* and its process group */
	int64_t kill_at;
	bool ordered; /* the worker, or its end, has ended the command */
};

/* ---- in the guardian ---- */

static void report(const struct guard *guard, enum guardian_news_kind kind, int value)
{
	const struct guardian_news news = { .kind = (int)kind, .value = value };
	while (write(guard->news, &news, sizeof(news)) < 0 && errno == EINTR) {
	}
}

static void sort(int *numbers, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j > 0 && numbers[j] < numbers[j - 1]; j--) {
			int smaller = numbers[j];
			numbers[j] = numbers[j - 1];
			numbers[j - 1] = smaller;
		}
	}
}

static void close_from_to(unsigned first, unsigned last)
{
	struct rlimit limit;
	if (close_range(first, last, 0) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return;
	}
	for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++) {
		close((int)fd);
	}
}

/* Closes all others from 3 on; -1 among `kept` is nothing. */
static void close_others(int *kept, size_t count)
{
	unsigned first = 3;
	sort(kept, count);
	for (size_t i = 0; i < count; i++) {
		if (kept[i] >= (int)first) {
			if ((unsigned)kept[i] > first) {
				close_from_to(first, (unsigned)kept[i] - 1);
			}
			first = (unsigned)kept[i] + 1;
		}
	}
	close_from_to(first, ~0u);
}

static void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++) {
		signal(number, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The command, up to its exec. */
static void become_command(const struct guard *guard, pid_t parent)
{
	const struct guarding *guarding = guard->guarding;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(127);
	}
	setrlimit(RLIMIT_NOFILE, &guarding->files);
	if (dup2(guarding->input, STDIN_FILENO) >= 0 && dup2(guard->out, STDOUT_FILENO) >= 0 &&
	    dup2(guard->err, STDERR_FILENO) >= 0) {
		reset_signals();
		execve(guarding->path, guarding->argv, guarding->environment);
	}
	int code = errno;
	while (write(guard->failure, &code, sizeof(code)) < 0 && errno == EINTR) {
	}
	_exit(127);
}

static bool start_command(struct guard *guard)
{
	int failure[2];
	pid_t self = getpid();
	if (pipe2(failure, O_CLOEXEC) < 0) {
		return false;
	}
	guard->failure = failure[1];
	guard->command = _Fork();
	if (guard->command == 0) {
		become_command(guard, self);
	}
	int code = errno;
	close(failure[1]);
	guard->failure = failure[0];
	close(guard->guarding->input);
	close(guard->out);
	close(guard->err);
	errno = code;
	if (guard->command < 0) {
		return false;
	}
	setpgid(guard->command, guard->command);
	report(guard, NEWS_STARTED, (int)guard->command);
	return true;
}

static void end_group(const struct guard *guard, int number)
{
	kill(-guard->command, number);
	kill(-guard->command, SIGCONT);
}

/* False: the worker is gone, or has closed its side. */
static bool follow_order(struct guard *guard)
{
	char order;
	ssize_t got = read(guard->control, &order, 1);
	if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
		return true;
	}
	if (got == 1 && order == GUARDIAN_TERM) {
		if (guard->kill_at == NEVER) {
			guard->kill_at = monotonic_now() + guard->guarding->kill_grace;
			guard->ordered = true;
			end_group(guard, SIGTERM);
		}
		return true;
	}
	guard->kill_at = NEVER;
	guard->ordered = true;
	end_group(guard, SIGKILL);
	return got == 1;
}

/* Its number stays its own until it is reaped. */
static bool command_has_ended(const struct guard *guard)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)guard->command, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
	       info.si_pid == guard->command;
}

/* Adopted descendants; the command itself is left to be seen. */
static void reap_others(const struct guard *guard)
{
	siginfo_t info;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) != 0 ||
		    info.si_pid == 0 || info.si_pid == guard->command) {
			return;
		}
		waitpid(info.si_pid, NULL, 0);
	}
}

static int time_left(const struct guard *guard)
{
	if (guard->kill_at == NEVER) {
		return -1;
	}
	int64_t left = guard->kill_at - monotonic_now();
	return left <= 0 ? 0 : (int)(left / MSEC < 3600000 ? left / MSEC + 1 : 3600000);
}

static void watch(struct guard *guard)
{
	struct signalfd_siginfo signals[8];
	struct pollfd fds[] = { { .fd = guard->children, .events = POLLIN },
				{ .fd = guard->control, .events = POLLIN } };
	while (!command_has_ended(guard)) {
		poll(fds, 2, time_left(guard));
		if (fds[0].revents && read(guard->children, signals, sizeof(signals)) > 0) {
			reap_others(guard);
		}
		if (fds[1].revents && !follow_order(guard)) {
			fds[1].fd = -1;
		}
		if (guard->kill_at != NEVER && monotonic_now() >= guard->kill_at) {
			guard->kill_at = NEVER;
			end_group(guard, SIGKILL);
		}
	}
}

/* Until the group is empty, but not for a zombie in it whose parent has left the group and never reaps it. */
static void end_rest(const struct guard *guard)
{
	const struct timespec pause = { .tv_nsec = REAP_EVERY * 1000 };
	for (int64_t until = monotonic_now() + REAP_MOST; monotonic_now() < until;
	     nanosleep(&pause, NULL)) {
		while (waitpid(-1, NULL, WNOHANG) > 0) {
		}
		if (kill(-guard->command, SIGKILL) != 0) {
			break;
		}
	}
}

/* What is left of the group ends with its leader; then it is told how that one ended. */
static void finish(const struct guard *guard)
{
	int status = 0, code = 0;
	kill(-guard->command, SIGKILL);
	while (waitpid(guard->command, &status, 0) < 0 && errno == EINTR) {
	}
	end_rest(guard);
	if (read(guard->failure, &code, sizeof(code)) == (ssize_t)sizeof(code)) {
		report(guard, NEWS_NOT_STARTED, code);
	}
	report(guard, guard->ordered ? NEWS_ENDED_BY_ORDER : NEWS_ENDED, status);
}

/* Descendants that left the group: the lock is theirs too. */
static void outlive_descendants(const struct guard *guard)
{
	close(guard->news);
	close(guard->control);
	close(guard->failure);
	for (;;) {
		if (waitpid(-1, NULL, 0) < 0 && errno != EINTR) {
			break;
		}
	}
}

static void detach(struct guard *guard)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t child;
	setsid();
	prctl(PR_SET_NAME, "reclaim-guard");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int fd = 0; fd < 3 && nothing >= 0; fd++) {
		dup2(nothing, fd);
	}
	int kept[] = { guard->control,         guard->news,          guard->out, guard->err,
		       guard->guarding->input, guard->guarding->lock };
	close_others(kept, sizeof(kept) / sizeof(*kept));
	/* A child that was ignored would never be seen to end. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	guard->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* All signals are blocked: a guardian ends when its command has, and not before. */
static void guard_command(struct guard *guard)
{
	detach(guard);
	if (guard->children < 0 || !start_command(guard)) {
		report(guard, NEWS_NOT_STARTED, errno);
		_exit(1);
	}
	watch(guard);
	finish(guard);
	outlive_descendants(guard);
	_exit(0);
}

/* ---- in the worker ---- */

enum { CONTROL, NEWS, OUT, ERR, PIPES };
struct pipes {
	int ends[PIPES][2]; /* [1] is written to */
};

static void close_pipes(struct pipes *pipes)
{
	for (size_t i = 0; i < PIPES; i++) {
		for (size_t end = 0; end < 2; end++) {
			if (pipes->ends[i][end] >= 0) {
				close(pipes->ends[i][end]);
			}
		}
	}
}

/* The worker's ends never block; the command's ends are what every program expects. */
static bool make_pipes(struct pipes *pipes)
{
	static const int ours[PIPES] = { [CONTROL] = 1 };
	memset(pipes, -1, sizeof(*pipes));
	for (size_t i = 0; i < PIPES; i++) {
		if (pipe2(pipes->ends[i], O_CLOEXEC) < 0 ||
		    fcntl(pipes->ends[i][ours[i]], F_SETFL, O_NONBLOCK) < 0) {
			return false;
		}
	}
	return true;
}

static pid_t fork_guardian(struct guard *guard)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		guard_command(guard);
	}
	int code = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return pid;
}

enum reclaim_status guardian_start(const struct guarding *guarding,
				   struct guardian *ret_guardian, struct reclaim_error *error)
{
	struct pipes pipes;
	pid_t pid = -1;
	if (make_pipes(&pipes)) {
		struct guard guard = { .guarding = guarding,
				       .control = pipes.ends[CONTROL][0],
				       .news = pipes.ends[NEWS][1],
				       .out = pipes.ends[OUT][1],
				       .err = pipes.ends[ERR][1],
				       .kill_at = NEVER };
		pid = fork_guardian(&guard);
	}
	if (pid < 0) {
		enum reclaim_status status =
			fail(error, RECLAIM_UNAVAILABLE, "no process for a command: %s",
			     strerror(errno));
		close_pipes(&pipes);
		return status;
	}
	*ret_guardian = (struct guardian){ .pid = pid,
					   .control = pipes.ends[CONTROL][1],
					   .news = pipes.ends[NEWS][0],
					   .out = pipes.ends[OUT][0],
					   .err = pipes.ends[ERR][0] };
	pipes.ends[CONTROL][1] = pipes.ends[NEWS][0] = -1;
	pipes.ends[OUT][0] = pipes.ends[ERR][0] = -1;
	close_pipes(&pipes);
	return RECLAIM_OK;
}

void guardian_tell(int control, enum guardian_order order)
{
	char byte = (char)order;
	while (write(control, &byte, 1) < 0 && errno == EINTR) {
	}
}
