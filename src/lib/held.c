/* What a program holds, and the reconciliation with what the ledger holds for it. */
#include "held.h"

#include "array.h"

#include <stdlib.h>
#include <string.h>

/* So many answers may still have a claim that the program was told is lost. */
#define BEATS_TOLD_MAX 3

static void entry_finish(struct held *entry)
{
	free(entry->id);
	free(entry->token);
	free(entry->reason);
}

void held_finish(struct held_claims *held)
{
	for (size_t i = 0; i < held->count; i++) {
		entry_finish(&held->items[i]);
	}
	free(held->items);
	*held = (struct held_claims){ 0 };
}

static int compare(const struct held *entry, const char *id, const char *token)
{
	int by_id = strcmp(entry->id, id);
	return by_id ? by_id : strcmp(entry->token, token);
}

/* Where it is, or would be. */
static size_t place_of(const struct held_claims *held, const char *id, const char *token)
{
	size_t low = 0, high = held->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&held->items[middle], id, token) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

struct held *held_find(const struct held_claims *held, const char *id, const char *token)
{
	size_t at = place_of(held, id, token);
	return at < held->count && compare(&held->items[at], id, token) == 0 ? &held->items[at]
									     : NULL;
}

static bool reserve(struct held_claims *held)
{
	struct held *items = array_grown(held->items, sizeof(*items), held->count, &held->room);
	if (items) {
		held->items = items;
	}
	return items != NULL;
}

bool held_add(struct held_claims *held, const char *id, const char *token)
{
	struct held *known = held_find(held, id, token);
	if (known) {
		known->state = known->state == HOLDING_DROPPED ? HOLDING_HELD : known->state;
		return true;
	}
	struct held entry = { .id = strdup(id),
			      .token = strdup(token),
			      .number = held->next_number };
	if (!entry.id || !entry.token || !reserve(held)) {
		entry_finish(&entry);
		return false;
	}
	size_t at = place_of(held, id, token);
	memmove(&held->items[at + 1], &held->items[at], sizeof(entry) * (held->count - at));
	held->items[at] = entry;
	held->count++;
	held->next_number++;
	return true;
}

static void take_out(struct held_claims *held, size_t at)
{
	entry_finish(&held->items[at]);
	held->count--;
	memmove(&held->items[at], &held->items[at + 1],
		sizeof(held->items[0]) * (held->count - at));
}

void held_drop(struct held_claims *held, const char *id, const char *token)
{
	struct held *entry = held_find(held, id, token);
	if (entry && held->beating) {
		entry->state = HOLDING_DROPPED;
	} else if (entry) {
		take_out(held, (size_t)(entry - held->items));
	}
}

static bool lose(struct held *entry, const char *reason)
{
	if (entry->state != HOLDING_HELD) {
		return false;
	}
	entry->state = HOLDING_LOSING;
	entry->reason = strdup(reason);
	return true;
}

bool held_lose(struct held_claims *held, const char *id, const char *token, const char *reason)
{
	struct held *entry = held_find(held, id, token);
	return entry && lose(entry, reason);
}

bool held_lose_all(struct held_claims *held, const char *reason)
{
	bool any = false;
	for (size_t i = 0; i < held->count; i++) {
		any |= lose(&held->items[i], reason);
	}
	return any;
}

/* Copies that can't be made leave it to be told later. */
bool held_tell(struct held_claims *held, struct held *ret_lost)
{
	for (size_t i = 0; i < held->count; i++) {
		struct held *entry = &held->items[i];
		if (entry->state != HOLDING_LOSING) {
			continue;
		}
		struct held lost = { .id = strdup(entry->id), .token = strdup(entry->token) };
		if (!lost.id || !lost.token) {
			entry_finish(&lost);
			return false;
		}
		lost.reason = entry->reason;
		entry->reason = NULL;
		entry->state = HOLDING_TOLD;
		*ret_lost = lost;
		return true;
	}
	return false;
}

bool held_untold(const struct held_claims *held)
{
	for (size_t i = 0; i < held->count; i++) {
		if (held->items[i].state == HOLDING_LOSING) {
			return true;
		}
	}
	return false;
}

void held_claiming(struct held_claims *held, int change)
{
	held->claiming += change;
	held->claimed = held->claimed || held->claiming > 0;
}

void held_begin_beat(struct held_claims *held)
{
	held->beat++;
	held->beating = true;
	held->claimed = held->claiming > 0;
	held->sent_number = held->next_number;
}

static bool is_forgotten(const struct held_claims *held, const struct held *entry)
{
	bool answered = entry->answered == held->beat;
	return entry->state == HOLDING_TOLD && entry->number < held->sent_number &&
	       (!answered || entry->beats_told > BEATS_TOLD_MAX);
}

size_t held_answer(struct held_claims *held, const struct holding *answer, size_t *ret_unknown,
		   missing_fn *missing, void *context)
{
	size_t unknown = 0;
	for (size_t i = 0; i < answer->count; i++) {
		const struct held_claim *claim = &answer->claims[i];
		struct held *entry = held_find(held, claim->id, claim->token);
		if (entry) {
			entry->answered = held->beat;
			entry->beats_told += entry->state == HOLDING_TOLD;
		} else if (!held->claimed) {
			ret_unknown[unknown++] = i;
		}
	}
	for (size_t i = held->count; i-- > 0;) {
		struct held *entry = &held->items[i];
		if (is_forgotten(held, entry)) {
			take_out(held, i);
		} else if (entry->state == HOLDING_HELD && entry->answered != held->beat &&
			   entry->number < held->sent_number) {
			missing(context, entry);
		}
	}
	return unknown;
}

void held_end_beat(struct held_claims *held)
{
	held->beating = false;
	for (size_t i = held->count; i-- > 0;) {
		if (held->items[i].state == HOLDING_DROPPED) {
			take_out(held, i);
		}
	}
}
