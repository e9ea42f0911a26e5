/* What a table of tasks means, guessed from its columns, types and states: pure, so that every guess can be tested. */
#ifndef APP_GUESS_H
#define APP_GUESS_H

#include "dictionary.h"

#define STATES_MAX 24 /* a column with more values is no state */

struct state_seen {
	const char *native;
	int64_t count; /* -1: a label that the type allows, not counted */
	enum state meant;
};

/* What was found in the database. */
struct evidence_of_table {
	const struct table *table;
	char quote;
	struct state_seen states[STATES_MAX];
	size_t state_count;
	bool state_is_number;
	enum time_format
		formats[PART_COUNT]; /* of its times; TIME_FORMAT_COUNT: nothing told */
};

/* The format that a sample of a column tells; TIME_FORMAT_COUNT: none. */
enum time_format format_meant(const struct column *column, const struct value *sample);

/* A profile with every guess marked. False: what is missing before it can be one is said in `ret_missing`. */
bool guess_profile(const struct evidence_of_table *found, struct text *out,
		   struct text *ret_missing);

#endif
