/* Statuses in words, and the one line that goes with a failure. */
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char *const status_texts[] = {
	[RECLAIM_OK] = "ok",
	[RECLAIM_INVALID] = "invalid",
	[RECLAIM_NOT_FOUND] = "not found",
	[RECLAIM_LOST] = "claim lost",
	[RECLAIM_NOT_ALLOWED] = "not allowed",
	[RECLAIM_BUSY] = "busy",
	[RECLAIM_UNAVAILABLE] = "database unavailable",
	[RECLAIM_UNKNOWN] = "outcome unknown",
	[RECLAIM_UNSUPPORTED] = "not supported",
	[RECLAIM_NO_MEMORY] = "out of memory",
	[RECLAIM_INTERNAL] = "internal error",
};

const char *reclaim_status_text(enum reclaim_status status)
{
	size_t i = (size_t)status;
	return i < sizeof status_texts / sizeof *status_texts ? status_texts[i]
							      : "unknown status";
}

const char *reclaim_version(void)
{
	return RECLAIM_VERSION;
}

/* Engines' messages have line ends in them and behind them; ours is one line. */
static size_t make_one_line(char *message, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)message[i] < 0x20) {
			message[i] = ' ';
		}
	}
	while (size > 0 && message[size - 1] == ' ') {
		size--;
	}
	return size;
}

enum reclaim_status fail(struct reclaim_error *error, enum reclaim_status status,
			 const char *format, ...)
{
	if (!error) {
		return status;
	}
	/* Apart from `error`, so that its own message may be an argument; longer by the rest of a character. */
	char message[RECLAIM_MESSAGE_SIZE + 4];
	va_list arguments;
	va_start(arguments, format);
	int written = vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (written < 0) {
		snprintf(message, sizeof message, "%s", reclaim_status_text(status));
	}
	size_t size = strnlen(message, sizeof message - 1);
	size = make_one_line(message, utf8_cut(message, size, RECLAIM_MESSAGE_SIZE - 1));
	error->status = status;
	error->unique = error->overlong = false;
	memcpy(error->message, message, size);
	error->message[size] = '\0';
	return status;
}

enum reclaim_status fail_no_memory(struct reclaim_error *error)
{
	return fail(error, RECLAIM_NO_MEMORY, "out of memory");
}
