/* Durations: each form, both ways. */
#include "duration.h"
#include "random.h"
#include "unit.h"

#define MS INT64_C(1000)
#define S (1000 * MS)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)

static void test_parses(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		int64_t duration;
	} cases[] = {
		{ "250ms", 250 * MS },
		{ "30s", 30 * S },
		{ "10m", 10 * M },
		{ "6h", 6 * H },
		{ "2d", 2 * D },
		{ "1h30m", 90 * M },
		{ "1d2h3m4s5ms", D + 2 * H + 3 * M + 4 * S + 5 * MS },
		{ "90", 90 * S },
		{ "0", 0 },
		{ "0s", 0 },
		{ "0.5", 500 * MS },
		{ "007", 7 * S },
		{ "1.000001", S + 1 },
		{ "36600d", DURATION_MAX },
		{ "3162240000", DURATION_MAX },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t duration = -1;
		assert_true(duration_parse(cases[i].string, &duration));
		assert_int_equal(duration, cases[i].duration);
	}
}

static void test_refuses(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"s",
		"m5",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1 s",
		"1x",
		"1S",
		"1m1h",
		"1m1m",
		"1ms1s",
		"1h30",
		"1.5h",
		".5",
		"1.",
		"1e3",
		"0x10",
		"1.0000001",
		"1s.5",
		"1min",
		"1,5",
		"36601d",
		"36600d1ms",
		"3162240000.000001",
		"99999999999999999999",
		"99999999999999999999d",
		"9223372036854775807d",
		"inf",
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t duration = -7;
		assert_false(duration_parse(cases[i], &duration));
		assert_int_equal(duration, -7);
	}
	int64_t duration;
	assert_false(duration_parse(NULL, &duration));
}

typedef void print_fn(struct text *text, int64_t duration);

struct printed {
	int64_t duration;
	const char *string;
};

static void check_printed(print_fn *print, const struct printed *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		TEXT_CLEANUP struct text text = { 0 };
		print(&text, cases[i].duration);
		assert_string_equal(text_string(&text), cases[i].string);
	}
}

static void test_prints(void **state)
{
	(void)state;
	static const struct printed cases[] = {
		{ 250 * MS, "250ms" }, { 30 * S, "30s" },   { 90 * M, "1h30m" },
		{ 0, "0s" },           { 90 * S, "1m30s" }, { 2 * D, "2d" },
		{ 1500, "0.0015" },    { -5 * S, "-5s" },   { H + 1, "3600.000001" },
	};
	check_printed(duration_print, cases, COUNT_OF(cases));
}

static void test_prints_seconds(void **state)
{
	(void)state;
	static const struct printed cases[] = {
		{ 0, "0" },
		{ 90 * S, "90" },
		{ 1500 * MS, "1.5" },
		{ -250 * MS, "-0.25" },
		{ 1, "0.000001" },
		{ 10 * S + 10, "10.00001" },
		{ INT64_MIN, "-9223372036854.775808" },
	};
	check_printed(duration_print_seconds, cases, COUNT_OF(cases));
}

static void test_prints_for_people(void **state)
{
	(void)state;
	static const struct printed cases[] = {
		{ 4200 * MS, "4.2s" },
		{ 3 * M + 10 * S, "3m 10s" },
		{ 2 * H + 5 * M, "2h 5m" },
		{ 3 * D + 4 * H, "3d 4h" },
		{ 30 * S, "30s" },
		{ 10 * M, "10m" },
		{ 59999 * MS, "59.9s" },
		{ H - 1, "59m 59s" },
		{ D + 59 * M, "1d" },
		{ 250 * MS, "250ms" },
		{ 999, "0s" },
		{ -999, "0s" },
		{ 0, "0s" },
		{ -4200 * MS, "-4.2s" },
		{ -10 * M, "-10m" },
		{ INT64_MIN, "-106751991d 4h" },
	};
	check_printed(duration_print_human, cases, COUNT_OF(cases));
}

static void test_prints_as_go_does(void **state)
{
	(void)state;
	static const struct printed cases[] = {
		{ 45 * S, "45s" },        { 30 * M, "30m0s" }, { H + 5 * S, "1h0m5s" },
		{ 2 * D, "48h0m0s" },     { 0, "0s" },         { 499 * MS, "0s" },
		{ 500 * MS, "1s" },       { -499 * MS, "0s" }, { -90 * S, "-1m30s" },
		{ M - 500 * MS, "1m0s" },
	};
	check_printed(duration_print_go, cases, COUNT_OF(cases));
}

static void test_what_is_printed_is_read_back(void **state)
{
	(void)state;
	static const int64_t steps[] = { 1, MS, 100 * MS, S, M, H, D };
	struct random random;
	random_seed(&random, 4);
	for (int round = 0; round < 20000; round++) {
		int64_t step = steps[random_below(&random, COUNT_OF(steps))];
		uint64_t bound = (uint64_t)DURATION_MAX >> random_below(&random, 50);
		int64_t duration = (int64_t)random_below(&random, bound + 1) / step * step;
		int64_t back = -1;
		TEXT_CLEANUP struct text text = { 0 }, plain = { 0 };
		duration_print(&text, duration);
		assert_true(duration_parse(text_string(&text), &back));
		assert_int_equal(back, duration);
		duration_print_seconds(&plain, duration);
		assert_true(duration_parse(text_string(&plain), &back));
		assert_int_equal(back, duration);
	}
}

static void test_environment_seconds(void **state)
{
	(void)state;
	static const char *const good[] = { "1", "+1", "600", "0600", "315360000" };
	static const char *const bad[] = {
		"",   "0",  "+",     "++1", "-1",        "+0",   " 1",
		"1 ", "1s", "1e3",   "1.5", "315360001", "0x10", "99999999999999999999",
		"٣",  "5m", "600\n",
	};
	int64_t duration = 0;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(duration_parse_seconds(good[i], &duration));
		assert_int_equal(duration, strtoll(good[i], NULL, 10) * S);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		duration = -7;
		assert_false(duration_parse_seconds(bad[i], &duration));
		assert_int_equal(duration, -7);
	}
	assert_false(duration_parse_seconds(NULL, &duration));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_prints_seconds),
		cmocka_unit_test(test_prints_for_people),
		cmocka_unit_test(test_prints_as_go_does),
		cmocka_unit_test(test_what_is_printed_is_read_back),
		cmocka_unit_test(test_environment_seconds),
	};
	return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
