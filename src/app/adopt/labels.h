/* What a table's definition says of a column's values: enum types, CHECK constraints that list them, defaults. Pure. */
#ifndef APP_LABELS_H
#define APP_LABELS_H

#include "arena.h"

/*
 * The values that a piece of a definition allows in a column, in its order: `enum('a','b')`, `column IN ('a', 'b')`,
 * `column = ANY (ARRAY['a'::text, …])`, `column = 'a' OR column = 'b'`; numbers too. In a domain's the column is VALUE.
 * How many there are; no more than `most` are given. Those of `ret` live in the arena.
 */
size_t labels_of(struct arena *arena, const char *definition, const char *column,
		 const char **ret, size_t most);

/* The value of a default that is a literal: 'a'::text, ('a'), 0; NULL: it is none. */
const char *label_of_default(struct arena *arena, const char *expression);

#endif
