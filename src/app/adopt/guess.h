/* What a table of tasks means, guessed from what was found of it: a profile's text. Pure, so that every guess can be tested. */
#ifndef APP_GUESS_H
#define APP_GUESS_H

#include "evidence.h"

/*
 * A profile with every guess marked. What only a person can know stands in it as a comment that begins with FILL_IN;
 * false: there is such a line, and the profile is none yet.
 */
#define FILL_IN "# FILL IN: "
bool guess_profile(const struct evidence_of_table *found, struct text *out);

/* The n-th line (from 0) to be filled in: its number in the text, and what it asks for. NULL: there is none. */
const char *guess_missing(const struct text *profile, size_t n, int *ret_line,
			  size_t *ret_size);

#endif
