/* Checks that only the whole profile shows: states and labels, counts, times, the operator's recoveries. */
#include "check.h"

#include <string.h>

const struct node *section_of(const struct checker *c, const char *name)
{
	const struct node *node = node_child(c->reader->root, name, 0);
	return node ? node : c->reader->root;
}

/* ---- states and labels ---- */

struct group {
	const char *word;
	const struct names *names;
};

/* None of a group's names may stand in an earlier group. */
static bool check_group(struct checker *c, const struct node *section,
			const struct group *groups, size_t last)
{
	const struct group *group = &groups[last];
	for (size_t n = 0; n < group->names->count; n++) {
		for (size_t i = 0; i < last; i++) {
			if (names_have(groups[i].names, group->names->items[n])) {
				return value_problem(
					c->reader, section, group->word, n,
					group->names->items[n],
					"stands under '%s' too; allowed: one word for "
					"each",
					groups[i].word);
			}
		}
	}
	return true;
}

static bool check_groups(struct checker *c, const struct node *section,
			 const struct group *groups, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (!check_group(c, section, groups, i)) {
			return false;
		}
	}
	return true;
}

/* Words come from a column's labels, or from predicates. */
static bool check_ways(struct checker *c)
{
	const struct node *root = c->reader->root;
	const struct node *states = node_child(root, "states", 0);
	const struct node *predicates = node_child(root, "predicates", 0);
	const struct node *columns = section_of(c, "columns");
	const struct node *column = node_child(columns, "state", 0);
	if (predicates && (column || states)) {
		return BAD(
			c, (column ? column : states)->line,
			"%s and predicates (line %d) exclude each other; allowed: predicates "
			"{ … }, or columns { state = \"…\" } with states { … }",
			column ? "columns { state }" : "states", predicates->line);
	}
	if (!predicates && !column) {
		return BAD(
			c, columns->line,
			"columns lacks 'state'; allowed: state = \"…\", or predicates { … }");
	}
	if (!predicates && !states) {
		return BAD(c, root->line,
			   "the profile lacks 'states'; allowed: states { … }, or predicates { "
			   "… }");
	}
	return true;
}

static bool check_states(struct checker *c)
{
	struct group groups[STATE_COUNT];
	size_t count = 0;
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		groups[count++] = (struct group){ state_word((enum state)state),
						  &c->profile->states[state] };
	}
	bool predicates = c->profile->predicates[STATE_RUNNING] != NULL;
	const struct node *section = section_of(c, "predicates");
	if (!predicates && section != c->reader->root) {
		return BAD(c, section->line,
			   "predicates lacks 'running'; allowed: running = \"…\"");
	}
	section = section_of(c, "states");
	if (c->profile->states[STATE_RUNNING].count == 0) {
		return BAD(c, section->line,
			   "states lacks 'running'; allowed: running = { \"…\" }");
	}
	return check_groups(c, section, groups, count);
}

static bool check_labels(struct checker *c)
{
	const struct workers *w = &c->profile->workers;
	const struct group groups[] = { { "active", &w->active },
					{ "stalled", &w->stalled },
					{ "stopped", &w->stopped } };
	if (!w->table) {
		return true;
	}
	const struct node *section = section_of(c, "workers");
	bool labels = w->active.count + w->stalled.count + w->stopped.count + w->lost.count +
			      w->ignore.count >
		      0;
	if (labels && !w->state) {
		return BAD(c, section->line,
			   "workers has labels but no column for them; allowed: state = \"…\"");
	}
	if (!c->profile->roles[ROLE_OWNER]) {
		return BAD(c, section->line,
			   "workers needs to know whose a task is; allowed: columns { owner = "
			   "\"…\" }");
	}
	return check_groups(c, section, groups, sizeof(groups) / sizeof(*groups));
}

/* ---- recover, cleanup, probe, the rest ---- */

static bool check_recover(struct checker *c)
{
	const struct profile *p = c->profile;
	const struct node *section = section_of(c, "recover");
	if (!p->recover.present) {
		return true;
	}
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if ((p->recover.of & SIGNAL_BIT(i)) && !p->signals[i].column) {
			return BAD(c, node_line(section, "of"),
				   "recover needs columns { %s = \"…\" }",
				   signal_name((enum signal)i));
		}
	}
	if (!p->roles[ROLE_OWNER]) {
		return BAD(c, section->line, "recover needs columns { owner = \"…\" }");
	}
	return check_remedy(c, REMEDY_REQUEUE, section->line, "recover");
}

static bool check_cleanup(struct checker *c)
{
	const struct profile *p = c->profile;
	const struct node *section = section_of(c, "cleanup");
	if (!p->cleanup.present) {
		return true;
	}
	if (!p->signals[p->cleanup.by].column) {
		return BAD(c, node_line(section, "by"), "cleanup needs columns { %s = \"…\" }",
			   signal_name(p->cleanup.by));
	}
	if (p->cleanup.max_attempts > 0 && !p->roles[ROLE_ATTEMPTS]) {
		return BAD(c, node_line(section, "max_attempts"),
			   "cleanup with max_attempts needs columns { attempts = \"…\" }");
	}
	return check_remedy(c, REMEDY_REQUEUE, section->line, "cleanup");
}

static bool check_probe(struct checker *c)
{
	const struct names *command = &c->profile->probe.command;
	for (size_t i = 0; i < command->count; i++) {
		if (strstr(command->items[i], "{owner}")) {
			return c->profile->roles[ROLE_OWNER] ||
			       BAD(c, section_of(c, "probe")->line,
				   "probe needs columns { owner = \"…\" }");
		}
	}
	return command->count == 0 ||
	       BAD(c, node_line(section_of(c, "probe"), "command"),
		   "probe asks about nobody; allowed: {owner} in one of the arguments");
}

/* A key or a token that were cut would match other tasks too. */
static bool check_counts(struct checker *c)
{
	const struct node *root = c->reader->root, *columns = section_of(c, "columns");
	const struct {
		const struct node *section;
		const char *option;
		const struct names *names;
		size_t most;
	} lists[] = {
		{ root, "key", &c->profile->key, KEY_COLUMNS_MAX },
		{ columns, "token", &c->profile->token, TOKEN_COLUMNS_MAX },
		{ columns, "show", &c->profile->show, SHOW_COLUMNS_MAX },
	};
	if (c->profile->policy.rule_count > RULES_MAX) {
		return BAD(c, node_child(root, "rule", RULES_MAX)->line,
			   "the profile has %zu rules; allowed: 1 to %d",
			   c->profile->policy.rule_count, RULES_MAX);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (lists[i].names->count > lists[i].most) {
			return BAD(c, node_line(lists[i].section, lists[i].option),
				   "%s has %zu columns; allowed: 1 to %zu", lists[i].option,
				   lists[i].names->count, lists[i].most);
		}
	}
	return true;
}

/* "native" is for the ledger whose columns we made. */
static bool check_time(struct checker *c)
{
	const struct node *columns = section_of(c, "columns");
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		const struct mapped *signal = &c->profile->signals[i];
		if (signal->format == TIME_NATIVE && !c->profile->native) {
			return BAD(c, node_line(columns, "time"),
				   "time = \"native\" is for our own ledger; allowed: the "
				   "shape of the "
				   "columns, as in timestamp-utc, rfc3339, epoch");
		}
	}
	return true;
}

static bool check_claims(struct checker *c)
{
	return !c->profile->claims || check_expression(c->reader, c->reader->root, "claims", 0,
						       c->profile->claims, HOLES_NONE);
}

bool profile_check(struct reader *reader)
{
	struct checker c = { .reader = reader, .profile = reader->profile };
	return check_ways(&c) && check_counts(&c) && check_states(&c) && check_labels(&c) &&
	       check_rules(&c) && check_budget(&c) && check_changes(&c) && check_derived(&c) &&
	       check_recover(&c) && check_cleanup(&c) && check_probe(&c) && check_time(&c) &&
	       check_claims(&c) && check_texts(&c);
}
