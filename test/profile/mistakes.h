/* Typical mistakes in a profile, each with the line and the words that its error must have. */
#ifndef MISTAKES_H
#define MISTAKES_H

#include <stddef.h>

struct mistake {
	const char *text;
	int line;
	const char *what, *allowed; /* parts of the message */
};

extern const struct mistake mistakes[];
extern const size_t mistake_count;

#endif
