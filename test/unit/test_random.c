/* Numbers that replay from a seed, backoff, UUIDs. */
#include "random.h"
#include "unit.h"

#include <stdio.h>

#define S INT64_C(1000000)

static void test_known_numbers(void **state)
{
	(void)state;
	static const uint64_t expected[] = {
		UINT64_C(0x99ec5f36cb75f2b4),
		UINT64_C(0xbf6e1f784956452a),
		UINT64_C(0x1a5f849d4933e6e0),
		UINT64_C(0x6aa594f1262d2d2c),
	};
	struct random random;
	random_seed(&random, 0);
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_true(random_next(&random) == expected[i]);
	}
}

static void test_a_seed_replays(void **state)
{
	(void)state;
	struct random a, b, other;
	random_seed(&a, 42);
	random_seed(&b, 42);
	random_seed(&other, 43);
	int same = 0;
	for (int i = 0; i < 1000; i++) {
		uint64_t number = random_next(&a);
		assert_true(number == random_next(&b));
		same += number == random_next(&other);
	}
	assert_int_equal(same, 0);
}

static void test_below_is_below_and_even(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 5);
	int counts[6] = { 0 };
	for (int i = 0; i < 60000; i++) {
		counts[random_below(&random, 6)]++;
	}
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		assert_in_range(counts[i], 9500, 10500);
	}
	static const uint64_t bounds[] = {
		1, 2, 7, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX
	};
	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		for (int round = 0; round < 100; round++) {
			assert_true(random_below(&random, bounds[i]) < bounds[i]);
		}
	}
}

static void test_backoff_doubles_up_to_an_hour(void **state)
{
	(void)state;
	static const struct {
		int attempts;
		int64_t wait;
	} cases[] = {
		{ -1, 10 * S },   { 0, 10 * S },           { 1, 10 * S },    { 2, 20 * S },
		{ 3, 40 * S },    { 9, 2560 * S },         { 10, 3600 * S }, { 25, 3600 * S },
		{ 64, 3600 * S }, { INT32_MAX, 3600 * S },
	};
	struct random random;
	random_seed(&random, 6);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t wait = cases[i].wait, least = INT64_MAX, most = 0;
		for (int round = 0; round < 2000; round++) {
			int64_t got = backoff(cases[i].attempts, &random);
			least = got < least ? got : least;
			most = got > most ? got : most;
		}
		assert_true(least >= wait * 8 / 10 && least < wait * 81 / 100);
		assert_true(most <= wait * 12 / 10 && most > wait * 119 / 100);
	}
}

static void test_a_backoff_of_a_profile(void **state)
{
	(void)state;
	static const struct {
		double factor, power;
		int64_t tries, wait;
	} cases[] = {
		{ 2, 0, 1, 1 * S },     { 2, 0, 2, 2 * S },   { 2, 0, 5, 16 * S },
		{ 2, 0, 0, 1 * S },     { 2, 0, -1, 1 * S },  { 2, 0, 12, 2048 * S },
		{ 2, 0, 13, 3600 * S }, { 1, 0, 900, 1 * S }, { 1.5, 0, 3, 2250000 },
		{ 0, 4, 1, 1 * S },     { 0, 4, 3, 81 * S },  { 0, 4, 7, 2401 * S },
		{ 0, 4, 8, 3600 * S },  { 0, 1, 10, 10 * S },
	};
	struct random random;
	random_seed(&random, 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct backoff backoff = { .present = true,
						 .first = S,
						 .max = 3600 * S,
						 .factor = cases[i].factor,
						 .power = cases[i].power };
		assert_int_equal(backoff_of(&backoff, cases[i].tries, &random), cases[i].wait);
	}
	const struct backoff none = { .first = S, .max = 3600 * S, .factor = 2 };
	assert_int_equal(backoff_of(&none, 5, &random), 0);
}

static void test_its_jitter(void **state)
{
	(void)state;
	const struct backoff backoff = {
		.present = true, .first = 100 * S, .max = 100 * S, .factor = 2, .jitter = 0.1
	};
	struct random random, again;
	int64_t least = INT64_MAX, most = 0, sum = 0;
	random_seed(&random, 3);
	random_seed(&again, 3);
	for (int i = 0; i < 10000; i++) {
		int64_t wait = backoff_of(&backoff, 9, &random);
		assert_true(wait == backoff_of(&backoff, 9, &again));
		assert_in_range(wait, 90 * S, 110 * S);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		sum += wait;
	}
	assert_true(least < 91 * S && most > 109 * S);
	assert_in_range(sum / 10000, 99 * S, 101 * S);
}

static void test_it_never_overflows(void **state)
{
	(void)state;
	const int64_t longest = INT64_C(100) * 366 * 86400 * S;
	static const int64_t tries[] = { 1, 100, 1000000, INT64_MAX };
	static const double powers[] = { 0, 4, 1000 };
	struct random random;
	random_seed(&random, 7);
	for (size_t i = 0; i < COUNT_OF(tries) * COUNT_OF(powers); i++) {
		const struct backoff backoff = { .present = true,
						 .first = 3600 * S,
						 .max = INT64_MAX,
						 .factor = 1000,
						 .power = powers[i % COUNT_OF(powers)],
						 .jitter = 1 };
		int64_t wait = backoff_of(&backoff, tries[i / COUNT_OF(powers)], &random);
		assert_true(wait >= 0 && wait <= longest);
	}
}

static void test_uuid_round_trip(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 7);
	for (int round = 0; round < 1000; round++) {
		unsigned char bytes[16], back[16];
		char text[UUID_TEXT_SIZE];
		for (size_t i = 0; i < sizeof bytes; i++) {
			bytes[i] = (unsigned char)random_next(&random);
		}
		uuid_print(bytes, text);
		assert_true(uuid_parse(text, strlen(text), back));
		assert_memory_equal(bytes, back, sizeof bytes);
	}
}

static void test_uuid_forms(void **state)
{
	(void)state;
	static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
	static const char *const bad[] = {
		"",
		"00112233445566778899aabbccddeeff",
		"00112233-4455-6677-8899-aabbccddeefg",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0",
		"001122334-455-6677-8899-aabbccddeeff",
		"{0112233-4455-6677-8899-aabbccddeef}",
	};
	unsigned char bytes[16];
	char back[UUID_TEXT_SIZE];
	assert_true(uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", 36, bytes));
	uuid_print(bytes, back);
	assert_string_equal(back, text);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(uuid_parse(bad[i], strlen(bad[i]), bytes));
	}
	assert_false(uuid_parse(text, 35, bytes));
}

static void test_uuid_v7_carries_its_time(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 8);
	char before[UUID_TEXT_SIZE] = "";
	for (int64_t ms = 0; ms < INT64_C(1) << 47; ms = ms * 3 + 1) {
		char text[UUID_TEXT_SIZE], expected[16];
		uuid_v7(&random, ms * 1000 + 999, text);
		(void)snprintf(expected, sizeof expected, "%08x-%04x-7", (unsigned)(ms >> 16),
			       (unsigned)(ms & 0xFFFF));
		assert_memory_equal(text, expected, 15);
		assert_non_null(strchr("89ab", text[19]));
		assert_true(strcmp(before, text) < 0);
		memcpy(before, text, sizeof text);
	}
	uuid_v7(&random, INT64_MIN, before);
	assert_memory_equal(before, "00000000-0000-7", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_numbers),
		cmocka_unit_test(test_a_seed_replays),
		cmocka_unit_test(test_below_is_below_and_even),
		cmocka_unit_test(test_backoff_doubles_up_to_an_hour),
		cmocka_unit_test(test_a_backoff_of_a_profile),
		cmocka_unit_test(test_its_jitter),
		cmocka_unit_test(test_it_never_overflows),
		cmocka_unit_test(test_uuid_round_trip),
		cmocka_unit_test(test_uuid_forms),
		cmocka_unit_test(test_uuid_v7_carries_its_time),
	};
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
