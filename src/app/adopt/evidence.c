/* From what was found to what it means. */
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

/* ---- times ---- */

static bool is_typed_instant(const struct column *column)
{
	return column->kind == COLUMN_INSTANT || column->kind == COLUMN_ZONED;
}

/* Seconds since 1970 from 1973 on, and the same in thousandths and millionths. */
static enum time_format format_of_number(double number)
{
	return number < 1e8    ? TIME_FORMAT_COUNT
	       : number < 1e11 ? TIME_EPOCH
	       : number < 1e14 ? TIME_EPOCH_MS
			       : TIME_EPOCH_US;
}

static enum time_format format_of_text(const char *data, size_t size)
{
	int64_t unused;
	if (!time_parse(data, size, &unused)) {
		return TIME_FORMAT_COUNT;
	}
	bool zulu = strchr("Zz", data[size - 1]) != NULL;
	bool offset = size > 10 && strpbrk(data + 10, "+-") != NULL;
	return zulu              ? TIME_RFC3339
	       : offset          ? TIME_ZONED
	       : data[10] == 'T' ? TIME_ISO
				 : TIME_UTC;
}

/* An empty column of numbers. */
static enum time_format format_of_type(const struct column *column)
{
	bool number = column->kind == COLUMN_NUMBER || strstr(column->type, "int");
	size_t size = strlen(column->name);
	bool milli = size > 3 && strcmp(column->name + size - 3, "_ms") == 0;
	return !number ? TIME_FORMAT_COUNT : milli ? TIME_EPOCH_MS : TIME_EPOCH;
}

enum time_format format_meant(const struct column *column, const struct value *sample)
{
	if (is_typed_instant(column)) {
		return column->kind == COLUMN_ZONED ? TIME_ZONED : TIME_UTC;
	}
	if (!sample) {
		return format_of_type(column);
	}
	switch (sample->type) {
	case VALUE_INT:
		return format_of_number((double)sample->number);
	case VALUE_REAL:
		return format_of_number(sample->real);
	case VALUE_TEXT:
		return format_of_text(sample->data, sample->size);
	case VALUE_NULL:
	case VALUE_BLOB:
		break;
	}
	return TIME_FORMAT_COUNT;
}

int64_t threshold_by(int64_t longest)
{
	const int64_t minute = 60 * USEC_PER_SEC, hour = 60 * minute, least = 15 * minute;
	int64_t wanted;
	if (longest < 0 || __builtin_mul_overflow(longest, 4, &wanted) || wanted < least) {
		return longest < 0 || wanted < least ? least : INT64_MAX / hour * hour;
	}
	int64_t step = wanted < 3 * hour ? 5 * minute : hour;
	int64_t rest = wanted % step;
	return rest ? wanted - rest + step : wanted;
}

/* ---- states ---- */

struct state_seen *evidence_state(struct evidence_of_table *found, const char *native)
{
	for (size_t i = 0; i < found->state_count; i++) {
		if (string_equal(found->states[i].native, native)) {
			return &found->states[i];
		}
	}
	if (found->state_count == STATES_MAX) {
		return NULL;
	}
	struct state_seen *state = &found->states[found->state_count++];
	*state = (struct state_seen){ .native = native, .count = -1 };
	return state;
}

bool evidence_means(const struct evidence_of_table *found, enum state state)
{
	for (size_t i = 0; i < found->state_count; i++) {
		if (found->states[i].meant == state) {
			return true;
		}
	}
	return false;
}

static void mean(struct state_seen *seen, enum state state, enum grounds grounds)
{
	if (seen->meant == STATE_NONE && state != STATE_NONE) {
		seen->meant = state;
		seen->grounds = grounds;
	}
}

static void settle_by_word(struct evidence_of_table *found)
{
	for (size_t i = 0; i < found->state_count && !found->state_is_number; i++) {
		mean(&found->states[i], state_meant(found->states[i].native), GROUNDS_WORD);
	}
}

static void settle_by_default(struct evidence_of_table *found)
{
	struct state_seen *seen = found->initial ? evidence_state(found, found->initial) : NULL;
	if (seen) {
		mean(seen, STATE_READY, GROUNDS_DEFAULT);
	}
}

/* Most of them ended: done. All of them claimed, and few ended: at work. None of them either: waiting. */
static enum state state_of_rows(const struct state_seen *seen)
{
	if (seen->count <= 0) {
		return STATE_NONE;
	}
	if (seen->finished * 2 > seen->count) {
		return seen->failed * 2 > seen->count ? STATE_FAILED : STATE_COMPLETED;
	}
	return seen->claimed == seen->count ? STATE_RUNNING
	       : seen->claimed == 0         ? STATE_READY
					    : STATE_NONE;
}

/* Words say more than rows: these count only where no word does, and where a time says that they ended. */
static bool rows_tell(const struct evidence_of_table *found)
{
	return found->columns[PART_CLAIMED] && found->columns[PART_FINISHED];
}

static void settle_by_rows(struct evidence_of_table *found)
{
	bool tell = rows_tell(found) && !evidence_means(found, STATE_RUNNING);
	for (size_t i = 0; tell && i < found->state_count; i++) {
		mean(&found->states[i], state_of_rows(&found->states[i]), GROUNDS_ROWS);
	}
}

/* Waiting, at work, done, failed: the usual numbers from 0 or 1 on, where nothing else tells. */
static void settle_by_order(struct evidence_of_table *found)
{
	static const enum state usual[] = { STATE_READY, STATE_RUNNING, STATE_COMPLETED,
					    STATE_FAILED, STATE_CANCELLED };
	long long first = 1;
	if (!found->state_is_number || rows_tell(found)) {
		return;
	}
	for (size_t i = 0; i < found->state_count; i++) {
		long long number = strtoll(found->states[i].native, NULL, 10);
		first = number < first ? number : first;
	}
	for (size_t i = 0; first >= 0 && i < found->state_count; i++) {
		long long place = strtoll(found->states[i].native, NULL, 10) - first;
		bool has_place = place < (long long)(sizeof(usual) / sizeof(usual[0]));
		mean(&found->states[i], has_place ? usual[place] : STATE_NONE, GROUNDS_ORDER);
	}
}

/* What is written comes first: what a row begins with, then the likeliest word. */
static size_t rank(const struct evidence_of_table *found, const struct state_seen *seen)
{
	return string_equal(seen->native, found->initial) ? 0 : 1 + state_rank(seen->native);
}

static void put_in_order(struct evidence_of_table *found)
{
	for (size_t i = 1; i < found->state_count; i++) {
		struct state_seen seen = found->states[i];
		size_t to = i;
		for (; to > 0 && rank(found, &seen) < rank(found, &found->states[to - 1]);
		     to--) {
			found->states[to] = found->states[to - 1];
		}
		found->states[to] = seen;
	}
}

void evidence_settle(struct evidence_of_table *found)
{
	settle_by_word(found);
	settle_by_default(found);
	settle_by_rows(found);
	settle_by_order(found);
	put_in_order(found);
}
