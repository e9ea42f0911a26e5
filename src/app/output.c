/* What leaves the program: the answer on stdout, everything else on stderr. */
#include "app.h"
#include "clock.h"
#include "timefmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0 && errno != EINTR) {
			return errno;
		}
		data += written > 0 ? written : 0;
		size -= written > 0 ? (size_t)written : 0;
	}
	return 0;
}

int app_out(const struct app *app, const struct text *text)
{
	if (text->failed) {
		app_complain(app, "out of memory");
		return EXIT_INTERNAL;
	}
	int problem = write_all(STDOUT_FILENO, text->data, text->size);
	if (problem == EPIPE) {
		return EXIT_UNREAD;
	}
	if (problem) {
		app_complain(app, "the answer can't be written to stdout: %s",
			     strerror(problem));
		return EXIT_UNAVAILABLE;
	}
	return EXIT_DONE;
}

/* One line, harmless on a terminal; a stderr that can't be written is nobody's to tell. */
static void say(const struct app *app, const char *message)
{
	struct text TEXT_CLEANUP line = { 0 };
	text_printf(&line, "reclaim%s%s: ", app->command ? " " : "",
		    app->command ? app->command->name : "");
	text_add_visible(&line, message, strlen(message));
	text_add_char(&line, '\n');
	(void)write_all(STDERR_FILENO, line.data, line.size);
}

static void say_list(const struct app *app, const char *format, va_list list)
	__attribute__((format(printf, 2, 0)));
static void say_list(const struct app *app, const char *format, va_list list)
{
	char *message = NULL;
	if (vasprintf(&message, format, list) >= 0) {
		say(app, message);
		free(message);
	}
}

void app_complain(const struct app *app, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say_list(app, format, list);
	va_end(list);
}

int app_usage(const struct app *app, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say_list(app, format, list);
	va_end(list);
	if (app->command) {
		app_complain(app, "`reclaim help %s` says more", app->command->name);
	}
	return EXIT_USAGE;
}

int app_exit_code(enum reclaim_status status)
{
	switch (status) {
	case RECLAIM_OK:
		return EXIT_DONE;
	case RECLAIM_INVALID:
		return EXIT_USAGE;
	case RECLAIM_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case RECLAIM_LOST:
	case RECLAIM_NOT_ALLOWED:
		return EXIT_REFUSED;
	case RECLAIM_BUSY:
		return EXIT_BUSY;
	case RECLAIM_UNAVAILABLE:
		return EXIT_UNAVAILABLE;
	case RECLAIM_UNSUPPORTED:
		return EXIT_UNSUPPORTED;
	case RECLAIM_UNKNOWN:
		return EXIT_UNKNOWN;
	case RECLAIM_NO_MEMORY:
	case RECLAIM_INTERNAL:
		break;
	}
	return EXIT_INTERNAL;
}

int app_fail(const struct app *app, const struct reclaim_error *error)
{
	bool interrupted = app->cancel && error->status == RECLAIM_BUSY;
	say(app, interrupted ? "interrupted" : error->message);
	return app_exit_code(error->status);
}

/* ---- log lines ---- */

static void add_logfmt(struct text *line, const char *level, const char *message)
{
	struct text TEXT_CLEANUP shown = { 0 };
	text_add_visible(&shown, message, strlen(message));
	text_printf(line, " level=%s msg=\"", level);
	for (const char *at = text_string(&shown); *at; at++) {
		if (*at == '"' || *at == '\\') {
			text_add_char(line, '\\');
		}
		text_add_char(line, *at);
	}
	text_add_char(line, '"');
}

static void add_line(struct text *line, bool as_json, const char *level, const char *message)
{
	int64_t time = machine_now();
	if (as_json) {
		struct json json = { .out = line };
		json_open(&json, NULL, '{');
		json_time(&json, "time", time);
		json_string(&json, "level", level);
		json_string(&json, "msg", message);
		json_close(&json, '}');
	} else {
		text_add(line, "time=");
		time_print_rfc3339(line, time);
		add_logfmt(line, level, message);
	}
	text_add_char(line, '\n');
}

static void log_list(const struct app *app, const char *level, const char *format, va_list list)
	__attribute__((format(printf, 3, 0)));
static void log_list(const struct app *app, const char *level, const char *format, va_list list)
{
	struct text TEXT_CLEANUP line = { 0 };
	char *message = NULL;
	if (vasprintf(&message, format, list) >= 0) {
		add_line(&line, app->json, level, message);
		(void)write_all(STDERR_FILENO, line.data, line.size);
		free(message);
	}
}

void app_log(const struct app *app, bool debug, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	if (app->verbosity >= (debug ? 1 : 0)) {
		log_list(app, debug ? "debug" : "info", format, list);
	}
	va_end(list);
}

void app_warn(const struct app *app, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	if (app->verbosity >= 0) {
		log_list(app, "warning", format, list);
	}
	va_end(list);
}
