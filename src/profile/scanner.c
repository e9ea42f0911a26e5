/* Reads a profile's text by tokens: a strict subset of what libConfuse's own scanner takes. */
#include "scanner.h"

#include <string.h>

static char peek(const struct scanner *s, size_t ahead)
{
	return s->at + ahead < s->size ? s->text[s->at + ahead] : '\0';
}

static void blank(struct scanner *s)
{
	if (s->text[s->at] == '\n') {
		s->line++;
	} else {
		s->clean[s->at] = ' ';
	}
	s->at++;
}

static bool skip_comment(struct scanner *s)
{
	if (peek(s, 0) != '/' || peek(s, 1) != '*') {
		while (s->at < s->size && s->text[s->at] != '\n') {
			blank(s);
		}
		return true;
	}
	int line = s->line;
	blank(s);
	blank(s);
	while (s->at < s->size && !(peek(s, 0) == '*' && peek(s, 1) == '/')) {
		blank(s);
	}
	if (s->at >= s->size) {
		return problem_at(s->problem, line,
				  "this comment is not closed; allowed: /* … */, # …, // …");
	}
	blank(s);
	blank(s);
	return true;
}

static bool skip_space(struct scanner *s)
{
	while (s->at < s->size) {
		char c = s->text[s->at];
		bool comment =
			c == '#' || (c == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*'));
		if (comment) {
			if (!skip_comment(s)) {
				return false;
			}
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank(s);
		} else {
			return true;
		}
	}
	return true;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.:%@-", c));
}

static bool scan_string(struct scanner *s)
{
	char quote = s->text[s->at++];
	size_t start = s->at;
	for (; s->at < s->size && s->text[s->at] != quote; s->at++) {
		if (s->text[s->at] == '\n') {
			return problem_at(
				s->problem, s->line,
				"a string ends on the line it begins on; the closing %c is "
				"missing",
				quote);
		}
		if (quote == '"' && s->text[s->at] == '$' && peek(s, 1) == '{') {
			return problem_at(
				s->problem, s->line,
				"${…} in a string is not expanded; write the value, and name "
				"environment variables in the section environment");
		}
		if (s->text[s->at] == '\\') {
			char next = peek(s, 1);
			if (next != '\\' && next != quote) {
				return problem_at(
					s->problem, s->line,
					"a backslash in a string; allowed: \\\\ and \\%c",
					quote);
			}
			s->at++;
		}
	}
	if (s->at >= s->size) {
		return problem_at(s->problem, s->line,
				  "the string that begins here has no closing %c", quote);
	}
	s->word = s->text + start;
	s->word_size = s->at++ - start;
	s->token = TOKEN_STRING;
	return true;
}

bool scan_token(struct scanner *s)
{
	if (!skip_space(s)) {
		return false;
	}
	s->token_line = s->line;
	if (s->at >= s->size) {
		s->token = TOKEN_END;
		return true;
	}
	char c = s->text[s->at];
	if (c == '"' || c == '\'') {
		return scan_string(s);
	}
	if (strchr("{}=,", c)) {
		s->token = TOKEN_MARK;
		s->mark = c;
		s->at++;
		return true;
	}
	if (!is_word(c)) {
		return problem_at(s->problem, s->line,
				  "'%.*s' can't stand here; allowed outside of quotes: "
				  "letters, digits, _ . : "
				  "%% @ - and { } = ,",
				  (unsigned char)c >= 0x80 ? 0 : 1, s->text + s->at);
	}
	s->word = s->text + s->at;
	while (s->at < s->size && is_word(s->text[s->at])) {
		s->at++;
	}
	s->word_size = (size_t)(s->text + s->at - s->word);
	s->token = TOKEN_WORD;
	return true;
}

bool is_mark(const struct scanner *s, char mark)
{
	return s->token == TOKEN_MARK && s->mark == mark;
}

bool is_value(const struct scanner *s)
{
	return s->token == TOKEN_WORD || s->token == TOKEN_STRING;
}

void blank_from(struct scanner *s, size_t start)
{
	for (size_t i = start; i < s->at; i++) {
		if (s->text[i] != '\n') {
			s->clean[i] = ' ';
		}
	}
}
