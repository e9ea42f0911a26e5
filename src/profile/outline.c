/* Reads a profile's text into its outline, and leaves out what stands there for another engine. */
#include "outline.h"
#include "profile.h"
#include "scanner.h"

#include <string.h>

#define NODES_MAX 4096

/* What a } closes: a section, or an `on` whose inside belongs to the section around it. */
struct block {
	struct block *outer;
	struct node *section;
	const char *on; /* NULL: a section */
	int line;
};

struct outline {
	struct scanner s;
	const struct engines *engines;
	struct block *block;
	size_t nodes;
};

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
	return scan_token(s);
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
		if (is_mark(s, ',') && !scan_token(s)) {
			return false;
		}
	}
	return scan_token(s);
}

static bool read_option(struct scanner *s, struct node *option)
{
	if (!scan_token(s)) {
		return false;
	}
	if (is_mark(s, '{')) {
		return scan_token(s) && read_list(s, option);
	}
	if (!is_value(s)) {
		return problem_at(s->problem, option->line,
				  "%s has no value; allowed: %s = \"…\"", option->name,
				  option->name);
	}
	return add_value(s, option);
}

static struct node *add_node(struct outline *o, const char *name, size_t size, int line)
{
	struct scanner *s = &o->s;
	struct node *parent = o->block->section;
	if (o->nodes++ == NODES_MAX) {
		problem_at(s->problem, line, "too much for one profile; allowed: %d options",
			   NODES_MAX);
		return NULL;
	}
	struct node *node = arena_take(s->arena, sizeof(*node));
	if (!node || !(node->name = arena_copy(s->arena, name, size))) {
		problem_memory(s->problem);
		return NULL;
	}
	node->line = line;
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
	return node->title ? scan_token(s) : problem_memory(s->problem);
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

static bool open_block(struct outline *o, struct node *section, const char *on, int line)
{
	struct block *block = arena_take(o->s.arena, sizeof(*block));
	if (!block) {
		return problem_memory(o->s.problem);
	}
	*block = (struct block){ o->block, section, on, line };
	o->block = block;
	return true;
}

/* ---- on NAME … { } ---- */

static bool is_engine(const struct engines *engines, const char *name)
{
	for (size_t i = 0; engines->all && engines->all[i]; i++) {
		if (strcmp(engines->all[i], name) == 0) {
			return true;
		}
	}
	return !engines->all;
}

static bool unknown_engine(struct outline *o, const char *name)
{
	TEXT_CLEANUP struct text allowed = { 0 };
	for (size_t i = 0; o->engines->all[i]; i++) {
		text_printf(&allowed, "%s%s", i == 0 ? "" : ", ", o->engines->all[i]);
	}
	return problem_at(o->s.problem, o->s.token_line,
			  "on '%s' names an unknown engine; allowed: %s, or several, as in on "
			  "\"%s %s\" { … }",
			  name, text_string(&allowed), o->engines->all[0],
			  o->engines->all[1] ? o->engines->all[1] : o->engines->all[0]);
}

/* Whether one of the names is ours. */
static bool read_engines(struct outline *o, char *names, bool *ret_ours)
{
	bool ours = false;
	size_t count = 0;
	for (char *rest = NULL, *name = strtok_r(names, " ", &rest); name;
	     name = strtok_r(NULL, " ", &rest)) {
		if (!is_engine(o->engines, name)) {
			return unknown_engine(o, name);
		}
		ours |= string_equal(o->engines->name, name);
		count++;
	}
	*ret_ours = ours;
	return count > 0 || problem_at(o->s.problem, o->s.token_line,
				       "on names no engine; allowed: on NAME { … }");
}

static bool unclosed_on(struct scanner *s, const char *names, int line)
{
	return problem_at(s->problem, line, "on '%s' is not closed; a } is missing", names);
}

/* Behind the { of an `on` for another engine: tokens must be right and braces even, and nothing else is asked. */
static bool skip_block(struct scanner *s, const char *names, int line, size_t start)
{
	for (size_t depth = 1; depth > 0;) {
		if (!scan_token(s)) {
			return false;
		}
		if (s->token == TOKEN_END) {
			return unclosed_on(s, names, line);
		}
		depth += is_mark(s, '{');
		depth -= is_mark(s, '}');
	}
	blank_from(s, start);
	return scan_token(s);
}

/* After the word "on", which began at `start`. */
static bool read_on(struct outline *o, size_t start, int line)
{
	struct scanner *s = &o->s;
	if (!is_value(s)) {
		return problem_at(s->problem, line,
				  "on names no engine; allowed: on NAME { … }, on = \"…\"");
	}
	bool ours = false;
	char *names = arena_copy(s->arena, s->word, s->word_size);
	char *cut = arena_copy(s->arena, s->word, s->word_size);
	if (!names || !cut) {
		return problem_memory(s->problem);
	}
	if (!read_engines(o, cut, &ours) || !scan_token(s)) {
		return false;
	}
	if (!is_mark(s, '{')) {
		return problem_at(s->problem, line,
				  "on '%s' needs a body; allowed: on %s { … }", names, names);
	}
	if (!ours) {
		return skip_block(s, names, line, start);
	}
	blank_from(s, start);
	return open_block(o, o->block->section, names, line) && scan_token(s);
}

/* ---- all ---- */

/* One option, or the head of a section, behind its name. */
static bool read_named(struct outline *o, struct node *node)
{
	struct scanner *s = &o->s;
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
	return open_block(o, node, /* on= */ NULL, node->line) && check_twice(s, node) &&
	       scan_token(s);
}

static bool read_item(struct outline *o)
{
	struct scanner *s = &o->s;
	if (s->token != TOKEN_WORD) {
		return problem_at(s->problem, s->token_line,
				  "the name of an option or a section is missing here");
	}
	const char *word = s->word;
	size_t size = s->word_size;
	int line = s->token_line;
	if (!scan_token(s)) {
		return false;
	}
	if (o->engines && size == 2 && memcmp(word, "on", 2) == 0 && !is_mark(s, '=')) {
		return read_on(o, (size_t)(word - s->text), line);
	}
	struct node *node = add_node(o, word, size, line);
	return node && read_named(o, node);
}

static bool close_block(struct outline *o)
{
	struct scanner *s = &o->s;
	struct block *block = o->block;
	if (!block->outer) {
		return problem_at(s->problem, s->token_line, "this } closes no section");
	}
	if (block->on) {
		blank_from(s, s->at - 1);
	}
	o->block = block->outer;
	return scan_token(s);
}

static bool unclosed(struct outline *o)
{
	const struct block *block = o->block;
	if (block->on) {
		return unclosed_on(&o->s, block->on, block->line);
	}
	TEXT_CLEANUP struct text name = { 0 };
	node_describe(&name, block->section);
	return problem_at(o->s.problem, block->line, "%s is not closed; a } is missing",
			  text_string(&name));
}

static bool read_all(struct outline *o)
{
	if (!scan_token(&o->s)) {
		return false;
	}
	while (o->s.token != TOKEN_END) {
		if (!(is_mark(&o->s, '}') ? close_block(o) : read_item(o))) {
			return false;
		}
	}
	return !o->block->outer || unclosed(o);
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

bool outline_read(struct arena *arena, const char *text, size_t size,
		  const struct engines *engines, struct problem *problem,
		  struct node **ret_root, char **ret_text)
{
	struct node *root = arena_take(arena, sizeof(*root));
	struct block whole = { .section = root };
	struct outline o = { .engines = engines, .block = &whole };
	o.s = (struct scanner){
		.arena = arena, .text = text, .size = size, .line = 1, .problem = problem
	};
	o.s.clean = arena_copy(arena, text, size);
	if (!root || !o.s.clean) {
		return problem_memory(problem);
	}
	*root = (struct node){ .name = "", .line = 1, .section = true };
	if (!check_bytes(problem, text, size) || !read_all(&o)) {
		return false;
	}
	*ret_root = root;
	*ret_text = o.s.clean;
	return true;
}
