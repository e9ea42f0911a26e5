/* Runs the probe for every owner, a few at a time. */
#include "probe.h"

#include "array.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIDE_BY_SIDE 16
#define HOLE "{owner}"

static bool add_claim(struct probe_list *list, uint64_t claim)
{
	uint64_t *claims = array_grown(list->claims, sizeof(*claims), list->claim_count,
				       &list->claim_room);
	if (!claims) {
		return false;
	}
	list->claims = claims;
	list->claims[list->claim_count++] = claim;
	return true;
}

static bool add_owner(struct probe_list *list, const char *owner)
{
	struct probed *items =
		array_grown(list->items, sizeof(*items), list->count, &list->room);
	if (!items) {
		return false;
	}
	list->items = items;
	const char *copy = arena_string(&list->arena, owner);
	if (copy) {
		list->items[list->count++] = (struct probed){ .owner = copy };
	}
	return copy != NULL;
}

bool probe_add(struct probe_list *list, const char *owner, uint64_t claim)
{
	return add_claim(list, claim) && add_owner(list, owner);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static int by_owner(const void *a, const void *b)
{
	const struct probed *x = a, *y = b;
	return strcmp(x->owner, y->owner);
}

/* In order, each owner once. */
static void sort_once(struct probe_list *list)
{
	size_t kept = 0;
	if (list->count > 0) {
		qsort(list->items, list->count, sizeof(*list->items), by_owner);
		qsort(list->claims, list->claim_count, sizeof(*list->claims), by_number);
	}
	for (size_t i = 0; i < list->count; i++) {
		if (kept == 0 ||
		    strcmp(list->items[kept - 1].owner, list->items[i].owner) != 0) {
			list->items[kept++] = list->items[i];
		}
	}
	list->count = kept;
	list->sorted = true;
}

/* ---- one question ---- */

struct asking {
	pid_t pid; /* 0: nobody is asked here */
	int pidfd;
	int64_t until;
	struct probed *probed;
};

/* The argument with every {owner} in it replaced. */
static char *argument(struct arena *arena, const char *word, const char *owner)
{
	struct text TEXT_CLEANUP text = { 0 };
	const char *hole;
	while ((hole = strstr(word, HOLE))) {
		text_add_bytes(&text, word, (size_t)(hole - word));
		text_add(&text, owner);
		word = hole + strlen(HOLE);
	}
	text_add(&text, word);
	return text.failed ? NULL : arena_copy(arena, text_string(&text), text.size);
}

static char **arguments(struct arena *arena, const struct names *command, const char *owner)
{
	char **argv = arena_take(arena, sizeof(*argv) * (command->count + 1));
	for (size_t i = 0; argv && i < command->count; i++) {
		argv[i] = argument(arena, command->items[i], owner);
		if (!argv[i]) {
			return NULL;
		}
	}
	return argv;
}

/* In a group of its own, away from the terminal, so that all of it can be ended. */
static int start(char **argv, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
					       POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	int problem = posix_spawnp(ret_pid, argv[0], &files, &how, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return problem;
}

static enum reclaim_status ask(const struct probe *probe, struct probed *probed,
			       struct asking *ret_asking, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	char **argv = arguments(&arena, &probe->command, probed->owner);
	if (!argv) {
		return fail_no_memory(error);
	}
	pid_t pid;
	int problem = start(argv, &pid);
	if (problem) {
		return fail(error, RECLAIM_INVALID,
			    "the profile's probe '%s' can't be started: %s", argv[0],
			    strerror(problem));
	}
	*ret_asking = (struct asking){ .pid = pid,
				       .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
				       .until = monotonic_now() + probe->timeout,
				       .probed = probed };
	return RECLAIM_OK;
}

static void answer(struct asking *asking, bool timed_out)
{
	int how = 0;
	if (timed_out) {
		kill(-asking->pid, SIGKILL);
	}
	while (waitpid(asking->pid, &how, 0) < 0 && errno == EINTR) {
	}
	bool ended = !timed_out && WIFEXITED(how);
	asking->probed->evidence = ended && WEXITSTATUS(how) == 0   ? EVIDENCE_ALIVE
				   : ended && WEXITSTATUS(how) == 1 ? EVIDENCE_DEAD
								    : EVIDENCE_UNKNOWN;
	if (asking->pidfd >= 0) {
		close(asking->pidfd);
	}
	*asking = (struct asking){ .pidfd = -1 };
}

/* ---- side by side ---- */

/* Waits until somebody has answered or is out of time; takes what there is. */
static void wait_for_some(struct asking *askings)
{
	struct pollfd polled[SIDE_BY_SIDE];
	int64_t now = monotonic_now(), soonest = INT64_MAX;
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		polled[i] = (struct pollfd){ .fd = askings[i].pid ? askings[i].pidfd : -1,
					     .events = POLLIN };
		if (askings[i].pid && askings[i].until < soonest) {
			soonest = askings[i].until;
		}
	}
	int64_t wait = soonest > now ? (soonest - now) / 1000 + 1 : 0;
	poll(polled, SIDE_BY_SIDE, wait > 1000 ? 1000 : (int)wait);
	now = monotonic_now();
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		bool done = polled[i].revents != 0;
		if (askings[i].pid && (done || askings[i].until <= now)) {
			answer(&askings[i], /* timed_out= */ !done);
		}
	}
}

static size_t running(const struct asking *askings)
{
	size_t count = 0;
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		count += askings[i].pid != 0;
	}
	return count;
}

static struct asking *free_place(struct asking *askings)
{
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		if (askings[i].pid == 0) {
			return &askings[i];
		}
	}
	return NULL;
}

enum reclaim_status probe_run(const struct probe *probe, struct probe_list *list,
			      struct reclaim_error *error)
{
	struct asking askings[SIDE_BY_SIDE] = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	sort_once(list);
	for (size_t next = 0; next < list->count || running(askings) > 0;) {
		struct asking *place = free_place(askings);
		if (!status && next < list->count && place) {
			status = ask(probe, &list->items[next++], place, error);
			next = status ? list->count : next;
		} else {
			wait_for_some(askings);
		}
	}
	return status;
}

enum evidence probe_answer(const struct probe_list *list, const char *owner, uint64_t claim)
{
	const struct probed wanted = { .owner = owner };
	const struct probed *found = list->sorted && list->count > 0
					     ? bsearch(&wanted, list->items, list->count,
						       sizeof(*list->items), by_owner)
					     : NULL;
	if (!found || found->evidence != EVIDENCE_DEAD) {
		return found ? found->evidence : EVIDENCE_UNKNOWN;
	}
	bool seen_before =
		bsearch(&claim, list->claims, list->claim_count, sizeof(claim), by_number);
	return seen_before ? EVIDENCE_DEAD : EVIDENCE_UNKNOWN;
}

void probe_finish(struct probe_list *list)
{
	free(list->items);
	free(list->claims);
	arena_finish(&list->arena);
	*list = (struct probe_list){ 0 };
}
