/* Starts a command for a task, collects what it says, and puts it into words. */
#include "runner.h"

#include "app.h"
#include "arena.h"
#include "json.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK ((size_t)65536)
#define KILL_PATIENCE_MS 5000

/* ---- what it is given ---- */

/* A file in memory: a command that does not read it keeps nobody waiting. -1: errno says why not. */
static int payload_file(const char *payload)
{
	int fd = memfd_create("payload", MFD_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	if (write_all(fd, payload ? payload : "", payload ? strlen(payload) : 0) ||
	    lseek(fd, 0, SEEK_SET) < 0) {
		int code = errno;
		close(fd);
		errno = code;
		return -1;
	}
	return fd;
}

static const char *const told[] = { "RECLAIM_ID", "RECLAIM_TOKEN", "RECLAIM_ATTEMPT",
				    "RECLAIM_KIND", "RECLAIM_QUEUE" };
#define TOLD (sizeof(told) / sizeof(*told))

static bool is_told(const char *entry)
{
	for (size_t i = 0; i < TOLD; i++) {
		size_t size = strlen(told[i]);
		if (strncmp(entry, told[i], size) == 0 && entry[size] == '=') {
			return true;
		}
	}
	return false;
}

static const char *shown(const char *value)
{
	return value ? value : "";
}

/* Ours, and what it needs to know of its task. NULL: no memory. */
static char **make_environment(struct arena *arena, const struct errand *errand)
{
	char attempt[24];
	snprintf(attempt, sizeof(attempt), "%lld", (long long)errand->attempt);
	const char *values[TOLD] = { shown(errand->id), shown(errand->token),
				     errand->attempt < 0 ? NULL : attempt, shown(errand->kind),
				     shown(errand->queue) };
	size_t count = 0, size = 0;
	while (environ[size]) {
		size++;
	}
	char **list = arena_take(arena, sizeof(*list) * (size + TOLD + 1));
	for (size_t i = 0; list && i < size; i++) {
		if (!is_told(environ[i])) {
			list[count++] = environ[i];
		}
	}
	for (size_t i = 0; list && i < TOLD; i++) {
		if (values[i] &&
		    !(list[count++] = arena_printf(arena, "%s=%s", told[i], values[i]))) {
			return NULL;
		}
	}
	return list;
}

/* ---- what it says ---- */

static void keep_out(struct run *run, const char *data, size_t size)
{
	size_t room = RESULT_KEPT - run->kept.size;
	size_t kept = size < room ? size : room;
	text_add_bytes(&run->kept, data, kept);
	run->dropped += size - kept;
}

static void keep_err(struct run *run, const char *data, size_t size)
{
	struct text *tail = &run->tail;
	text_add_bytes(tail, data, size);
	if (tail->size > 4 * ERROR_KEPT) {
		size_t surplus = tail->size - ERROR_KEPT;
		memmove(tail->data, tail->data + surplus, ERROR_KEPT + 1);
		tail->size = ERROR_KEPT;
	}
}

/* One piece; false: there is none now. The end is an end. */
static bool read_piece(struct run *run, struct source *source,
		       void (*keep)(struct run *run, const char *data, size_t size))
{
	char piece[CHUNK];
	if (source->fd < 0) {
		return false;
	}
	ssize_t got = read(source->fd, piece, sizeof(piece));
	if (got > 0) {
		keep(run, piece, (size_t)got);
		return true;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_remove(run->loop, source);
	}
	return false;
}

static void out_ready(struct source *source)
{
	read_piece(source->context, source, keep_out);
}

static void err_ready(struct source *source)
{
	read_piece(source->context, source, keep_err);
}

/* A descendant that left the group may hold a pipe open for ever: what is there now is all. */
static void end(struct run *run)
{
	const size_t most = 256; /* whoever left the group may also write for ever */
	for (size_t i = 0; i < most && read_piece(run, &run->out, keep_out); i++) {
	}
	for (size_t i = 0; i < most && read_piece(run, &run->err, keep_err); i++) {
	}
	loop_remove(run->loop, &run->out);
	loop_remove(run->loop, &run->err);
	run->ended = true;
}

static void take_news(struct run *run, const struct guardian_news *news)
{
	switch ((enum guardian_news_kind)news->kind) {
	case NEWS_STARTED:
		run->group = news->value;
		break;
	case NEWS_NOT_STARTED:
		run->exec_error = news->value;
		break;
	case NEWS_ENDED:
	case NEWS_ENDED_BY_ORDER:
		run->by_order = news->kind == NEWS_ENDED_BY_ORDER;
		run->status = news->value;
		end(run);
		break;
	}
}

static void news_ready(struct source *source)
{
	struct run *run = source->context;
	struct guardian_news news;
	ssize_t got = read(source->fd, &news, sizeof(news));
	if (got == (ssize_t)sizeof(news)) {
		take_news(run, &news);
		return;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	loop_remove(run->loop, source);
	if (!run->ended) {
		/* Its command has died with it; the rest of the group has not. */
		run->orphaned = run->group != 0;
		if (run->group) {
			kill(-run->group, SIGKILL);
		}
		end(run);
	}
}

/* ---- start and finish ---- */

static void watch(struct run *run, struct source *source, int fd,
		  void (*ready)(struct source *))
{
	*source = (struct source){ .fd = fd, .ready = ready, .context = run };
	if (!loop_add(run->loop, source)) {
		run->unwatched = errno;
	}
}

/* Without its news the command would have no end: it ends now, and with it the guardian, who closes the news. */
static void end_unwatched(struct run *run)
{
	struct pollfd news = { .fd = run->news.fd, .events = POLLIN };
	struct guardian_news ignored;
	ssize_t got = 1;
	guardian_tell(run->guardian.control, GUARDIAN_KILL);
	while (got > 0 && poll(&news, 1, KILL_PATIENCE_MS) > 0) {
		got = read(news.fd, &ignored, sizeof(ignored));
	}
	end(run);
}

enum reclaim_status run_start(struct run *run, const struct running *running,
			      const struct errand *errand, int lock,
			      struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct guardian guardian = { 0 };
	int input = payload_file(errand->payload);
	if (input < 0) {
		return fail(error, RECLAIM_UNAVAILABLE, "no memory file for a payload: %s",
			    strerror(errno));
	}
	const struct guarding guarding = { .path = running->path,
					   .argv = running->argv,
					   .environment = make_environment(&arena, errand),
					   .input = input,
					   .lock = lock,
					   .kill_grace = running->kill_grace,
					   .files = running->files };
	enum reclaim_status status = guarding.environment
					     ? guardian_start(&guarding, &guardian, error)
					     : fail_no_memory(error);
	close(input);
	if (status) {
		return status;
	}
	*run = (struct run){ .loop = running->loop, .guardian = guardian };
	watch(run, &run->out, guardian.out, out_ready);
	watch(run, &run->err, guardian.err, err_ready);
	watch(run, &run->news, guardian.news, news_ready);
	if (run->unwatched) {
		end_unwatched(run);
	}
	return RECLAIM_OK;
}

void run_finish(struct run *run)
{
	if (run->loop) {
		loop_remove(run->loop, &run->out);
		loop_remove(run->loop, &run->err);
		loop_remove(run->loop, &run->news);
	}
	text_finish(&run->kept);
	text_finish(&run->tail);
}

/* ---- what it means ---- */

enum ending run_ending(const struct run *run)
{
	if (run->unwatched) {
		return ENDING_FAILED;
	}
	if (run->group == 0) {
		return ENDING_NO_PROCESS;
	}
	if (run->exec_error || run->orphaned || !WIFEXITED(run->status)) {
		return ENDING_FAILED;
	}
	switch (WEXITSTATUS(run->status)) {
	case 0:
		return ENDING_COMPLETED;
	case STATUS_NOT_NOW:
		return ENDING_NOT_NOW;
	case STATUS_NEVER_RETRY:
		return ENDING_FAILED_FOR_GOOD;
	default:
		return ENDING_FAILED;
	}
}

static bool is_json(const char *data, size_t size)
{
	return !memchr(data, '\0', size) && check_json("result", data, NULL) == RECLAIM_OK;
}

void run_result(const struct run *run, struct text *ret_json)
{
	struct text TEXT_CLEANUP plain = { 0 };
	size_t size = run->kept.size;
	bool line = size > 0 && run->dropped == 0 && run->kept.data[size - 1] == '\n';
	text_add_bytes(&plain, text_string(&run->kept), line ? size - 1 : size);
	if (plain.size > 0 && run->dropped == 0 && is_json(plain.data, plain.size)) {
		text_add_bytes(ret_json, plain.data, plain.size);
	} else if (plain.size > 0) {
		struct json json = { .out = ret_json };
		if (run->dropped > 0) {
			text_printf(&plain, " [%llu more bytes dropped]",
				    (unsigned long long)run->dropped);
		}
		json_bytes(&json, NULL, plain.data, plain.size);
	}
	ret_json->failed = ret_json->failed || plain.failed || run->kept.failed;
}

static void add_status(const struct run *run, const char *command, struct text *message)
{
	if (run->unwatched) {
		text_printf(message, "command '%s' can't be watched, and was killed: %s",
			    command, strerror(run->unwatched));
	} else if (run->exec_error) {
		text_printf(message, "command '%s' can't be started: %s", command,
			    strerror(run->exec_error));
	} else if (run->orphaned) {
		text_add(message, "the guardian of the command was killed");
	} else if (WIFSIGNALED(run->status)) {
		int number = WTERMSIG(run->status);
		const char *name = sigabbrev_np(number);
		if (name) {
			text_printf(message, "killed by signal SIG%s", name);
		} else {
			text_printf(message, "killed by signal %d", number);
		}
	} else {
		text_printf(message, "exit status %d", WEXITSTATUS(run->status));
	}
}

/* The end of stderr without its last line ends, as UTF-8 without NUL, within ERROR_KEPT bytes. */
static void add_tail(const struct run *run, struct text *message)
{
	struct text TEXT_CLEANUP raw = { 0 };
	struct text TEXT_CLEANUP valid = { 0 };
	text_add_bytes(&raw, text_string(&run->tail), run->tail.size);
	while (raw.size > 0 && strchr("\n\r \t", raw.data[raw.size - 1])) {
		raw.size--;
	}
	for (size_t i = 0; i < raw.size; i++) {
		raw.data[i] = raw.data[i] ? raw.data[i] : '\xff';
	}
	size_t from = raw.size > ERROR_KEPT ? raw.size - ERROR_KEPT : 0;
	for (size_t i = 0; i < 3 && from > 0 && (raw.data[from] & '\xc0') == '\x80'; i++) {
		from++;
	}
	if (raw.size > from) {
		text_add_valid(&valid, raw.data + from, raw.size - from);
		size_t cut = valid.size > ERROR_KEPT ? valid.size - ERROR_KEPT : 0;
		while (cut > 0 && (valid.data[cut] & '\xc0') == '\x80') {
			cut++;
		}
		text_printf(message, ": %s", text_string(&valid) + cut);
	}
}

void run_error(const struct run *run, const char *command, struct text *ret_message)
{
	add_status(run, command, ret_message);
	add_tail(run, ret_message);
}
