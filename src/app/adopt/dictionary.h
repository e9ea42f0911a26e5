/*
 * The words that people name their columns and states by, in the conventions of the field: lower_case, camelCase. Every
 * match is a guess.
 */
#ifndef APP_DICTIONARY_H
#define APP_DICTIONARY_H

#include "db.h"
#include "judge.h"

/* What a column may be in a profile's `columns`. */
enum part {
	PART_STATE,
	PART_OWNER,
	PART_CLAIMED,
	PART_BEAT,
	PART_LEASE,
	PART_DEADLINE,
	PART_ATTEMPTS,
	PART_MAX_ATTEMPTS,
	PART_KIND,
	PART_QUEUE,
	PART_PAYLOAD,
	PART_RESULT,
	PART_ERROR,
	PART_PRIORITY,
	PART_DUE,
	PART_CREATED,
	PART_UPDATED,
	PART_FINISHED,
	PART_COUNT,
};

/* The option's name in a profile. */
const char *part_name(enum part part);
/* Whether it holds an instant. */
bool part_is_time(enum part part);
/* The column that this part's words name best; NULL: none. */
const struct column *part_column(const struct table *table, enum part part);
/* Our word for a native state; STATE_NONE: not in the dictionary. */
enum state state_meant(const char *native);
/* How likely it is that this state is the one to be written for its word, the likeliest 0. */
size_t state_rank(const char *native);
/* A state, or the time of a claim, and an owner or attempts: likely tasks. */
bool looks_like_tasks(const struct table *table);

#endif
