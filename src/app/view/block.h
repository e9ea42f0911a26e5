/* Longer texts of a row, for people: JSON laid out, other text line by line, all of it harmless and within bounds. */
#ifndef APP_BLOCK_H
#define APP_BLOCK_H

#include "table.h"

/* JSON with a line for each member, indented by two; anything else comes out as it went in, but for white space. */
void json_lay_out(struct text *out, const char *json);
/* A title and the text below it; nothing for a NULL value. On a terminal long ones are cut, which is said. */
void print_block(struct text *out, const struct screen *screen, const char *title,
		 const struct value *value);

#endif
