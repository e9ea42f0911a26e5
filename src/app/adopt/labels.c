/* Reads lists of values out of SQL as engines give it back, without understanding the rest of it. */
#include "labels.h"

#include <ctype.h>
#include <string.h>

struct list {
	struct arena *arena;
	const char **items;
	size_t count, most;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind a literal in quotes; its text without them. NULL: it is not closed. */
static const char *read_quoted(struct arena *arena, const char *at, char **ret_text)
{
	char quote = *at++;
	char *text = arena_string(arena, at), *end = text;
	while (text && *at && (*at != quote || at[1] == quote)) {
		at += *at == quote;
		*end++ = *at++;
	}
	if (!text || !*at) {
		return NULL;
	}
	*end = '\0';
	*ret_text = text;
	return at + 1;
}

static void add(struct list *list, const char *label)
{
	if (list->count < list->most) {
		list->items[list->count] = label;
	}
	list->count++;
}

/* The literal that begins here, behind it; NULL: there is none. */
static const char *read_literal(struct list *list, const char *at)
{
	if (*at == '\'') {
		char *text = NULL;
		const char *end = read_quoted(list->arena, at, &text);
		if (end) {
			add(list, text);
		}
		return end;
	}
	size_t size = strspn(at + (*at == '-'), "0123456789");
	if (size == 0 || is_word(at[size + (*at == '-')])) {
		return NULL;
	}
	size += *at == '-';
	add(list, arena_copy(list->arena, at, size));
	return at + size;
}

/* All literals up to the parenthesis that closes the one that `at` stands on. */
static const char *read_list(struct list *list, const char *at)
{
	int depth = 0;
	while (*at) {
		depth += *at == '(';
		depth -= *at == ')';
		if (depth == 0) {
			return at + 1;
		}
		const char *end =
			*at == '\'' || !is_word(at[-1]) ? read_literal(list, at) : NULL;
		at = end ? end : at + 1;
	}
	return at;
}

/* Behind `)`, spaces and casts: what is done with the column. */
static const char *skip_casts(const char *at)
{
	for (;;) {
		at = skip_space(at);
		if (*at == ')') {
			at++;
		} else if (at[0] == ':' && at[1] == ':') {
			at += 2;
			while (is_word(*at) || (*at == ' ' && is_word(at[1]) &&
						strncasecmp(at, " in ", 4) != 0)) {
				at++;
			}
		} else {
			return at;
		}
	}
}

static bool starts_word(const char *at, const char *word)
{
	size_t size = strlen(word);
	return strncasecmp(at, word, size) == 0 && !is_word(at[size]);
}

/* `at` is behind the column's name. */
static const char *read_comparison(struct list *list, const char *at)
{
	const char *next = skip_casts(at);
	if (starts_word(next, "in")) {
		next = skip_space(next + 2);
		return *next == '(' ? read_list(list, next) : next;
	}
	if (*next != '=') {
		return at;
	}
	next = skip_space(next + 1);
	if (starts_word(next, "any")) {
		next = skip_space(next + 3);
		return *next == '(' ? read_list(list, next) : next;
	}
	next += strspn(next, "( ");
	const char *end = read_literal(list, next);
	return end ? end : next;
}

/* The next word, in quotes or not, and behind it; other things are passed over. */
static const char *next_word(struct arena *arena, const char *at, char **ret_word)
{
	while (*at && *at != '\'' && *at != '"' && *at != '`' && !is_word(*at)) {
		at++;
	}
	if (*at && !is_word(*at)) {
		return read_quoted(arena, at, ret_word);
	}
	size_t size = 0;
	while (is_word(at[size])) {
		size++;
	}
	*ret_word = size ? arena_copy(arena, at, size) : NULL;
	return *ret_word ? at + size : NULL;
}

size_t labels_of(struct arena *arena, const char *definition, const char *column,
		 const char **ret, size_t most)
{
	struct list list = { .arena = arena, .items = ret, .most = most };
	if (strncasecmp(definition, "enum(", 5) == 0) {
		read_list(&list, definition + 4);
		return list.count;
	}
	char *word = NULL;
	for (const char *at = definition; (at = next_word(arena, at, &word));) {
		bool literal = at > definition && at[-1] == '\'';
		if (!literal && (strcasecmp(word, column) == 0 || strcmp(word, "VALUE") == 0)) {
			at = read_comparison(&list, at);
		}
	}
	return list.count;
}

const char *label_of_default(struct arena *arena, const char *expression)
{
	const char *label = NULL;
	struct list list = { .arena = arena, .items = &label, .most = 1 };
	const char *at = expression + strspn(expression, "( ");
	const char *end = read_literal(&list, at);
	end = end ? skip_casts(end) : NULL;
	return end && !*end ? label : NULL;
}
