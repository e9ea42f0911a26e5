/* What a profile says to the outside: environment, result words, log lines, and the operator's two recoveries. */
#include "parse.h"

#include <string.h>

static const char *const counters[] = { "taken",     "requeued",   "failed", "stuck",
					"cancelled", "lost_races", "errors", "workers_stalled",
					"at",        "problem" };

static const char *find_counter(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		if (strlen(counters[i]) == size && memcmp(counters[i], name, size) == 0) {
			return counters[i];
		}
	}
	return NULL;
}

static const struct rule *find_rule(const struct profile *profile, const char *name,
				    size_t size)
{
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		const struct rule *rule = &profile->policy.rules[i];
		if (strlen(rule->name) == size && memcmp(rule->name, name, size) == 0) {
			return rule;
		}
	}
	return NULL;
}

static void list_rules(struct text *text, const struct profile *profile)
{
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		text_printf(text, "%s%s", i == 0 ? "" : ", ", profile->policy.rules[i].name);
	}
}

/* ---- environment ---- */

static const struct {
	const char *target;
	enum setting_kind kind;
} targets[] = {
	{ "interval", SETTING_SECONDS },        { "lease", SETTING_SECONDS },
	{ "per_sweep", SETTING_COUNT },         { "budget.attempts", SETTING_COUNT },
	{ "budget.recoveries", SETTING_COUNT },
};

static bool is_variable(const char *name)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
	return name[0] != '\0' && !strchr("0123456789", name[0]) &&
	       strspn(name, letters) == strlen(name);
}

/* The rule whose threshold a target names: "rule.NAME.after", or the rule's `setting`. */
static const struct rule *threshold_rule(struct reader *reader, const char *target)
{
	const struct profile *profile = reader->profile;
	size_t size = strlen(target);
	if (size > 11 && memcmp(target, "rule.", 5) == 0 &&
	    memcmp(target + size - 6, ".after", 6) == 0) {
		return find_rule(profile, target + 5, size - 11);
	}
	for (unsigned i = 0; i < profile->policy.rule_count; i++) {
		const struct node *node = node_child(reader->root, "rule", i);
		if (string_equal(target, option_at(node, cfg_getnsec(reader->cfg, "rule", i),
						   "setting", 0))) {
			return &profile->policy.rules[i];
		}
	}
	return NULL;
}

static bool bad_target(struct reader *reader, const struct node *option)
{
	TEXT_CLEANUP struct text allowed = { 0 };
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		text_printf(&allowed, "%s, ", targets[i].target);
	}
	return problem_at(
		reader->problem, option->line,
		"environment names the setting '%s'; allowed: %srule.NAME.after with a "
		"rule that has one, or a rule's own setting",
		option->name, text_string(&allowed));
}

static bool read_setting(struct reader *reader, const struct node *option,
			 struct setting *setting)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		if (string_equal(option->name, targets[i].target)) {
			setting->target = targets[i].target;
			setting->kind = targets[i].kind;
			return true;
		}
	}
	const struct rule *rule = threshold_rule(reader, option->name);
	if (!rule || rule->after == 0) {
		return bad_target(reader, option);
	}
	setting->kind = SETTING_SECONDS;
	setting->target = arena_printf(reader->arena, "rule.%s.after", rule->name);
	return setting->target || problem_memory(reader->problem);
}

bool finish_environment(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	profile->settings =
		arena_take(reader->arena, node_count(node) * sizeof(*profile->settings));
	if (!profile->settings) {
		return problem_memory(reader->problem);
	}
	for (const struct node *child = node->children; child; child = child->next) {
		struct setting *setting = &profile->settings[profile->setting_count++];
		const char *variable = cfg_getstr(cfg, child->name);
		setting->line = child->line;
		if (!read_setting(reader, child, setting)) {
			return false;
		}
		if (!is_variable(variable)) {
			return value_problem(
				reader, node, child->name, 0, variable,
				"is no variable's name; allowed: letters, digits and "
				"_, no digit first");
		}
		setting->variable = arena_string(reader->arena, variable);
		if (!setting->variable) {
			return problem_memory(reader->problem);
		}
	}
	return true;
}

/* ---- results ---- */

static bool bad_result(struct reader *reader, const struct node *node, const char *word,
		       const char *value)
{
	TEXT_CLEANUP struct text allowed = { 0 };
	list_rules(&allowed, reader->profile);
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		text_printf(&allowed, ", %s", counters[i]);
	}
	return value_problem(
		reader, node, word, 0, value,
		"counts nothing; allowed: a rule, a counter, or \"RULE COUNTER\": %s",
		text_string(&allowed));
}

/* "RULE", "COUNTER" or "RULE COUNTER"; a name that is both is the rule's. */
static bool parse_result(const struct profile *profile, const char *value,
			 struct result_word *result)
{
	const char *space = strrchr(value, ' ');
	const struct rule *rule = find_rule(profile, value, strlen(value));
	if (rule) {
		result->rule = rule->name;
		result->counts = "taken";
		return true;
	}
	if (!space) {
		result->counts = find_counter(value, strlen(value));
		return result->counts != NULL;
	}
	rule = find_rule(profile, value, (size_t)(space - value));
	result->counts = find_counter(space + 1, strlen(space + 1));
	result->rule = rule ? rule->name : NULL;
	return rule && result->counts;
}

bool finish_results(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	profile->results =
		arena_take(reader->arena, node_count(node) * sizeof(*profile->results));
	if (!profile->results) {
		return problem_memory(reader->problem);
	}
	for (const struct node *child = node->children; child; child = child->next) {
		struct result_word *result = &profile->results[profile->result_count++];
		const char *value = cfg_getstr(cfg, child->name);
		if (!parse_result(profile, value, result)) {
			return bad_result(reader, node, child->name, value);
		}
		result->word = arena_string(reader->arena, child->name);
		if (!result->word) {
			return problem_memory(reader->problem);
		}
	}
	return true;
}

/* ---- messages ---- */

#define LINES_MAX 4

static bool check_message_rule(struct reader *reader, const struct node *node,
			       const struct message_line *line)
{
	if (!line->rule || profile_rule(reader->profile, line->rule)) {
		return true;
	}
	TEXT_CLEANUP struct text allowed = { 0 };
	list_rules(&allowed, reader->profile);
	return value_problem(reader, node, "rule", 0, line->rule, "is no rule; allowed: %s",
			     text_string(&allowed));
}

static bool read_lines(struct reader *reader, const struct node *node, cfg_t *cfg,
		       const char *occasion, struct message_line *lines)
{
	const struct node *child;
	for (unsigned i = 0; (child = node_child(node, occasion, i)); i++) {
		if (i == LINES_MAX) {
			return problem_at(reader->problem, child->line,
					  "too many messages '%s'; allowed: %d", occasion,
					  LINES_MAX);
		}
		if (!read_section(reader, &message_section, child,
				  cfg_getnsec(cfg, occasion, i), &lines[i]) ||
		    !check_message_rule(reader, child, &lines[i])) {
			return false;
		}
	}
	return true;
}

bool finish_messages(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	for (unsigned i = 0; i < OCCASION_COUNT; i++) {
		if (!read_lines(reader, node, cfg, occasion_name((enum occasion)i),
				profile->messages[i])) {
			return false;
		}
	}
	return true;
}

/* ---- recover and cleanup ---- */

bool finish_recover(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)reader, (void)node, (void)cfg;
	struct profile *profile = base;
	profile->recover.present = true;
	if (!profile->recover.reason) {
		profile->recover.reason = "Left running by an earlier start of {owner}";
	}
	return true;
}

bool finish_cleanup(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)reader, (void)node, (void)cfg;
	struct profile *profile = base;
	struct cleanup *cleanup = &profile->cleanup;
	cleanup->present = true;
	if (!cleanup->reason) {
		cleanup->reason = "Requeued by an operator: untouched for {age}";
	}
	if (!cleanup->spent_reason) {
		cleanup->spent_reason =
			"Failed by an operator: untouched for {age}, {attempts} attempts";
	}
	return true;
}
