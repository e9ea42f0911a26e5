/* Terminals: their width, colours, wrapped text and fields. */
#include "screen.h"

#include "duration.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LABEL_WIDTH 16
#define WIDTH_MIN 40

struct screen screen_of(const struct app *app)
{
	struct screen screen = { .colour = app->colour };
	struct winsize size = { 0 };
	int64_t columns = 0;
	const char *told = getenv("COLUMNS");
	if (told) {
		const struct value value = value_string(told);
		columns = value_integer(&value, 0);
	}
	if (columns <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
		columns = size.ws_col;
	}
	if (columns > 0) {
		screen.width = columns < WIDTH_MIN ? WIDTH_MIN
			       : columns > 10000   ? 10000
						   : (int)columns;
	}
	return screen;
}

/* ---- width ---- */

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

static int code_width(uint32_t code)
{
	static const struct range none[] = {
		{ 0x300, 0x36F },   { 0x200B, 0x200D }, { 0x20D0, 0x20FF },
		{ 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xE0100, 0xE01EF },
	};
	static const struct range wide[] = {
		{ 0x1100, 0x115F },   { 0x2E80, 0x303E },   { 0x3041, 0xA4CF },
		{ 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },
		{ 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F },
		{ 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
	};
	if (code < none[0].first) {
		return 1;
	}
	return in_ranges(code, none, sizeof(none) / sizeof(none[0]))   ? 0
	       : in_ranges(code, wide, sizeof(wide) / sizeof(wide[0])) ? 2
								       : 1;
}

size_t text_fitting(const char *data, size_t size, int columns, int *ret_width)
{
	size_t at = 0, length;
	int width = 0;
	for (; at < size; at += length) {
		uint32_t code = '?';
		length = utf8_decode(data + at, size - at, &code);
		length = length ? length : 1;
		int more = code_width(code);
		if (width + more > columns) {
			break;
		}
		width += more;
	}
	*ret_width = width;
	return at;
}

int text_width(const char *data, size_t size)
{
	int width;
	text_fitting(data, size, INT32_MAX, &width);
	return width;
}

/* ---- colours ---- */

static const char *const tints[] = {
	[TINT_PLAIN] = "",        [TINT_FAINT] = "\033[2m", [TINT_GOOD] = "\033[32m",
	[TINT_BUSY] = "\033[36m", [TINT_WARN] = "\033[33m", [TINT_BAD] = "\033[31m",
};

void tint_begin(struct text *out, const struct screen *screen, enum tint tint)
{
	text_add(out, screen->colour ? tints[tint] : "");
}

void tint_end(struct text *out, const struct screen *screen, enum tint tint)
{
	text_add(out, screen->colour && tint != TINT_PLAIN ? "\033[0m" : "");
}

enum tint state_tint(enum state state)
{
	static const enum tint of[STATE_COUNT] = {
		[STATE_RUNNING] = TINT_BUSY,    [STATE_COMPLETED] = TINT_GOOD,
		[STATE_FAILED] = TINT_BAD,      [STATE_STUCK] = TINT_WARN,
		[STATE_CANCELLED] = TINT_FAINT, [STATE_NONE] = TINT_FAINT,
	};
	return of[state];
}

/* ---- fields ---- */

void print_time(struct text *out, int64_t time)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (time == NO_TIME) {
		return;
	}
	time_print_rfc3339(&text, time);
	size_t size = strcspn(text_string(&text), ".");
	text_add_bytes(out, text_string(&text), size);
	text_add(out, size < text.size ? "Z" : "");
}

/* How much of the string goes on one line: up to the last space that fits, or all that fits. */
static size_t line_of(const char *string, size_t size, int columns)
{
	int width;
	size_t length = text_fitting(string, size, columns, &width);
	for (size_t at = length; length < size && at > 0; at--) {
		if (string[at] == ' ') {
			return at;
		}
	}
	return length ? length : size;
}

void print_wrapped(struct text *out, const struct screen *screen, int indent,
		   const char *string)
{
	size_t size = strlen(string);
	int columns = screen->width ? screen->width - indent : INT32_MAX;
	for (bool first = true; size > 0; first = false) {
		size_t length = line_of(string, size, columns);
		text_printf(out, first ? "%*s" : "\n%*s", first ? 0 : indent, "");
		text_add_bytes(out, string, length);
		length += string[length] == ' ';
		string += length;
		size -= length;
	}
}

void print_field(struct text *out, const struct screen *screen, const char *label,
		 enum tint tint, const char *value)
{
	struct text TEXT_CLEANUP visible = { 0 };
	text_add_visible(&visible, value, strlen(value));
	text_add(out, "  ");
	tint_begin(out, screen, TINT_FAINT);
	text_printf(out, "%-*s", LABEL_WIDTH - 2, label);
	tint_end(out, screen, TINT_FAINT);
	if ((int)strlen(label) >= LABEL_WIDTH - 2) {
		text_add(out, " ");
	}
	tint_begin(out, screen, tint);
	print_wrapped(out, screen, LABEL_WIDTH, text_string(&visible));
	tint_end(out, screen, tint);
	text_add(out, "\n");
	out->failed |= visible.failed;
}

void print_field_time(struct text *out, const struct screen *screen, const char *label,
		      int64_t time, int64_t now)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (time == NO_TIME) {
		return;
	}
	print_time(&text, time);
	int64_t age;
	if (now != NO_TIME && !__builtin_sub_overflow(now, time, &age)) {
		text_add(&text, age < 0 ? " (in " : " (");
		duration_print_human(&text, age < 0 ? -age : age);
		text_add(&text, age < 0 ? ")" : " ago)");
	}
	print_field(out, screen, label, TINT_PLAIN, text_string(&text));
}

void say_none(const struct app *app, const char *format, ...)
{
	if (app->json || app->verbosity < 0 || !isatty(STDERR_FILENO)) {
		return;
	}
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}
