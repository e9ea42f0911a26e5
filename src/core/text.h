/* A growing string, UTF-8, and the ways a foreign string is made harmless before people see it. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "status.h"

/* Always NUL-terminated once something was added; zeroed is empty. `failed` sticks: check it once, at the end. */
struct text {
	char *data;
	size_t size, capacity;
	bool failed;
};

#define TEXT_CLEANUP __attribute__((cleanup(text_finish)))

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *data, size_t size);
void text_add_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_clear(struct text *text); /* keeps the memory */
void text_finish(struct text *text);
/* The contents as a C string, never NULL. */
const char *text_string(const struct text *text);

/* The index of the first byte that is not valid UTF-8 (overlong forms and surrogates are not), or `size`. */
size_t utf8_invalid_at(const char *data, size_t size);
/* The largest length <= limit that does not cut a character of valid UTF-8. */
size_t utf8_cut(const char *data, size_t size, size_t limit);
/* The length of the character that `data` starts with, and its code point; 0: not valid UTF-8. */
size_t utf8_decode(const char *data, size_t size, uint32_t *ret_code);
/* Control characters, C1, line separators and bidirectional overrides: what must not reach a terminal as it is. */
bool code_is_hidden(uint32_t code);
/* Adds `data` with every invalid byte as U+FFFD. */
void text_add_valid(struct text *text, const char *data, size_t size);
/* Adds `data` fit for one line of a terminal: hidden characters and invalid bytes as \n, \t, \xNN or \u{NNNN}. A
 * backslash stays as it is: this is for reading, not for reading back. */
void text_add_visible(struct text *text, const char *data, size_t size);
/* Adds `data` as the inside of an SQL string literal or quoted identifier: each `quote` doubled. */
void text_add_quoted(struct text *text, const char *data, size_t size, char quote);

int hex_digit(char c);                           /* -1: not one */
bool string_equal(const char *a, const char *b); /* NULL equals only NULL */
/* Whether the word stands in the string by itself: no letter, digit or '_' beside it. */
bool string_mentions(const char *string, const char *word);
/* How many letters must be changed, added or taken away. Long words are far from everything. */
size_t string_distance(const char *a, const char *b);

#endif
