/* Reads values: each shape from text into the member of its field. */
#include "duration.h"
#include "parse.h"

#include <string.h>

#define NAME_BYTES 128
#define COUNT_MAX 1000000000
#define NUMBER_MAX 100

bool name_is_good(const char *name, size_t size)
{
	if (size == 0 || size > NAME_BYTES || name[0] == ' ' || name[size - 1] == ' ') {
		return false;
	}
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)name[i];
		bool c1 = c == 0xc2 && (unsigned char)name[i + 1] < 0xa0;
		if (c < 0x20 || c == 0x7f || c1) {
			return false;
		}
	}
	return true;
}

static const char *value_at(const struct place *place, size_t i)
{
	return cfg_getnstr(place->cfg, place->field->name, (unsigned)i);
}

#define WRONG(reader, place, i, ...)                                                           \
	value_problem(reader, (place)->section, (place)->field->name, i, value_at(place, i),   \
		      __VA_ARGS__)

static bool read_copy(struct reader *reader, const struct place *place, size_t i,
		      const char **ret_string)
{
	struct profile *profile = reader->profile;
	struct text_line *line = arena_take(reader->arena, sizeof(*line));
	char *string = arena_string(reader->arena, value_at(place, i));
	if (!line || !string) {
		return problem_memory(reader->problem);
	}
	const struct node *option = node_child(place->section, place->field->name, 0);
	*line = (struct text_line){ string, option->lines[i], profile->lines };
	profile->lines = line;
	*ret_string = string;
	return true;
}

static bool check_name(struct reader *reader, const struct place *place, size_t i)
{
	const char *value = value_at(place, i);
	return name_is_good(value, strlen(value)) ||
	       WRONG(reader, place, i, "is not a name; allowed: %s", NAME_HELP);
}

static bool check_text(struct reader *reader, const struct place *place, size_t i)
{
	const char *value = value_at(place, i);
	for (const char *at = value; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			return WRONG(reader, place, i,
				     "has a control character; allowed: text on one line");
		}
	}
	return value[0] != '\0' ||
	       WRONG(reader, place, i, "is empty; allowed: text, or leave %s out",
		     place->field->name);
}

static bool read_name(struct reader *reader, const struct place *place, void *slot)
{
	return check_name(reader, place, 0) && read_copy(reader, place, 0, slot);
}

static bool read_text(struct reader *reader, const struct place *place, void *slot)
{
	return check_text(reader, place, 0) && read_copy(reader, place, 0, slot);
}

static bool read_strings(struct reader *reader, const struct place *place, struct names *names,
			 bool (*check)(struct reader *, const struct place *, size_t))
{
	names->items = arena_take(reader->arena, place->count * sizeof(*names->items));
	if (!names->items) {
		return problem_memory(reader->problem);
	}
	for (size_t i = 0; i < place->count; i++) {
		if (!check(reader, place, i) ||
		    !read_copy(reader, place, i, &names->items[i])) {
			return false;
		}
		names->count++;
	}
	return true;
}

static bool read_names(struct reader *reader, const struct place *place, void *slot)
{
	struct names *names = slot;
	if (!read_strings(reader, place, names, check_name)) {
		return false;
	}
	for (size_t i = 1; i < names->count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (string_equal(names->items[i], names->items[j])) {
				return WRONG(reader, place, i,
					     "stands there twice; allowed: each name once");
			}
		}
	}
	return true;
}

static bool read_texts(struct reader *reader, const struct place *place, void *slot)
{
	return read_strings(reader, place, slot, check_text);
}

static bool read_span(struct reader *reader, const struct place *place, void *slot)
{
	return duration_parse(value_at(place, 0), slot) ||
	       WRONG(reader, place, 0, "is not a duration; allowed: %s", DURATION_HELP);
}

static bool read_duration(struct reader *reader, const struct place *place, void *slot)
{
	int64_t duration = 0;
	if (!read_span(reader, place, &duration)) {
		return false;
	}
	if (duration <= 0) {
		return WRONG(reader, place, 0, "must be longer than 0; allowed: %s",
			     DURATION_HELP);
	}
	*(int64_t *)slot = duration;
	return true;
}

static bool read_after(struct reader *reader, const struct place *place, void *slot)
{
	const char *value = value_at(place, 0);
	if (string_equal(value, "off") || string_equal(value, "never")) {
		*(int64_t *)slot = AFTER_NEVER;
		return true;
	}
	int64_t duration = 0;
	if (!duration_parse(value, &duration) || duration <= 0) {
		return WRONG(
			reader, place, 0,
			"is not a duration longer than 0; allowed: %s, \"off\" or \"never\"",
			DURATION_HELP);
	}
	*(int64_t *)slot = duration;
	return true;
}

static bool parse_count(const char *value, int64_t *ret_count)
{
	int64_t count = 0;
	for (const char *at = value; *at; at++) {
		if (*at < '0' || *at > '9' || count > COUNT_MAX) {
			return false;
		}
		count = count * 10 + (*at - '0');
	}
	*ret_count = count;
	return value[0] != '\0' && count <= COUNT_MAX;
}

static bool read_count(struct reader *reader, const struct place *place, void *slot)
{
	const char *value = value_at(place, 0);
	if (string_equal(value, "off")) {
		*(int64_t *)slot = NO_LIMIT;
		return true;
	}
	return parse_count(value, slot) || WRONG(reader, place, 0,
						 "is not a number; allowed: 0 to %d (0 is "
						 "nothing), or \"off\" for no limit",
						 COUNT_MAX);
}

static bool read_budget(struct reader *reader, const struct place *place, void *slot)
{
	const struct profile *profile = reader->profile;
	const char *value = value_at(place, 0);
	bool column = string_equal(value, "column");
	bool mapped = profile->roles[ROLE_ATTEMPTS] && profile->roles[ROLE_MAX_ATTEMPTS];
	if (column && (slot != &profile->policy.budget_attempts || !mapped)) {
		return WRONG(reader, place, 0,
			     "is for attempts with columns { attempts = … max_attempts = … }; "
			     "allowed: 1 to %d, or \"off\"",
			     COUNT_MAX);
	}
	if (column || string_equal(value, "off")) {
		*(int64_t *)slot = NO_LIMIT;
		return true;
	}
	int64_t count = 0;
	if (!parse_count(value, &count) || count == 0) {
		return WRONG(reader, place, 0,
			     "is not a budget; allowed: 1 to %d, \"column\" (the row's own "
			     "max_attempts), or \"off\"",
			     COUNT_MAX);
	}
	*(int64_t *)slot = count;
	return true;
}

static bool read_bytes(struct reader *reader, const struct place *place, void *slot)
{
	int64_t count = 0;
	if (!parse_count(value_at(place, 0), &count) || count == 0) {
		return WRONG(reader, place, 0, "is not a number of bytes; allowed: 1 to %d",
			     COUNT_MAX);
	}
	*(int64_t *)slot = count;
	return true;
}

/* By hand, so that no locale's decimal comma matters. */
static bool parse_decimal(const char *at, double *ret_number)
{
	double number = 0, unit = 1;
	bool good = *at >= '0' && *at <= '9';
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (*at - '0');
	}
	if (*at == '.') {
		at++;
		good = good && *at >= '0' && *at <= '9';
		for (; *at >= '0' && *at <= '9'; at++) {
			number += (*at - '0') * (unit /= 10);
		}
	}
	*ret_number = number;
	return good && *at == '\0';
}

static bool read_fraction(struct reader *reader, const struct place *place, void *slot)
{
	double number = 0;
	if (!parse_decimal(value_at(place, 0), &number) || number > 1) {
		return WRONG(reader, place, 0,
			     "is not a fraction; allowed: 0 to 1, as in 0.55");
	}
	*(double *)slot = number;
	return true;
}

static bool read_number(struct reader *reader, const struct place *place, void *slot)
{
	double number = 0;
	if (!parse_decimal(value_at(place, 0), &number) || number <= 0 || number > NUMBER_MAX) {
		return WRONG(reader, place, 0,
			     "is not a number that fits; allowed: more than 0 to %d, as in 1.5",
			     NUMBER_MAX);
	}
	*(double *)slot = number;
	return true;
}

static bool read_flag(struct reader *reader, const struct place *place, void *slot)
{
	const char *value = value_at(place, 0);
	if (!string_equal(value, "true") && !string_equal(value, "false")) {
		return WRONG(reader, place, 0, "is neither; allowed: true, false");
	}
	*(bool *)slot = string_equal(value, "true");
	return true;
}

static bool find_word(struct reader *reader, const struct place *place, size_t i,
		      int *ret_number)
{
	const struct words *words = place->field->words;
	if (words_find(words, value_at(place, i), ret_number)) {
		return true;
	}
	TEXT_CLEANUP struct text allowed = { 0 };
	words_list(&allowed, words);
	return WRONG(reader, place, i, "is unknown; allowed: %s", text_string(&allowed));
}

static bool read_word(struct reader *reader, const struct place *place, void *slot)
{
	int number = 0;
	if (!find_word(reader, place, 0, &number)) {
		return false;
	}
	*(unsigned *)slot = (unsigned)number;
	return true;
}

static bool read_switch(struct reader *reader, const struct place *place, void *slot)
{
	int number = 0;
	if (!find_word(reader, place, 0, &number)) {
		return false;
	}
	*(bool *)slot = number != 0;
	return true;
}

static bool read_bits(struct reader *reader, const struct place *place, void *slot)
{
	unsigned bits = 0;
	for (size_t i = 0; i < place->count; i++) {
		int number = 0;
		if (!find_word(reader, place, i, &number)) {
			return false;
		}
		bits |= 1u << number;
	}
	*(unsigned *)slot = bits;
	return true;
}

static read_fn *const readers[] = {
	[SHAPE_NAME] = read_name,         [SHAPE_TEXT] = read_text,
	[SHAPE_NAMES] = read_names,       [SHAPE_TEXTS] = read_texts,
	[SHAPE_DURATION] = read_duration, [SHAPE_SPAN] = read_span,
	[SHAPE_AFTER] = read_after,       [SHAPE_COUNT] = read_count,
	[SHAPE_BUDGET] = read_budget,     [SHAPE_BYTES] = read_bytes,
	[SHAPE_FRACTION] = read_fraction, [SHAPE_FLAG] = read_flag,
	[SHAPE_WORD] = read_word,         [SHAPE_SWITCH] = read_switch,
	[SHAPE_BITS] = read_bits,         [SHAPE_NUMBER] = read_number,
};

read_fn *shape_reader(enum shape shape)
{
	return readers[shape];
}
