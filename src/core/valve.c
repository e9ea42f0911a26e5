/* The valve: a sliding window over the last signals of what silence would take. */
#include "valve.h"

#include <stdlib.h>

static int64_t doubled(int64_t patience)
{
	return patience > INT64_MAX / 2 ? INT64_MAX : patience * 2;
}

static int64_t after(int64_t time, int64_t wait)
{
	int64_t sum;
	return __builtin_add_overflow(time, wait, &sum) ? INT64_MAX : sum;
}

static bool young(const struct suspect *s, int64_t now)
{
	return s->last_signal != NO_TIME && now < after(s->last_signal, doubled(s->patience));
}

static int by_signal(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;
	int by_patience = (x->patience > y->patience) - (x->patience < y->patience);
	int by_time = (x->last_signal > y->last_signal) - (x->last_signal < y->last_signal);
	return by_time ? by_time : by_patience;
}

/* The old ones go to the end; returns how many are young, sorted by last signal. */
static size_t sort_young(struct suspect *suspects, size_t count, int64_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (young(&suspects[i], now)) {
			struct suspect s = suspects[i];
			suspects[i] = suspects[kept];
			suspects[kept++] = s;
		}
	}
	if (kept) {
		qsort(suspects, kept, sizeof(*suspects), by_signal);
	}
	return kept;
}

/* The first of suspects[0 … last] whose signal is within `beat` of that of `last`. */
static size_t first_within(const struct suspect *suspects, size_t last, int64_t beat)
{
	size_t low = 0, high = last;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (after(suspects[middle].last_signal, beat) < suspects[last].last_signal) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The largest run of suspects[*ret_first …] whose signals fit one beat, of several the earliest. */
static size_t largest_group(const struct policy *policy, const struct suspect *suspects,
			    size_t count, size_t *ret_first)
{
	size_t best = 0;
	*ret_first = 0;
	for (size_t last = 0; last < count; last++) {
		int64_t beat = policy->beat ? policy->beat : suspects[last].patience / 10;
		size_t first = first_within(suspects, last, beat);
		if (last - first + 1 > best) {
			best = last - first + 1;
			*ret_first = first;
		}
	}
	return best;
}

void valve_decide(const struct policy *policy, struct suspect *suspects, size_t count,
		  int64_t in_flight, int64_t newest, int64_t now, struct valve *ret_valve)
{
	struct valve valve = { .first = NO_TIME, .last = NO_TIME, .until = NO_TIME };
	size_t first, size = largest_group(policy, suspects, sort_young(suspects, count, now),
					   &first);
	valve.group = (int64_t)size;
	if (size > 0) {
		valve.first = suspects[first].last_signal;
		valve.last = suspects[first + size - 1].last_signal;
		bool most = (double)size > policy->valve_fraction * (double)in_flight;
		valve.holding = policy->valve_min != NO_LIMIT &&
				valve.group >= policy->valve_min &&
				(most || newest <= valve.last);
	}
	for (size_t i = first; valve.holding && i < first + size; i++) {
		int64_t until = after(suspects[i].last_signal, doubled(suspects[i].patience));
		valve.until = until > valve.until ? until : valve.until;
	}
	*ret_valve = valve;
}

bool valve_holds(const struct valve *valve, const struct suspect *suspect, int64_t now)
{
	return valve->holding && suspect->last_signal >= valve->first &&
	       suspect->last_signal <= valve->last && young(suspect, now);
}
