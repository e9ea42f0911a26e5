/* Applies environment variables to a profile; what is wrong with one is told and never stops anything. */
#include "duration.h"
#include "profile.h"

#include <inttypes.h>
#include <string.h>

#define COUNT_MAX 1000000000
#define SHOWN_MAX 64

static bool parse_count(const char *string, int64_t *ret_count)
{
	const char *at = string[0] == '+' ? string + 1 : string;
	int64_t count = 0;
	for (; *at >= '0' && *at <= '9' && count <= COUNT_MAX; at++) {
		count = count * 10 + (*at - '0');
	}
	if (*at != '\0' || count < 1 || count > COUNT_MAX) {
		return false;
	}
	*ret_count = count;
	return true;
}

static struct rule *threshold_rule(struct profile *profile, const char *target)
{
	size_t size = strlen(target);
	if (size <= 11 || memcmp(target, "rule.", 5) != 0) {
		return NULL;
	}
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		/* The loader made the rules in this arena; they are const for the judge's sake. */
		struct rule *rule = (struct rule *)&profile->policy.rules[i];
		if (strlen(rule->name) == size - 11 &&
		    memcmp(rule->name, target + 5, size - 11) == 0) {
			return rule;
		}
	}
	return NULL;
}

static int64_t *find_target(struct profile *profile, const char *target)
{
	struct {
		const char *name;
		int64_t *slot;
	} slots[] = {
		{ "interval", &profile->interval },
		{ "lease", &profile->lease },
		{ "per_sweep", &profile->per_sweep },
		{ "budget.attempts", &profile->policy.budget_attempts },
		{ "budget.recoveries", &profile->policy.budget_recoveries },
	};
	for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
		if (strcmp(slots[i].name, target) == 0) {
			return slots[i].slot;
		}
	}
	struct rule *rule = threshold_rule(profile, target);
	return rule ? &rule->after : NULL;
}

static void add_default(struct text *line, enum setting_kind kind, int64_t value)
{
	if (value == INT64_MAX) {
		text_add(line, "off");
	} else if (kind == SETTING_SECONDS) {
		duration_print(line, value);
	} else {
		text_printf(line, "%" PRId64, value);
	}
}

static void tell(const struct setting *setting, const char *value, int64_t remaining,
		 warn_fn *warn, void *context)
{
	TEXT_CLEANUP struct text line = { 0 };
	size_t size = strlen(value);
	text_printf(&line, "environment: %s = \"", setting->variable);
	text_add_visible(&line, value, utf8_cut(value, size, SHOWN_MAX));
	text_printf(&line, "%s\" is refused; allowed: ", size > SHOWN_MAX ? "…" : "");
	text_add(&line, setting->kind == SETTING_SECONDS
				? "whole seconds > 0, at most ten years"
				: "a whole number > 0");
	text_add(&line, "; the default stays: ");
	add_default(&line, setting->kind, remaining);
	if (warn && !line.failed) {
		warn(context, text_string(&line));
	}
}

static void apply(struct profile *profile, const struct setting *setting, const char *value,
		  warn_fn *warn, void *context)
{
	int64_t *slot = find_target(profile, setting->target);
	int64_t number = 0;
	bool good = setting->kind == SETTING_SECONDS ? duration_parse_seconds(value, &number)
						     : parse_count(value, &number);
	if (!slot || !good) {
		tell(setting, value, slot ? *slot : 0, warn, context);
		return;
	}
	*slot = number;
}

void profile_environment(struct profile *profile, environment_fn *get, warn_fn *warn,
			 void *context)
{
	for (size_t i = 0; i < profile->setting_count; i++) {
		const struct setting *setting = &profile->settings[i];
		const char *value = get(setting->variable);
		if (value && value[0] != '\0') {
			apply(profile, setting, value, warn, context);
		}
	}
	profile->policy.lease = profile->lease;
}
