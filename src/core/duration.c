/* Durations as people, Go programs and environment variables write them. */
#include "duration.h"

#include <inttypes.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define SECONDS_MAX (INT64_C(10) * 365 * 86400)

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit units[] = {
	{ "d", 86400 * SECOND }, { "h", 3600 * SECOND },  { "m", 60 * SECOND },
	{ "s", SECOND },         { "ms", SECOND / 1000 },
};
#define UNIT_COUNT (sizeof units / sizeof *units)

/* Of INT64_MIN too. */
static uint64_t magnitude(int64_t number)
{
	return number < 0 ? -(uint64_t)number : (uint64_t)number;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* At least one digit; the number is at most `limit`. */
static bool take_digits(const char **string, int64_t limit, int64_t *ret_number)
{
	const char *at = *string;
	int64_t number = 0;
	if (!is_digit(*at)) {
		return false;
	}
	for (; is_digit(*at); at++) {
		int digit = *at - '0';
		if (number > (limit - digit) / 10) {
			return false;
		}
		number = number * 10 + digit;
	}
	*string = at;
	*ret_number = number;
	return true;
}

/* What follows the point of plain seconds, to the end; one to six digits. */
static bool take_fraction(const char *at, int64_t *ret_usec)
{
	int64_t usec = 0, place = SECOND;
	for (; is_digit(*at) && place > 1; at++) {
		place /= 10;
		usec += (*at - '0') * place;
	}
	if (*at || place == SECOND) {
		return false;
	}
	*ret_usec = usec;
	return true;
}

static bool take_seconds(const char *at, int64_t whole, int64_t *ret_duration)
{
	int64_t usec = 0;
	if (whole > DURATION_MAX / SECOND || (*at == '.' && !take_fraction(at + 1, &usec))) {
		return false;
	}
	if (whole * SECOND + usec > DURATION_MAX) {
		return false;
	}
	*ret_duration = whole * SECOND + usec;
	return true;
}

/* One of the units from `*next` on; the letters up to the next digit are its name. */
static const struct unit *take_unit(const char **string, size_t *next)
{
	size_t length = strcspn(*string, "0123456789");
	for (size_t i = *next; i < UNIT_COUNT; i++) {
		if (strlen(units[i].name) == length &&
		    strncmp(*string, units[i].name, length) == 0) {
			*string += length;
			*next = i + 1;
			return &units[i];
		}
	}
	return NULL;
}

bool duration_parse(const char *string, int64_t *ret_duration)
{
	int64_t total = 0, number;
	size_t next = 0;
	if (!string || !take_digits(&string, DURATION_MAX, &number)) {
		return false;
	}
	if (*string == '\0' || *string == '.') {
		return take_seconds(string, number, ret_duration);
	}
	for (;;) {
		const struct unit *unit = take_unit(&string, &next);
		if (!unit || number > (DURATION_MAX - total) / unit->size) {
			return false;
		}
		total += number * unit->size;
		if (*string == '\0') {
			*ret_duration = total;
			return true;
		}
		if (!take_digits(&string, DURATION_MAX, &number)) {
			return false;
		}
	}
}

void duration_print_seconds(struct text *text, int64_t duration)
{
	uint64_t rest = magnitude(duration);
	unsigned usec = (unsigned)(rest % SECOND);
	text_printf(text, "%s%" PRIu64, duration < 0 ? "-" : "", rest / SECOND);
	if (usec == 0) {
		return;
	}
	int digits = 6;
	while (usec % 10 == 0) {
		usec /= 10;
		digits--;
	}
	text_printf(text, ".%0*u", digits, usec);
}

void duration_print(struct text *text, int64_t duration)
{
	if (duration % (SECOND / 1000) != 0) {
		duration_print_seconds(text, duration);
		return;
	}
	if (duration == 0) {
		text_add(text, "0s");
		return;
	}
	if (duration < 0) {
		text_add_char(text, '-');
	}
	uint64_t rest = magnitude(duration);
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		uint64_t count = rest / (uint64_t)units[i].size;
		rest %= (uint64_t)units[i].size;
		if (count > 0) {
			text_printf(text, "%" PRIu64 "%s", count, units[i].name);
		}
	}
}

static void print_below_a_minute(struct text *text, uint64_t rest)
{
	unsigned ms = (unsigned)(rest / 1000), tenth = ms / 100 % 10;
	if (ms > 0 && ms < 1000) {
		text_printf(text, "%ums", ms);
	} else if (tenth > 0) {
		text_printf(text, "%u.%us", ms / 1000, tenth);
	} else {
		text_printf(text, "%us", ms / 1000);
	}
}

/* Rounded down: an age is never shown as more than it is. */
void duration_print_human(struct text *text, int64_t duration)
{
	uint64_t rest = magnitude(duration);
	if (duration < 0 && rest >= 1000) {
		text_add_char(text, '-');
	}
	size_t i = 0;
	while (i < UNIT_COUNT && units[i].size > SECOND && rest < (uint64_t)units[i].size) {
		i++;
	}
	if (units[i].size == SECOND) {
		print_below_a_minute(text, rest);
		return;
	}
	const struct unit *large = &units[i], *small = &units[i + 1];
	text_printf(text, "%" PRIu64 "%s", rest / (uint64_t)large->size, large->name);
	uint64_t count = rest % (uint64_t)large->size / (uint64_t)small->size;
	if (count > 0) {
		text_printf(text, " %" PRIu64 "%s", count, small->name);
	}
}

void duration_print_go(struct text *text, int64_t duration)
{
	uint64_t seconds = (magnitude(duration) + SECOND / 2) / SECOND;
	if (duration < 0 && seconds > 0) {
		text_add_char(text, '-');
	}
	if (seconds >= 3600) {
		text_printf(text, "%" PRIu64 "h", seconds / 3600);
	}
	if (seconds >= 60) {
		text_printf(text, "%um", (unsigned)(seconds / 60 % 60));
	}
	text_printf(text, "%us", (unsigned)(seconds % 60));
}

bool duration_parse_seconds(const char *string, int64_t *ret_duration)
{
	int64_t seconds;
	if (!string) {
		return false;
	}
	if (*string == '+') {
		string++;
	}
	if (!take_digits(&string, SECONDS_MAX, &seconds) || *string || seconds == 0) {
		return false;
	}
	*ret_duration = seconds * SECOND;
	return true;
}
