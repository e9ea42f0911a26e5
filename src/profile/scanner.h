/* The tokens of a profile's text; between the files that read its outline. */
#ifndef PROFILE_SCANNER_H
#define PROFILE_SCANNER_H

#include "arena.h"
#include "problem.h"

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };

struct scanner {
	struct arena *arena;
	const char *text;
	size_t size, at;
	char *clean; /* the text without what libConfuse is not to see */
	int line;
	struct problem *problem;

	enum token token;
	char mark;        /* of a TOKEN_MARK: one of { } = , */
	const char *word; /* of a word, or the inside of a string as it stands */
	size_t word_size;
	int token_line;
};

/* The next token; false: what stands there is none. */
bool scan_token(struct scanner *s);
bool is_mark(const struct scanner *s, char mark);
bool is_value(const struct scanner *s);
/* From `start` up to where the scanner stands; lines stay lines. */
void blank_from(struct scanner *s, size_t start);

#endif
