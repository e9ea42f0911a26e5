/* Checks the holes of every text that people or a host's column will read. */
#include "check.h"

static bool check_text(struct checker *c, const struct node *section, const char *option,
		       const char *text, const struct message_word *words, size_t count)
{
	size_t at = 0;
	if (!text || message_check(text, words, count, &at)) {
		return true;
	}
	TEXT_CLEANUP struct text allowed = { 0 };
	text_add(&allowed, message_holes());
	for (size_t i = 0; i < count; i++) {
		text_printf(&allowed, " {%s}", words[i].word);
	}
	return value_problem(c->reader, section, option, 0, text,
			     "has a bad hole at byte %zu; allowed: %s, and {{ for a brace",
			     at + 1, text_string(&allowed));
}

static bool check_plain(struct checker *c, const struct node *section, const char *option,
			const char *text)
{
	return check_text(c, section, option, text, /* words= */ NULL, /* count= */ 0);
}

static bool check_rule_texts(struct checker *c)
{
	for (size_t i = 0; i < c->profile->policy.rule_count; i++) {
		const struct rule *rule = &c->profile->policy.rules[i];
		const struct node *node = node_child(c->reader->root, "rule", i);
		if (!check_plain(c, node, "reason", rule->reason) ||
		    !check_plain(c, node, "spent_reason", rule->spent_reason) ||
		    !check_plain(c, node, "error", rule->error) ||
		    !check_plain(c, node, "spent_error", rule->spent_error)) {
			return false;
		}
	}
	return true;
}

/* The line of a pass may name the result words, too. */
static struct message_word *result_words(struct checker *c)
{
	size_t count = c->profile->result_count;
	struct message_word *words = arena_take(c->reader->scratch, count * sizeof(*words));
	for (size_t i = 0; words && i < count; i++) {
		words[i].word = c->profile->results[i].word;
	}
	return words;
}

static bool check_occasion(struct checker *c, const struct node *messages,
			   enum occasion occasion, const struct message_word *words)
{
	size_t count = occasion == OCCASION_DONE ? c->profile->result_count : 0;
	const struct node *node;
	for (size_t i = 0; (node = node_child(messages, occasion_name(occasion), i)); i++) {
		const struct message_line *line = &c->profile->messages[occasion][i];
		if (!check_text(c, node, "text", line->text, words, count)) {
			return false;
		}
	}
	return true;
}

static bool check_messages(struct checker *c)
{
	const struct node *messages = node_child(c->reader->root, "messages", 0);
	struct message_word *words = result_words(c);
	if (!words) {
		return problem_memory(c->reader->problem);
	}
	for (unsigned i = 0; messages && i < OCCASION_COUNT; i++) {
		if (!check_occasion(c, messages, (enum occasion)i, words)) {
			return false;
		}
	}
	return true;
}

/* A member may be empty, and name {at}, too. */
static bool check_entry(struct checker *c)
{
	static const struct message_word at = { .word = "at" };
	const struct node *error = node_child(c->reader->root, "error", 0);
	const struct node *entry = error ? node_child(error, "entry", 0) : NULL;
	for (size_t i = 0; i < c->profile->error_entry_count; i++) {
		const struct error_member *member = &c->profile->error_entry[i];
		if (!check_text(c, entry, member->name, member->text, &at, /* count= */ 1)) {
			return false;
		}
	}
	return true;
}

bool check_texts(struct checker *c)
{
	const struct recovery *recover = &c->profile->recover;
	const struct cleanup *cleanup = &c->profile->cleanup;
	const struct node *recovers = section_of(c, "recover"),
			  *cleans = section_of(c, "cleanup");
	return check_rule_texts(c) && check_messages(c) && check_entry(c) &&
	       check_plain(c, recovers, "error", recover->error) &&
	       check_plain(c, recovers, "reason", recover->reason) &&
	       check_plain(c, cleans, "error", cleanup->error) &&
	       check_plain(c, cleans, "spent_error", cleanup->spent_error) &&
	       check_plain(c, cleans, "reason", cleanup->reason) &&
	       check_plain(c, cleans, "spent_reason", cleanup->spent_reason);
}
