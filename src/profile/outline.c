/* Reads a profile's text into its outline: a strict subset of what libConfuse's own scanner takes. */
#include "outline.h"

#include <string.h>

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };

struct scanner {
	struct arena *arena;
	const char *text;
	size_t size, at;
	char *clean;
	int line;
	size_t nodes;
	struct problem *problem;

	enum token token;
	char mark;        /* of a TOKEN_MARK: one of { } = , */
	const char *word; /* of a word, or the inside of a string as it stands */
	size_t word_size;
	int token_line;
};

#define NODES_MAX 4096

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

static bool scan(struct scanner *s)
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

static bool is_mark(const struct scanner *s, char mark)
{
	return s->token == TOKEN_MARK && s->mark == mark;
}

static bool is_value(const struct scanner *s)
{
	return s->token == TOKEN_WORD || s->token == TOKEN_STRING;
}

static bool add_value(struct scanner *s, struct node *option)
{
	if ((option->count & (option->count - 1)) == 0) {
		size_t room = option->count == 0 ? 1 : option->count * 2;
		int *lines = arena_take(s->arena, room * sizeof(*lines));
		if (!lines) {
			return problem_memory(s->problem);
		}
		if (option->count > 0) {
			memcpy(lines, option->lines, option->count * sizeof(*lines));
		}
		option->lines = lines;
	}
	option->lines[option->count++] = s->token_line;
	return scan(s);
}

static bool bad_list(struct scanner *s, const struct node *option)
{
	if (s->token == TOKEN_END) {
		return problem_at(s->problem, option->line,
				  "the list %s is not closed; allowed: { \"…\", \"…\" }",
				  option->name);
	}
	return problem_at(s->problem, s->token_line,
			  "a comma or } is missing here in the list %s of line %d; allowed: { "
			  "\"…\", \"…\" }",
			  option->name, option->line);
}

/* After "NAME = {". */
static bool read_list(struct scanner *s, struct node *option)
{
	option->list = true;
	while (!is_mark(s, '}')) {
		if (!is_value(s)) {
			return bad_list(s, option);
		}
		if (!add_value(s, option)) {
			return false;
		}
		if (!is_mark(s, ',') && !is_mark(s, '}')) {
			return bad_list(s, option);
		}
		if (is_mark(s, ',') && !scan(s)) {
			return false;
		}
	}
	return scan(s);
}

static bool read_option(struct scanner *s, struct node *option)
{
	if (!scan(s)) {
		return false;
	}
	if (is_mark(s, '{')) {
		return scan(s) && read_list(s, option);
	}
	if (!is_value(s)) {
		return problem_at(s->problem, option->line,
				  "%s has no value; allowed: %s = \"…\"", option->name,
				  option->name);
	}
	return add_value(s, option);
}

static struct node *add_node(struct scanner *s, struct node *parent)
{
	if (s->nodes++ == NODES_MAX) {
		problem_at(s->problem, s->token_line,
			   "too much for one profile; allowed: %d options", NODES_MAX);
		return NULL;
	}
	struct node *node = arena_take(s->arena, sizeof(*node));
	if (!node || !(node->name = arena_copy(s->arena, s->word, s->word_size))) {
		problem_memory(s->problem);
		return NULL;
	}
	node->line = s->token_line;
	node->parent = parent;
	struct node **end = &parent->children;
	while (*end) {
		end = &(*end)->next;
	}
	*end = node;
	return node;
}

static bool read_title(struct scanner *s, struct node *node)
{
	if (memchr(s->word, '\\', s->word_size)) {
		return problem_at(s->problem, s->token_line, "a backslash in the name of %s",
				  node->name);
	}
	node->title = arena_copy(s->arena, s->word, s->word_size);
	return node->title ? scan(s) : problem_memory(s->problem);
}

static bool check_twice(struct scanner *s, const struct node *node)
{
	const struct node *first = node->parent->children;
	while (strcmp(first->name, node->name) != 0 ||
	       !string_equal(first->title, node->title)) {
		first = first->next;
	}
	bool twice = first != node && (!node->section || node->title);
	if (!twice) {
		return true;
	}
	return problem_at(s->problem, node->line,
			  "%s%s%s is here a second time; the first is on line %d", node->name,
			  node->title ? " " : "", node->title ? node->title : "", first->line);
}

/* One option, or the head of a section; `*section` is then where its options go. */
static bool read_item(struct scanner *s, struct node **section)
{
	if (s->token != TOKEN_WORD) {
		return problem_at(s->problem, s->token_line,
				  "the name of an option or a section is missing here");
	}
	struct node *node = add_node(s, *section);
	if (!node || !scan(s)) {
		return false;
	}
	if (is_mark(s, '=')) {
		return check_twice(s, node) && read_option(s, node);
	}
	node->section = true;
	if (is_value(s) && !read_title(s, node)) {
		return false;
	}
	if (!is_mark(s, '{')) {
		return problem_at(s->problem, node->line,
				  "%s needs a value or a body; allowed: %s = \"…\", %s { … }",
				  node->name, node->name, node->name);
	}
	*section = node;
	return check_twice(s, node) && scan(s);
}

static bool read_all(struct scanner *s, struct node *root)
{
	struct node *section = root;
	if (!scan(s)) {
		return false;
	}
	while (s->token != TOKEN_END) {
		if (is_mark(s, '}')) {
			if (section == root) {
				return problem_at(s->problem, s->token_line,
						  "this } closes no section");
			}
			section = section->parent;
			if (!scan(s)) {
				return false;
			}
		} else if (!read_item(s, &section)) {
			return false;
		}
	}
	if (section == root) {
		return true;
	}
	TEXT_CLEANUP struct text name = { 0 };
	node_describe(&name, section);
	return problem_at(s->problem, section->line, "%s is not closed; a } is missing",
			  text_string(&name));
}

static bool check_bytes(struct problem *problem, const char *text, size_t size)
{
	const char *nul = memchr(text, '\0', size);
	size_t wrong = utf8_invalid_at(text, nul ? (size_t)(nul - text) : size);
	if (wrong == size) {
		return true;
	}
	int line = 1;
	for (size_t i = 0; i < wrong; i++) {
		line += text[i] == '\n';
	}
	return problem_at(problem, line, "a byte that is not text; allowed: UTF-8 without NUL");
}

bool outline_read(struct arena *arena, const char *text, size_t size, struct problem *problem,
		  struct node **ret_root, char **ret_text)
{
	struct scanner s = { .arena = arena, .text = text, .size = size, .problem = problem };
	struct node *root = arena_take(arena, sizeof(*root));
	s.line = 1;
	s.clean = arena_copy(arena, text, size);
	if (!root || !s.clean) {
		return problem_memory(problem);
	}
	*root = (struct node){ .name = "", .line = 1, .section = true };
	if (!check_bytes(problem, text, size) || !read_all(&s, root)) {
		return false;
	}
	*ret_root = root;
	*ret_text = s.clean;
	return true;
}
