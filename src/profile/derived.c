/* What a profile derives: columns and states by SQL, an error as an object of members, the time of a next attempt. */
#include "parse.h"

static bool read_computed(struct reader *reader, const struct node *node,
			  const struct node *child, const char *expression)
{
	struct profile *profile = reader->profile;
	struct computed *computed = &profile->computed[profile->computed_count++];
	computed->line = child->line;
	computed->name = arena_string(reader->arena, child->name);
	computed->expression = arena_string(reader->arena, expression);
	if (!computed->name || !computed->expression) {
		return problem_memory(reader->problem);
	}
	if (expression[0] == '\0') {
		return value_problem(reader, node, child->name, 0, expression,
				     "is empty; allowed: an SQL expression over the row");
	}
	return check_expression(reader, node, child->name, 0, expression, HOLES_ROW);
}

bool finish_compute(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	profile->computed =
		arena_take(reader->arena, node_count(node) * sizeof(*profile->computed));
	if (!profile->computed) {
		return problem_memory(reader->problem);
	}
	for (const struct node *child = node->children; child; child = child->next) {
		if (!read_computed(reader, node, child, cfg_getstr(cfg, child->name))) {
			return false;
		}
	}
	return true;
}

bool finish_predicates(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)cfg;
	struct profile *profile = base;
	for (unsigned i = STATE_READY; i < STATE_COUNT; i++) {
		struct names *names = &profile->states[i];
		const char *word = state_word((enum state)i);
		if (!profile->predicates[i]) {
			continue;
		}
		if (!check_expression(reader, node, word, 0, profile->predicates[i],
				      HOLES_ROW)) {
			return false;
		}
		names->items = arena_take(reader->arena, sizeof(*names->items));
		if (!names->items) {
			return problem_memory(reader->problem);
		}
		names->items[0] = word;
		names->count = 1;
	}
	profile->roles[ROLE_STATE] = STATE_BY_PREDICATE;
	return true;
}

static bool check_line(struct reader *reader, const struct node *node,
		       const struct error_member *member)
{
	for (const char *at = member->text; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			return value_problem(
				reader, node, member->name, 0, member->text,
				"has a control character; allowed: text on one line");
		}
	}
	return true;
}

bool finish_entry(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	profile->error_entry =
		arena_take(reader->arena, node_count(node) * sizeof(*profile->error_entry));
	if (!profile->error_entry) {
		return problem_memory(reader->problem);
	}
	for (const struct node *child = node->children; child; child = child->next) {
		struct error_member *member =
			&profile->error_entry[profile->error_entry_count++];
		member->name = arena_string(reader->arena, child->name);
		member->text = arena_string(reader->arena, cfg_getstr(cfg, child->name));
		if (!member->name || !member->text) {
			return problem_memory(reader->problem);
		}
		if (!check_line(reader, node, member)) {
			return false;
		}
	}
	return profile->error_entry_count > 0 ||
	       problem_at(reader->problem, node->line,
			  "entry has no members; allowed: entry { NAME = \"…\" … }");
}

bool finish_backoff(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	struct backoff *backoff = &profile->backoff;
	backoff->present = true;
	if (backoff->max == 0) {
		backoff->max = NO_LIMIT;
	}
	if (backoff->max < backoff->first) {
		return value_problem(reader, node, "max", 0, option_at(node, cfg, "max", 0),
				     "is shorter than first; allowed: at least as long");
	}
	if (backoff->factor > 0 && backoff->power > 0) {
		return problem_at(reader->problem, node_line(node, "power"),
				  "backoff has a factor and a power; allowed: one of them");
	}
	if (backoff->factor == 0 && backoff->power == 0) {
		backoff->factor = 1;
	}
	return true;
}
