/* SET lists, "column = expression, …", and the holes of their expressions. */
#include "parse.h"

#include <string.h>

#define OF_CHANGES                                                                             \
	"{now} {now+lease} {now+retry} {now+span} {owner} {reason} {error} {result} "          \
	"{progress} {status} {id} {attempts} {recoveries}"
#define NOTHING "no holes here"

/* What an expression may name, as an error lists it. */
static const char *const allowed_holes[] = {
	[HOLES_CHANGE] = OF_CHANGES,     [HOLES_INSERTION] = OF_CHANGES " {old:COLUMN} {uuid}",
	[HOLES_WHERE] = "{owner} {now}", [HOLES_ROW] = "{row}",
	[HOLES_NONE] = NOTHING,          [HOLES_PLAIN] = NOTHING,
};

/* Quotes would begin a piece of SQL where the hole is looked over. */
static bool is_column(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (strchr("'\"`", name[i])) {
			return false;
		}
	}
	return name_is_good(name, size);
}

static bool is_hole(const char *name, size_t size, enum holes holes)
{
	if (holes == HOLES_INSERTION && size > 4 && memcmp(name, "old:", 4) == 0) {
		return is_column(name + 4, size - 4);
	}
	for (const char *at = allowed_holes[holes]; (at = strchr(at, '{')); at++) {
		if (strncmp(at + 1, name, size) == 0 && at[1 + size] == '}') {
			return true;
		}
	}
	return false;
}

/* The end of a quoted piece of SQL that begins at `at`; NULL: it is not closed. Doubled quotes stay inside. */
static const char *skip_quoted(const char *at)
{
	char quote = *at++;
	while (*at && (*at != quote || at[1] == quote)) {
		at += *at == quote ? 2 : 1;
	}
	return *at ? at + 1 : NULL;
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"' || c == '`';
}

struct expression {
	struct reader *reader;
	const struct node *section;
	const char *option;
	size_t item;
	const char *text;
	enum holes holes;
	int depth; /* of parentheses */
};

#define WRONG(e, ...)                                                                          \
	value_problem((e)->reader, (e)->section, (e)->option, (e)->item, (e)->text, __VA_ARGS__)

static const char *check_quoted(const struct expression *e, const char *at)
{
	const char *end = skip_quoted(at);
	if (!end) {
		WRONG(e, "has an open quote (%c)", *at);
		return NULL;
	}
	bool brace = memchr(at, '{', (size_t)(end - at)) || memchr(at, '}', (size_t)(end - at));
	if (brace && e->holes != HOLES_PLAIN) {
		WRONG(e, "has a brace inside quotes; allowed: holes outside of quotes, as in "
			 "'a' || {owner}");
		return NULL;
	}
	return end;
}

static const char *check_hole(const struct expression *e, const char *at)
{
	size_t size = strcspn(at + 1, "{}");
	if (at[size + 1] != '}') {
		WRONG(e, "has an open {; allowed: %s", allowed_holes[e->holes]);
		return NULL;
	}
	if (!is_hole(at + 1, size, e->holes)) {
		WRONG(e, "names the hole %.*s; allowed: %s", (int)(size + 2), at,
		      allowed_holes[e->holes]);
		return NULL;
	}
	return at + size + 2;
}

/* One step over the text; NULL: something is wrong. */
static const char *check_step(struct expression *e, const char *at)
{
	if (is_quote(*at)) {
		return check_quoted(e, at);
	}
	if (*at == '{') {
		return check_hole(e, at);
	}
	bool comment = (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
	if (*at == ';' || *at == '}' || comment) {
		WRONG(e, "has a '%.*s'; allowed: one SQL expression", comment ? 2 : 1, at);
		return NULL;
	}
	e->depth += (*at == '(') - (*at == ')');
	if (e->depth < 0) {
		WRONG(e, "closes a parenthesis that is not open");
		return NULL;
	}
	return at + 1;
}

bool check_expression(struct reader *reader, const struct node *section, const char *option,
		      size_t i, const char *expression, enum holes holes)
{
	struct expression e = { reader, section, option, i, expression, holes, 0 };
	for (const char *at = expression; *at;) {
		at = check_step(&e, at);
		if (!at) {
			return false;
		}
	}
	return e.depth == 0 || WRONG(&e, "has an open parenthesis");
}

/* The first `c` outside of quotes and parentheses in a checked text, or its end. */
static const char *find_outside(const char *at, char c)
{
	int depth = 0;
	while (*at && !(depth == 0 && *at == c)) {
		if (is_quote(*at)) {
			at = skip_quoted(at);
			continue;
		}
		depth += (*at == '(' || *at == '[' || *at == '{') -
			 (*at == ')' || *at == ']' || *at == '}');
		at++;
	}
	return at;
}

static char *copy_trimmed(struct arena *arena, const char *data, size_t size)
{
	while (size > 0 && *data == ' ') {
		data++;
		size--;
	}
	while (size > 0 && data[size - 1] == ' ') {
		size--;
	}
	return arena_copy(arena, data, size);
}

struct set {
	struct assignment *items;
	size_t count, room;
};

static struct assignment *grow(struct arena *arena, struct set *set)
{
	if (set->count == set->room) {
		size_t room = set->room == 0 ? 4 : set->room * 2;
		struct assignment *items = arena_take(arena, room * sizeof(*items));
		if (!items) {
			return NULL;
		}
		if (set->count > 0) {
			memcpy(items, set->items, set->count * sizeof(*items));
		}
		set->items = items;
		set->room = room;
	}
	return &set->items[set->count];
}

/* `text` is one assignment, up to `end`. */
static bool add_assignment(const struct expression *e, const char *text, const char *end,
			   struct set *set)
{
	struct arena *arena = e->reader->arena;
	const char *equals = find_outside(text, '=');
	if (equals >= end) {
		return WRONG(e, "is no assignment; allowed: column = expression");
	}
	struct assignment *item = grow(arena, set);
	if (!item || !(item->column = copy_trimmed(arena, text, (size_t)(equals - text))) ||
	    !(item->expression = copy_trimmed(arena, equals + 1, (size_t)(end - equals - 1)))) {
		return problem_memory(e->reader->problem);
	}
	item->line = node_child(e->section, e->option, 0)->lines[e->item];
	if (*item->column == '"' || *item->column == '`') {
		return WRONG(e,
			     "names its column in quotes: %s; names stand without them, in "
			     "whatever case the table has: SQL gets the quotes that it needs",
			     item->column);
	}
	if (!name_is_good(item->column, strlen(item->column)) ||
	    strpbrk(item->column, "'\"`(){}<>!,;")) {
		return WRONG(e, "has no column before the '='; allowed: column = expression");
	}
	if (item->expression[0] == '\0') {
		return WRONG(e, "gives '%s' no expression; allowed: column = expression",
			     item->column);
	}
	for (size_t i = 0; i < set->count; i++) {
		if (string_equal(set->items[i].column, item->column)) {
			return WRONG(e, "sets '%s' a second time; the first is on line %d",
				     item->column, set->items[i].line);
		}
	}
	set->count++;
	return true;
}

static bool add_item(const struct expression *e, struct set *set)
{
	for (const char *text = e->text;;) {
		const char *end = find_outside(text, ',');
		if (!add_assignment(e, text, end, set)) {
			return false;
		}
		if (*end == '\0') {
			return true;
		}
		text = end + 1;
	}
}

bool read_set(struct reader *reader, const struct node *section, const char *option, cfg_t *cfg,
	      enum holes holes, struct assignment **ret_set, size_t *ret_count)
{
	struct set set = { 0 };
	for (size_t i = 0; option_at(section, cfg, option, i); i++) {
		struct expression e = {
			reader, section, option, i, option_at(section, cfg, option, i), holes, 0
		};
		for (const char *at = e.text; *at; at++) {
			if ((unsigned char)*at < 0x20 || *at == 0x7f) {
				return WRONG(&e, "has a control character");
			}
		}
		if (!check_expression(reader, section, option, i, e.text, holes) ||
		    !add_item(&e, &set)) {
			return false;
		}
	}
	*ret_set = set.items;
	*ret_count = set.count;
	return true;
}
