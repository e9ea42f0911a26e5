/* The words of options that have a few only, and how they are found and listed. */
#include "parse.h"

static const char *state_at(int i)
{
	return state_word((enum state)i);
}

static const char *signal_at(int i)
{
	return signal_name((enum signal)i);
}

static const char *kind_at(int i)
{
	return rule_kind_name((enum rule_kind)i);
}

static const char *remedy_at(int i)
{
	return remedy_name((enum remedy)i);
}

static const char *format_at(int i)
{
	return time_format_name((enum time_format)i);
}

static const char *missing_at(int i)
{
	return i == 0 ? "never" : "stale";
}

static const char *unless_at(int i)
{
	return i == 0 ? "never" : "alive";
}

static const char *mode_at(int i)
{
	static const char *const names[] = { "replace", "append", "push" };
	return names[i];
}

static const char *kept_at(int i)
{
	return i == 0 ? "column" : "audit";
}

/* What is done instead of a requeue is none. */
static const char *instead_at(int i)
{
	return i == REMEDY_REQUEUE ? NULL : remedy_name((enum remedy)i);
}

const struct words states_words = { state_at, STATE_READY, STATE_COUNT };
const struct words signals_words = { signal_at, 0, SIGNAL_COUNT };
const struct words kinds_words = { kind_at, 0, RULE_KIND_COUNT };
const struct words remedies_words = { remedy_at, 0, REMEDY_COUNT };
const struct words formats_words = { format_at, 0, TIME_FORMAT_COUNT };
const struct words missing_words = { missing_at, 0, 2 };
const struct words unless_words = { unless_at, 0, 2 };
const struct words modes_words = { mode_at, 0, ERROR_PUSH + 1 };
const struct words kept_words = { kept_at, 0, 2 };
const struct words instead_words = { instead_at, 0, REMEDY_COUNT };

void words_list(struct text *text, const struct words *words)
{
	for (int i = words->first; i < words->end; i++) {
		if (words->name(i)) {
			text_printf(text, "%s%s", i == words->first ? "" : ", ",
				    words->name(i));
		}
	}
}

bool words_find(const struct words *words, const char *name, int *ret_number)
{
	for (int i = words->first; i < words->end; i++) {
		if (string_equal(words->name(i), name)) {
			*ret_number = i;
			return true;
		}
	}
	return false;
}
