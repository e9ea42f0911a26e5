/* The valve: what it holds, how long, and that it never refuses (I15). */
#include "valve.h"

#include "random.h"
#include "unit.h"

#define S USEC_PER_SEC
#define NOW (INT64_C(1000000) * S)
#define MANY 64

static const struct policy guarded = { .beat = 10 * S,
				       .valve_min = 20,
				       .valve_fraction = 0.55 };

/* `count` claims that went silent within `spread`, `age` ago, each with 30 s of patience. */
static size_t crowd(struct suspect *suspects, size_t count, int64_t age, int64_t spread)
{
	for (size_t i = 0; i < count; i++) {
		int64_t later = count > 1 ? spread * (int64_t)i / (int64_t)(count - 1) : 0;
		suspects[i] = (struct suspect){ NOW - age + later, 30 * S };
	}
	return count;
}

static struct valve decide(const struct policy *policy, const struct suspect *suspects,
			   size_t count, int64_t in_flight, int64_t newest)
{
	struct suspect copy[MANY];
	struct valve valve;
	memcpy(copy, suspects, sizeof(*copy) * count);
	valve_decide(policy, copy, count, in_flight, newest, NOW, &valve);
	return valve;
}

static size_t held(const struct valve *valve, const struct suspect *suspects, size_t count,
		   int64_t now)
{
	size_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		sum += valve_holds(valve, &suspects[i], now);
	}
	return sum;
}

static void test_it_needs_a_crowd(void **state)
{
	(void)state;
	struct suspect s[MANY];
	size_t count = crowd(s, 19, 40 * S, 0);
	assert_false(decide(&guarded, s, count, 19, NO_TIME).holding);
	count = crowd(s, 20, 40 * S, 10 * S);
	struct valve valve = decide(&guarded, s, count, 20, NO_TIME);
	assert_true(valve.holding);
	assert_int_equal(valve.group, 20);
	assert_true(valve.until ==
		    NOW + 30 * S); /* the last one's signal + twice its patience */
	assert_int_equal(held(&valve, s, count, NOW), 20);
	struct policy off = guarded;
	off.valve_min = NO_LIMIT;
	assert_false(decide(&off, s, count, 20, NO_TIME).holding);
	assert_false(decide(&guarded, s, 0, 0, NO_TIME).holding);
}

static void test_the_crowd_fits_one_beat(void **state)
{
	(void)state;
	struct suspect s[MANY];
	size_t count = crowd(s, 20, 40 * S, 10 * S + 1);
	assert_false(decide(&guarded, s, count, 20, NO_TIME).holding);
	struct policy unknown_beat = guarded;
	unknown_beat.beat = 0; /* a tenth of the threshold */
	count = crowd(s, 20, 40 * S, 3 * S);
	assert_true(decide(&unknown_beat, s, count, 20, NO_TIME).holding);
	count = crowd(s, 20, 40 * S, 3 * S + 1);
	assert_false(decide(&unknown_beat, s, count, 20, NO_TIME).holding);
}

static void test_most_of_what_is_in_flight_or_nothing_later(void **state)
{
	(void)state;
	struct suspect s[MANY];
	size_t count = crowd(s, 22, 40 * S, 0);
	assert_true(decide(&guarded, s, count, 39, NOW).holding);
	assert_false(decide(&guarded, s, count, 40, NOW).holding); /* 0.55 of them: not more */
	assert_true(decide(&guarded, s, count, 1000, NOW - 40 * S).holding);
	assert_false(decide(&guarded, s, count, 1000, NOW - 40 * S + 1).holding);
}

/* A backlog that is hours old is no mass event. */
static void test_it_lets_go_at_twice_the_threshold(void **state)
{
	(void)state;
	struct suspect s[MANY];
	size_t count = crowd(s, 30, 60 * S - 1, 0);
	struct valve valve = decide(&guarded, s, count, 30, NO_TIME);
	assert_true(valve.holding);
	assert_int_equal(held(&valve, s, count, NOW), 30);
	assert_int_equal(held(&valve, s, count, valve.until - 1), 30);
	assert_int_equal(held(&valve, s, count, valve.until), 0);
	count = crowd(s, 30, 60 * S, 0);
	assert_false(decide(&guarded, s, count, 30, NO_TIME).holding);
	s[0].last_signal = NO_TIME;
	assert_false(valve_holds(&valve, &s[0], NOW));
}

static void test_others_pass(void **state)
{
	(void)state;
	struct suspect s[MANY];
	size_t count = crowd(s, 30, 35 * S, 0);
	s[count++] =
		(struct suspect){ NOW - 50 * S, 30 * S }; /* fell silent before the crowd */
	s[count++] = (struct suspect){ NOW - 90 * S, 30 * S };
	struct valve valve = decide(&guarded, s, count, 32, NOW);
	assert_true(valve.holding);
	assert_int_equal(held(&valve, s, count, NOW), 30);
}

static void test_times_that_overflow(void **state)
{
	(void)state;
	struct suspect s[MANY];
	for (size_t i = 0; i < 30; i++) {
		s[i] = (struct suspect){ i % 2 ? INT64_MAX - 1 : INT64_MAX, INT64_MAX };
	}
	struct valve valve = decide(&guarded, s, 30, 30, NO_TIME);
	assert_true(valve.holding && valve.until == INT64_MAX);
}

/* ---- properties ---- */

#define ROUNDS 4000

static size_t draw(struct random *random, struct policy *policy, struct suspect *s)
{
	size_t count = (size_t)random_below(random, MANY);
	*policy = guarded;
	policy->beat =
		(int64_t)random_below(random, 2) * (1 + (int64_t)random_below(random, 20));
	policy->valve_min = 1 + (int64_t)random_below(random, 20);
	for (size_t i = 0; i < count; i++) {
		s[i].last_signal = random_below(random, 30)
					   ? NOW - (int64_t)random_below(random, 120)
					   : NO_TIME;
		s[i].patience = 1 + (int64_t)random_below(random, 60);
	}
	return count;
}

static void shuffle(struct random *random, struct suspect *s, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)random_below(random, i);
		struct suspect t = s[i - 1];
		s[i - 1] = s[other];
		s[other] = t;
	}
}

static bool is_young(const struct suspect *s)
{
	return s->last_signal != NO_TIME && NOW < s->last_signal + 2 * s->patience;
}

/* The largest group, by looking at every window that ends in a young suspect. */
static int64_t largest(const struct policy *policy, const struct suspect *s, size_t count)
{
	int64_t best = 0;
	for (size_t last = 0; last < count; last++) {
		int64_t beat = policy->beat ? policy->beat : s[last].patience / 10, size = 0;
		for (size_t i = 0; is_young(&s[last]) && i < count; i++) {
			size += is_young(&s[i]) && s[i].last_signal <= s[last].last_signal &&
				s[i].last_signal >= s[last].last_signal - beat;
		}
		best = size > best ? size : best;
	}
	return best;
}

static void test_properties(void **state)
{
	(void)state;
	struct random random;
	size_t holding = 0;
	random_seed(&random, 3);
	for (int round = 0; round < ROUNDS; round++) {
		struct suspect s[MANY];
		struct policy policy;
		size_t count = draw(&random, &policy, s);
		int64_t newest = NOW - (int64_t)random_below(&random, 120);
		int64_t in_flight = (int64_t)count + (int64_t)random_below(&random, MANY);
		struct valve valve = decide(&policy, s, count, in_flight, newest);
		assert_true(valve.group == largest(&policy, s, count));
		shuffle(&random, s, count);
		struct valve again = decide(&policy, s, count, in_flight, newest);
		assert_int_equal(again.holding, valve.holding);
		assert_true(again.first == valve.first && again.last == valve.last &&
			    again.until == valve.until && again.group == valve.group);
		size_t kept = held(&valve, s, count, NOW);
		assert_true(kept == 0 || kept >= (size_t)policy.valve_min);
		assert_true(!valve.holding || kept == (size_t)valve.group);
		for (size_t i = 0; i < count && valve.holding; i++) {
			int64_t end = s[i].last_signal + 2 * s[i].patience;
			assert_false(s[i].last_signal != NO_TIME &&
				     valve_holds(&valve, &s[i], end));
			assert_true(!valve_holds(&valve, &s[i], NOW) || valve.until >= end);
		}
		holding += valve.holding;
	}
	assert_true(holding > ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_needs_a_crowd),
		cmocka_unit_test(test_the_crowd_fits_one_beat),
		cmocka_unit_test(test_most_of_what_is_in_flight_or_nothing_later),
		cmocka_unit_test(test_it_lets_go_at_twice_the_threshold),
		cmocka_unit_test(test_others_pass),
		cmocka_unit_test(test_times_that_overflow),
		cmocka_unit_test(test_properties),
	};
	return cmocka_run_group_tests_name("valve", tests, NULL, NULL);
}
