/* Aligned tables for people. */
#include "table.h"

#include "array.h"
#include "duration.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GAP 2
#define ELASTIC_MIN 8
#define TAIL_INDENT 4

/* ---- cells ---- */

void text_table_finish(struct text_table *table)
{
	arena_finish(&table->arena);
	free(table->cells);
	*table = (struct text_table){ 0 };
}

static struct table_cell *next_cell(struct text_table *table)
{
	void *cells =
		array_grown(table->cells, sizeof(*table->cells), table->count, &table->room);
	if (!cells) {
		table->failed = true;
		return NULL;
	}
	table->cells = cells;
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

/* How the columns share the width. */
struct layout {
	int widths[TABLE_COLUMNS_MAX]; /* 0: left out */
	int shown;                     /* columns on the line: all, or all but the tail */
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
		int least = table->headings[c].least ? table->headings[c].least : ELASTIC_MIN;
		bool shrinks = table->headings[c].elastic && layout->widths[c] > least;
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
		size = text_fitting(cell->string, size, width - 1, &taken);
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
	struct layout layout = { 0 };
	struct table_cell titles[TABLE_COLUMNS_MAX];
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
