/* Fills the holes of messages from one table. */
#include "message.h"

#include "duration.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)

static const char *string_at(const void *field)
{
	return *(const char *const *)field;
}

static int64_t number_at(const void *field)
{
	return *(const int64_t *)field;
}

typedef void print_fn(struct text *out, const void *field, enum time_format format);

static void print_string(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	const char *string = string_at(field);
	text_add(out, string ? string : "-");
}

/* A count that the ledger does not keep is -1. */
static void print_count(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (number_at(field) < 0) {
		text_add_char(out, '-');
	} else {
		text_printf(out, "%" PRId64, number_at(field));
	}
}

static void print_time(struct text *out, const void *field, enum time_format format)
{
	if (number_at(field) == NO_TIME) {
		text_add(out, "never");
	} else {
		time_print(out, number_at(field), format);
	}
}

static void print_instant(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	print_time(out, field, TIME_RFC3339);
}

/* A threshold of INT64_MAX is never reached, an age of INT64_MIN has no beginning. */
static bool is_endless(struct text *out, const void *field)
{
	bool endless = number_at(field) == INT64_MAX || number_at(field) == INT64_MIN;
	if (endless) {
		text_add(out, "never");
	}
	return endless;
}

static void print_human(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		duration_print_human(out, number_at(field));
	}
}

static void print_go(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		duration_print_go(out, number_at(field));
	}
}

static void print_seconds(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		text_printf(out, "%" PRId64, number_at(field) / USEC_PER_SEC);
	}
}

static void print_minutes(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		text_printf(out, "%" PRId64, number_at(field) / MINUTE);
	}
}

/* What %.1f gives, a half to the even tenth, with a point in every locale. */
static void print_tenths(struct text *out, int64_t duration, int64_t unit)
{
	uint64_t rest = duration < 0 ? -(uint64_t)duration : (uint64_t)duration;
	uint64_t step = (uint64_t)unit / 10;
	uint64_t tenths = rest / step, twice = rest % step * 2;
	if (twice > step || (twice == step && tenths % 2 == 1)) {
		tenths++;
	}
	text_printf(out, "%s%" PRIu64 ".%u", duration < 0 && tenths > 0 ? "-" : "", tenths / 10,
		    (unsigned)(tenths % 10));
}

static void print_tenth_seconds(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		print_tenths(out, number_at(field), USEC_PER_SEC);
	}
}

static void print_tenth_hours(struct text *out, const void *field, enum time_format format)
{
	(void)format;
	if (!is_endless(out, field)) {
		print_tenths(out, number_at(field), HOUR);
	}
}

/* clang-format off */
#define HOLES(X)                                          \
	X(id, id, print_string)                           \
	X(owner, owner, print_string)                     \
	X(kind, kind, print_string)                       \
	X(queue, queue, print_string)                     \
	X(rule, rule, print_string)                       \
	X(age, age, print_human)                          \
	X(age_s, age, print_seconds)                      \
	X(age_seconds, age, print_tenth_seconds)          \
	X(age_go, age, print_go)                          \
	X(age_minutes, age, print_minutes)                \
	X(age_hours, age, print_tenth_hours)              \
	X(threshold, threshold, print_human)              \
	X(threshold_s, threshold, print_seconds)          \
	X(threshold_go, threshold, print_go)              \
	X(last_seen, last_seen, print_time)               \
	X(deadline, deadline, print_time)                 \
	X(attempts, attempts, print_count)                \
	X(max_attempts, max_attempts, print_count)        \
	X(recoveries, recoveries, print_count)            \
	X(count, count, print_count)                      \
	X(other, other, print_count)                      \
	X(interval, interval, print_human)                \
	X(interval_s, interval, print_seconds)            \
	X(interval_go, interval, print_go)                \
	X(grace, grace, print_human)                      \
	X(grace_s, grace, print_seconds)                  \
	X(error, error, print_string)                     \
	X(at, at, print_instant)
/* clang-format on */

struct hole {
	const char *name;
	size_t offset;
	print_fn *print;
};

#define HOLE_ENTRY(name, field, print) { #name, offsetof(struct message_facts, field), print },
#define HOLE_NAME(name, field, print) " {" #name "}"

static const struct hole holes[] = { HOLES(HOLE_ENTRY) };

const char *message_holes(void)
{
	static const char names[] = HOLES(HOLE_NAME);
	return names + 1;
}

static bool is_named(const char *name, size_t size, const char *candidate)
{
	return strlen(candidate) == size && memcmp(name, candidate, size) == 0;
}

static const struct hole *find_hole(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
		if (is_named(name, size, holes[i].name)) {
			return &holes[i];
		}
	}
	return NULL;
}

static const struct message_word *find_word(const char *name, size_t size,
					    const struct message_word *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_named(name, size, words[i].word)) {
			return &words[i];
		}
	}
	return NULL;
}

bool message_check(const char *message, const struct message_word *words, size_t word_count,
		   size_t *ret_at)
{
	for (const char *at = strchr(message, '{'); at; at = strchr(at, '{')) {
		if (at[1] == '{') {
			at += 2;
			continue;
		}
		size_t size = strcspn(at + 1, "{}");
		if (at[size + 1] != '}' ||
		    (!find_hole(at + 1, size) && !find_word(at + 1, size, words, word_count))) {
			*ret_at = (size_t)(at - message);
			return false;
		}
		at += size + 2;
	}
	return true;
}

/* Prints what stands in a hole; false: there is no such hole. */
static bool fill(struct text *out, const char *name, size_t size,
		 const struct message_facts *facts)
{
	const struct hole *hole = find_hole(name, size);
	if (hole) {
		hole->print(out, (const char *)facts + hole->offset, facts->format);
		return true;
	}
	const struct message_word *word =
		find_word(name, size, facts->words, facts->word_count);
	if (word) {
		text_printf(out, "%" PRId64, word->number);
	}
	return word != NULL;
}

bool message_is_number(const char *message)
{
	static print_fn *const numeric[] = { print_count, print_seconds, print_minutes,
					     print_tenth_seconds, print_tenth_hours };
	size_t size = *message == '{' ? strcspn(message + 1, "{}") : 0;
	bool alone = size > 0 && message[size + 1] == '}' && !message[size + 2];
	const struct hole *hole = alone ? find_hole(message + 1, size) : NULL;
	bool number = false;
	for (size_t i = 0; hole && i < sizeof numeric / sizeof *numeric; i++) {
		number |= hole->print == numeric[i];
	}
	return number;
}

/* A message that was not checked loses nothing: what is no hole is printed as it stands. */
void message_print(struct text *out, const char *message, const struct message_facts *facts)
{
	while (*message) {
		size_t plain = strcspn(message, "{");
		text_add_bytes(out, message, plain);
		message += plain;
		if (!*message) {
			break;
		}
		size_t size = strcspn(message + 1, "{}");
		bool filled = message[size + 1] == '}' && fill(out, message + 1, size, facts);
		if (filled) {
			message += size + 2;
			continue;
		}
		text_add_char(out, '{');
		message += message[1] == '{' ? 2 : 1;
	}
}
