/* Aligned tables and fields for people. */
#include "table.h"

#include "duration.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2
#define ELASTIC_MIN 8
#define LABEL_WIDTH 16
#define TAIL_INDENT 4
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

/* The bytes of `data` that fit into so many columns, and how many they take. */
static size_t fitting(const char *data, size_t size, int columns, int *ret_width)
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
	fitting(data, size, INT32_MAX, &width);
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

/* ---- cells ---- */

void text_table_finish(struct text_table *table)
{
	arena_finish(&table->arena);
	free(table->cells);
	*table = (struct text_table){ 0 };
}

static struct table_cell *next_cell(struct text_table *table)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		void *cells = reallocarray(table->cells, room, sizeof(*table->cells));
		if (!cells) {
			table->failed = true;
			return NULL;
		}
		table->cells = cells;
		table->room = room;
	}
	return &table->cells[table->count++];
}

void text_table_add(struct text_table *table, enum tint tint, const char *string)
{
	struct text TEXT_CLEANUP visible = { 0 };
	struct table_cell *cell = table->failed ? NULL : next_cell(table);
	if (!cell) {
		return;
	}
	bool nothing = !string || !*string;
	text_add_visible(&visible, nothing ? "-" : string, nothing ? 1 : strlen(string));
	*cell = (struct table_cell){
		.string = visible.failed ? NULL
					 : arena_copy(&table->arena, text_string(&visible),
						      visible.size),
		.width = text_width(text_string(&visible), visible.size),
		.tint = nothing ? TINT_FAINT : tint,
	};
	table->failed |= !cell->string;
}

void text_table_add_state(struct text_table *table, enum state state, const char *native)
{
	bool same =
		state != STATE_NONE && (!native || strcasecmp(native, state_word(state)) == 0);
	struct text TEXT_CLEANUP text = { 0 };
	if (state != STATE_NONE) {
		text_add(&text, state_word(state));
	}
	if (!same) {
		text_printf(&text, state == STATE_NONE ? "(%s)" : " (%s)",
			    native ? native : "none");
	}
	text_table_add(table, state_tint(state), text_string(&text));
}

void text_table_add_count(struct text_table *table, int64_t number)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (number >= 0) {
		text_printf(&text, "%" PRId64, number);
	}
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

void text_table_add_age(struct text_table *table, int64_t age)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (age != NO_TIME) {
		duration_print_human(&text, age);
	}
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

void text_table_add_time(struct text_table *table, int64_t time)
{
	struct text TEXT_CLEANUP text = { 0 };
	print_time(&text, time);
	text_table_add(table, TINT_PLAIN, text_string(&text));
}

/* ---- print ---- */

#define COLUMNS_MAX 16

/* How the columns share the width. */
struct layout {
	int widths[COLUMNS_MAX]; /* 0: left out */
	int shown;               /* columns on the line: all, or all but the tail */
};

static int total(const struct layout *layout)
{
	int sum = -GAP;
	for (int c = 0; c < layout->shown; c++) {
		sum += layout->widths[c] ? layout->widths[c] + GAP : 0;
	}
	return sum;
}

static int widest_elastic(const struct text_table *table, const struct layout *layout)
{
	int widest = -1;
	for (int c = 0; c < layout->shown; c++) {
		bool shrinks = table->headings[c].elastic && layout->widths[c] > ELASTIC_MIN;
		if (shrinks && (widest < 0 || layout->widths[c] > layout->widths[widest])) {
			widest = c;
		}
	}
	return widest;
}

static int most_spare(const struct text_table *table, const struct layout *layout)
{
	int most = -1;
	for (int c = 0; c < layout->shown; c++) {
		int spare = layout->widths[c] ? table->headings[c].spare : 0;
		if (spare > 0 && (most < 0 || spare > table->headings[most].spare)) {
			most = c;
		}
	}
	return most;
}

/* Takes a column's last letter away, or a whole column; false: there is nothing left to take. */
static bool squeeze(const struct text_table *table, struct layout *layout)
{
	int elastic = widest_elastic(table, layout);
	int spare = most_spare(table, layout);
	if (elastic >= 0) {
		layout->widths[elastic]--;
	} else if (spare >= 0) {
		layout->widths[spare] = 0;
	}
	return elastic >= 0 || spare >= 0;
}

static void measure(const struct text_table *table, struct layout *layout)
{
	for (int c = 0; c < table->columns; c++) {
		layout->widths[c] = (int)strlen(table->headings[c].title);
	}
	for (size_t i = 0; i < table->count; i++) {
		int *width = &layout->widths[i % (size_t)table->columns];
		*width = table->cells[i].width > *width ? table->cells[i].width : *width;
	}
	layout->shown = table->columns;
}

/* What was left out leaves room for what was cut. */
static void stretch(const struct text_table *table, const struct layout *natural, int width,
		    struct layout *layout)
{
	bool grown = true;
	while (grown && total(layout) < width) {
		grown = false;
		for (int c = 0; c < layout->shown && total(layout) < width; c++) {
			if (layout->widths[c] && table->headings[c].elastic &&
			    layout->widths[c] < natural->widths[c]) {
				layout->widths[c]++;
				grown = true;
			}
		}
	}
}

static void lay_out(const struct text_table *table, const struct screen *screen,
		    struct layout *layout)
{
	measure(table, layout);
	const struct layout natural = *layout;
	if (!screen->width) {
		return;
	}
	if (total(layout) > screen->width && table->headings[table->columns - 1].tail) {
		layout->shown--;
	}
	while (total(layout) > screen->width && squeeze(table, layout)) {
	}
	stretch(table, &natural, screen->width, layout);
}

static void print_cell(struct text *out, const struct screen *screen,
		       const struct table_cell *cell, int width, bool right, bool last)
{
	int taken = cell->width;
	size_t size = strlen(cell->string);
	bool cut = taken > width;
	if (cut) {
		size = fitting(cell->string, size, width - 1, &taken);
		taken++;
	}
	text_printf(out, "%*s", right ? width - taken : 0, "");
	tint_begin(out, screen, cell->tint);
	text_add_bytes(out, cell->string, size);
	text_add(out, cut ? "…" : "");
	tint_end(out, screen, cell->tint);
	text_printf(out, "%*s", (right || last ? 0 : width - taken) + (last ? 0 : GAP), "");
}

static void print_line(struct text *out, const struct screen *screen,
		       const struct text_table *table, const struct layout *layout,
		       const struct table_cell *cells)
{
	int last = layout->shown - 1;
	while (last > 0 && !layout->widths[last]) {
		last--;
	}
	for (int c = 0; c <= last; c++) {
		if (layout->widths[c]) {
			print_cell(out, screen, &cells[c], layout->widths[c],
				   table->headings[c].right, c == last);
		}
	}
	text_add(out, "\n");
	if (layout->shown < table->columns && !string_equal(cells[layout->shown].string, "-")) {
		text_printf(out, "%*s", TAIL_INDENT, "");
		print_wrapped(out, screen, TAIL_INDENT, cells[layout->shown].string);
		text_add(out, "\n");
	}
}

void text_table_print(struct text *out, struct text_table *table, const struct screen *screen)
{
	struct layout layout;
	struct table_cell titles[COLUMNS_MAX];
	if (table->failed) {
		out->failed = true;
		return;
	}
	lay_out(table, screen, &layout);
	for (int c = 0; c < table->columns; c++) {
		const char *title = c < layout.shown ? table->headings[c].title : "-";
		titles[c] = (struct table_cell){ title, (int)strlen(title), TINT_FAINT };
	}
	if (!table->untitled) {
		print_line(out, screen, table, &layout, titles);
	}
	for (size_t i = 0; i < table->count; i += (size_t)table->columns) {
		print_line(out, screen, table, &layout, &table->cells[i]);
	}
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
	size_t length = fitting(string, size, columns, &width);
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

void print_field_age(struct text *out, const struct screen *screen, const char *label,
		     int64_t age)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (age != NO_TIME) {
		duration_print_human(&text, age);
		print_field(out, screen, label, TINT_PLAIN, text_string(&text));
	}
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
