/*
 * What people read, and where: a terminal of some width, with or without colours. Every string that goes in may come from
 * a row: it is made harmless here, unless it says that it is already.
 */
#ifndef APP_SCREEN_H
#define APP_SCREEN_H

#include "app.h"

enum tint { TINT_PLAIN, TINT_FAINT, TINT_GOOD, TINT_BUSY, TINT_WARN, TINT_BAD };

/* Where it is shown. */
struct screen {
	int width; /* 0: as wide as it takes */
	bool colour;
};
struct screen screen_of(const struct app *app);

enum tint state_tint(enum state state);
void tint_begin(struct text *out, const struct screen *screen, enum tint tint);
void tint_end(struct text *out, const struct screen *screen, enum tint tint);

/* How many columns of a terminal valid UTF-8 takes. */
int text_width(const char *data, size_t size);
/* The bytes of it that fit into so many columns, and how many they take. */
size_t text_fitting(const char *data, size_t size, int columns, int *ret_width);
/* RFC 3339 in whole seconds. */
void print_time(struct text *out, int64_t time);

/* "  label   value", the value wrapped under itself. */
void print_field(struct text *out, const struct screen *screen, const char *label,
		 enum tint tint, const char *value);
/* "  label   time (4m ago)"; nothing for NO_TIME. */
void print_field_time(struct text *out, const struct screen *screen, const char *label,
		      int64_t time, int64_t now);
/* A harmless string, broken between words to fit behind `indent` columns; the first line has its indent already. */
void print_wrapped(struct text *out, const struct screen *screen, int indent,
		   const char *string);

/* On a terminal says that there is nothing to show; stdout stays empty. */
void say_none(const struct app *app, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
