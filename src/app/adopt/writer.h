/* Among the files that write a guessed profile. */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "guess.h"

struct writer {
	const struct evidence_of_table *found;
	const struct column *const *columns;
	bool has[STATE_COUNT]; /* states that a native one, or a predicate, stands for */
	bool by_state;         /* a column says the state, not predicates */
	struct text *out;
};

/* `name = "value"  # guess: why`; `why` NULL: it is none. */
void write_line(struct writer *w, const char *indent, const char *name, const char *value,
		const char *why);
/* A string of the profile's language, in quotes. */
void write_string(struct text *out, const char *value);
/* Whether that language can say it: there are no control characters in it. */
bool can_be_said(const char *value);

void write_times(struct writer *w);
void write_columns(struct writer *w);
void write_states(struct writer *w);
void write_predicates(struct writer *w);
void write_rules(struct writer *w);
void write_budget(struct writer *w);
void write_requeue(struct writer *w);

#endif
