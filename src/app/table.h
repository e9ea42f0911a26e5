/*
 * What people read: tables whose columns are as wide as their content and together no wider than the terminal, and
 * lists of fields. Every string that goes in may come from a row: it is made harmless here.
 */
#ifndef APP_TABLE_H
#define APP_TABLE_H

#include "app.h"

enum tint { TINT_PLAIN, TINT_FAINT, TINT_GOOD, TINT_BUSY, TINT_WARN, TINT_BAD };

/* Where it is shown. */
struct screen {
	int width; /* 0: as wide as it takes */
	bool colour;
};
struct screen screen_of(const struct app *app);

struct heading {
	const char *title;
	bool right;   /* numbers */
	bool elastic; /* may be cut where there is no room */
	bool tail;    /* the last one: goes to lines of its own where there is no room */
	int spare;    /* left out where there is still no room, the highest first; 0: never */
};

struct table_cell {
	const char *string; /* harmless already */
	int width;
	enum tint tint;
};

struct text_table {
	const struct heading *headings;
	int columns;
	bool untitled; /* it goes on where another one ended */
	struct arena arena;
	struct table_cell *cells; /* row by row */
	size_t count, room;
	bool failed;
};

#define TABLE_CLEANUP __attribute__((cleanup(text_table_finish)))
#define TEXT_TABLE(list)                                                                       \
	{                                                                                      \
		.headings = (list), .columns = (int)(sizeof(list) / sizeof((list)[0]))         \
	}

void text_table_finish(struct text_table *table);
/* Cells from left to right, row after row. NULL and "" are shown as "-". */
void text_table_add(struct text_table *table, enum tint tint, const char *string);
void text_table_add_state(struct text_table *table, enum state state, const char *native);
void text_table_add_count(struct text_table *table, int64_t number); /* less than 0: "-" */
void text_table_add_age(struct text_table *table, int64_t age);      /* NO_TIME: "-" */
void text_table_add_time(struct text_table *table, int64_t time);    /* NO_TIME: "-" */
void text_table_print(struct text *out, struct text_table *table, const struct screen *screen);

enum tint state_tint(enum state state);
void tint_begin(struct text *out, const struct screen *screen, enum tint tint);
void tint_end(struct text *out, const struct screen *screen, enum tint tint);

/* How many columns of a terminal valid UTF-8 takes. */
int text_width(const char *data, size_t size);
/* RFC 3339 in whole seconds. */
void print_time(struct text *out, int64_t time);

/* "  label   value", the value wrapped under itself. */
void print_field(struct text *out, const struct screen *screen, const char *label,
		 enum tint tint, const char *value);
void print_field_age(struct text *out, const struct screen *screen, const char *label,
		     int64_t age);
/* "  label   time (4m ago)"; nothing for NO_TIME. */
void print_field_time(struct text *out, const struct screen *screen, const char *label,
		      int64_t time, int64_t now);
/* A harmless string, broken between words to fit behind `indent` columns; the first line has its indent already. */
void print_wrapped(struct text *out, const struct screen *screen, int indent,
		   const char *string);

/* On a terminal says that there is nothing to show; stdout stays empty. */
void say_none(const struct app *app, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
