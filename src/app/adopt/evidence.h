/* What was found of a table that nobody has described: its columns, its states, what stands in them. Pure. */
#ifndef APP_EVIDENCE_H
#define APP_EVIDENCE_H

#include "dictionary.h"

#define STATES_MAX 24 /* a column with more values is no state */

/* By what a native state was given its meaning. */
enum grounds {
	GROUNDS_NONE,
	GROUNDS_WORD,    /* the dictionary has it */
	GROUNDS_ROWS,    /* its rows are claimed, or finished, or neither */
	GROUNDS_DEFAULT, /* a row begins with it */
	GROUNDS_ORDER,   /* a number's place among the others */
};

struct state_seen {
	const char *native;
	int64_t count; /* -1: the table's definition allows it, it was not counted */
	int64_t claimed, finished,
		failed; /* of them: with a time of the claim, of the end, with an error */
	enum state meant;
	enum grounds grounds;
};

struct evidence_of_table {
	const struct table *table;
	const char *name; /* as the profile is to name it */
	char quote;
	const struct column *columns[PART_COUNT]; /* NULL: none */
	/* Of its times; TIME_FORMAT_COUNT: nothing told. */
	enum time_format formats[PART_COUNT];
	struct state_seen states[STATES_MAX];
	size_t state_count;
	bool state_is_number;
	bool too_many_states; /* the column that is named like one has more values than a state can have */
	/* The state that a row begins with, by its default; NULL: not known. */
	const char *initial;
	int64_t longest;  /* of the finished rows that were looked at; NO_TIME: none */
	int64_t finished; /* how many they were */
};

/* The format that a sample of a column tells (NULL: it has none), by its type and name; TIME_FORMAT_COUNT: none. */
enum time_format format_meant(const struct column *column, const struct value *sample);

/* Finds the state, or adds it; NULL: there are too many. */
struct state_seen *evidence_state(struct evidence_of_table *found, const char *native);
/* Gives each state its meaning, and puts those of one meaning in the order in which they are to be written. */
void evidence_settle(struct evidence_of_table *found);
bool evidence_means(const struct evidence_of_table *found, enum state state);

/* How long a claim may be old, by what finished rows took: four times the longest, at least 15 minutes (who
 * takes long is not among the finished yet), rounded up. */
int64_t threshold_by(int64_t longest);

#endif
