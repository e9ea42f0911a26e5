/*
 * Tables whose columns are as wide as their content and together no wider than the terminal. Every string that goes in may
 * come from a row: it is made harmless here.
 */
#ifndef APP_TABLE_H
#define APP_TABLE_H

#include "screen.h"

#define TABLE_COLUMNS_MAX 18
#define ID_LEAST 36 /* columns of a UUID: an id that is cut can't be typed */

struct heading {
	const char *title;
	bool right;   /* numbers */
	bool elastic; /* may be cut where there is no room */
	int least;    /* … but not below that; 0: the usual */
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

#endif
