/* Instants in every shape that columns have, checked against the C library's calendar. */
#include "random.h"
#include "timefmt.h"
#include "unit.h"

#include <stdio.h>
#include <time.h>

#define FIRST INT64_C(-62167219200000000) /* 0000-01-01T00:00:00 */
#define LAST INT64_C(253402300799999999)  /* 9999-12-31T23:59:59.999999 */
#define BASE INT64_C(1775478896000000)    /* 2026-04-06T12:34:56 */

static const enum time_format text_formats[] = { TIME_AUTO, TIME_UTC, TIME_ZONED, TIME_RFC3339,
						 TIME_ISO };

static int64_t random_time(struct random *random)
{
	return FIRST + (int64_t)random_below(random, (uint64_t)(LAST - FIRST) + 1);
}

/* Parses a copy without anything behind it, so that a sanitizer sees a read beyond its end. */
static bool parse(const char *string, int64_t *ret_time)
{
	size_t size = strlen(string);
	char *exact = malloc(size ? size : 1);
	assert_non_null(exact);
	memcpy(exact, string, size);
	bool good = time_parse(exact, size, ret_time);
	free(exact);
	return good;
}

static void test_shapes(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		int64_t time;
	} cases[] = {
		{ "2026-04-06T12:34:56Z", BASE },
		{ "2026-04-06t12:34:56z", BASE },
		{ "2026-04-06 12:34:56", BASE },
		{ "2026-04-06 12:34", BASE - 56 * USEC_PER_SEC },
		{ "2026-04-06 12:34Z", BASE - 56 * USEC_PER_SEC },
		{ "2026-04-06T12:34:56.", BASE },
		{ "2026-04-06T12:34:56.5Z", BASE + 500000 },
		{ "2026-04-06 12:34:56.123", BASE + 123000 },
		{ "2026-04-06T12:34:56.123456+00:00", BASE + 123456 },
		{ "2026-04-06T12:34:56.123456789+00:00", BASE + 123456 },
		{ "2026-04-06T12:34:56.999999999Z", BASE + 999999 },
		{ "2026-04-06 12:34:56.123456+00", BASE + 123456 },
		{ "2026-04-06 14:34:56+02", BASE },
		{ "2026-04-06 18:19:56+0545", BASE },
		{ "2026-04-06 09:04:56-03:30", BASE },
		{ "2026-04-06 12:34:56-00:00", BASE },
		{ "2026-04-06 12:34:56.123 +00:00", BASE + 123000 },
		{ "2026-04-06 09:34:56 -03:00", BASE },
		{ "2026-04-07 12:33:56+23:59", BASE },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
		{ "0000-01-01T00:00:00Z", FIRST },
		{ "9999-12-31 23:59:59.999999", LAST },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000000) },
		{ "2016-12-31T23:59:60.25Z", INT64_C(1483228800250000) },
		{ "2000-02-29 00:00:00", INT64_C(951782400000000) },
		{ "0000-02-29 00:00:00", FIRST + 59 * 86400 * USEC_PER_SEC },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t time = NO_TIME;
		assert_true(parse(cases[i].string, &time));
		assert_int_equal(time, cases[i].time);
	}
}

static void test_refuses(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"now",
		"infinity",
		"1775478896",
		"2026-04-06",
		"2026-04-06T",
		"2026-04-06T12",
		"2026-04-06T12:3",
		"2026-04-06T12:34:5",
		"2026-04-06X12:34:56",
		"2026-04-06  12:34:56",
		" 2026-04-06 12:34:56",
		"2026-04-06 12:34:56 ",
		"2026-04-06 12:34:56  +00:00",
		"2026-04-06 12:34:56 Z",
		"2026-04-06 12:34:56 UTC",
		"2026-04-06 12:34:56Europe/Berlin",
		"2026-04-06T12:34:56ZZ",
		"2026-04-06T12:34:56+",
		"2026-04-06T12:34:56+1",
		"2026-04-06T12:34:56+01:",
		"2026-04-06T12:34:56+01:0",
		"2026-04-06T12:34:56+010",
		"2026-04-06T12:34:56+24:00",
		"2026-04-06T12:34:56+01:60",
		"2026-04-06T12:34:56+01:00:00",
		"2026-04-06T12:34.5",
		"2026-04-06T12:34:56,5",
		"2026-04-06T12:34:56.1234567890",
		"2026-04-06T12:34:56.-5",
		"2026-04-06T24:00:00Z",
		"2026-04-06T12:60:00Z",
		"2026-04-06T12:34:61Z",
		"2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"0000-00-00 00:00:00",
		"2026-1-1T00:00:00Z",
		"+2026-04-06T12:34:56Z",
		"-026-04-06T12:34:56Z",
		"12026-04-06T12:34:56Z",
		"2026-04-06 12:34:56 BC",
		"0000-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"9999-12-31T23:59:60Z",
		"２026-04-06T12:34:56Z",
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t time = 7;
		assert_false(parse(cases[i], &time));
		assert_int_equal(time, 7);
	}
	int64_t time;
	assert_false(time_parse("2026-04-06 12:34:56\0", 20, &time));
	assert_false(time_parse(NULL, 0, &time));
}

static void test_only_size_bytes_are_read(void **state)
{
	(void)state;
	static const char string[] = "2026-04-06T12:34:56.123456+00:00";
	for (size_t size = 0; size < sizeof string; size++) {
		char *exact = malloc(size ? size : 1);
		assert_non_null(exact);
		memcpy(exact, string, size);
		int64_t time;
		bool good = time_parse(exact, size, &time);
		free(exact);
		assert_int_equal(good, size == 16 || (size >= 19 && size <= 26) || size == 29 ||
					       size == 32);
	}
}

static void test_the_calendar_is_the_c_librarys(void **state)
{
	(void)state;
	for (int64_t day = FIRST / USEC_PER_SEC; day <= LAST / USEC_PER_SEC; day += 86400) {
		time_t seconds = (time_t)day;
		struct tm tm;
		char expected[64];
		assert_non_null(gmtime_r(&seconds, &tm));
		(void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:00.000000Z",
			       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		TEXT_CLEANUP struct text text = { 0 };
		time_print_rfc3339(&text, day * USEC_PER_SEC);
		int64_t back = NO_TIME;
		assert_string_equal(text_string(&text), expected);
		assert_true(time_parse(text.data, text.size, &back));
		assert_int_equal(back, day * USEC_PER_SEC);
	}
}

static void test_every_text_shape_goes_both_ways(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 10);
	for (int round = 0; round < 50000; round++) {
		int64_t time = random_time(&random), back = NO_TIME;
		enum time_format format =
			text_formats[random_below(&random, COUNT_OF(text_formats))];
		TEXT_CLEANUP struct text text = { 0 };
		time_print(&text, time, format);
		struct value value = value_bytes(VALUE_TEXT, text.data, text.size);
		assert_true(time_from_value(&value, format, &back));
		assert_int_equal(back, time);
	}
}

static void test_every_number_goes_both_ways(void **state)
{
	(void)state;
	static const int64_t units[] = { USEC_PER_SEC, 1000, 1 };
	struct random random;
	random_seed(&random, 11);
	for (int round = 0; round < 50000; round++) {
		size_t i = (size_t)random_below(&random, COUNT_OF(units));
		enum time_format format = (enum time_format)(TIME_EPOCH + i);
		int64_t time = random_time(&random), back = NO_TIME;
		TEXT_CLEANUP struct text text = { 0 };
		time_print(&text, time, format);
		struct value value = value_bytes(VALUE_TEXT, text.data, text.size);
		struct value number = value_int(value_integer(&value, INT64_MIN));
		assert_true(time_from_value(&value, format, &back));
		assert_true(back <= time && time - back < units[i]);
		int64_t same = NO_TIME;
		assert_true(time_from_value(&number, format, &same));
		assert_int_equal(same, back);
	}
}

static void test_offsets_move_the_clock(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 12);
	for (int round = 0; round < 20000; round++) {
		int64_t time = random_time(&random) / 2, back = NO_TIME;
		int minutes = (int)random_below(&random, 24 * 60);
		int sign = random_below(&random, 2) ? 1 : -1;
		TEXT_CLEANUP struct text text = { 0 };
		time_print(&text, time + sign * minutes * 60 * USEC_PER_SEC, TIME_ISO);
		text_printf(&text, "%c%02d%s%02d", sign > 0 ? '+' : '-', minutes / 60,
			    round % 2 ? ":" : "", minutes % 60);
		assert_true(time_parse(text.data, text.size, &back));
		assert_int_equal(back, time);
	}
}

static void test_damaged_text_never_gives_a_time_out_of_range(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 13);
	for (int round = 0; round < 100000; round++) {
		char data[] = "2026-04-06T12:34:56.123456+00:00";
		for (uint64_t hits = 1 + random_below(&random, 3); hits > 0; hits--) {
			data[random_below(&random, sizeof data - 1)] =
				"0123456789:-+TZ. "[random_below(&random, 17)];
		}
		int64_t time = 0;
		(void)time_parse(data, (size_t)random_below(&random, sizeof data), &time);
		assert_true(time >= FIRST && time <= LAST);
	}
}

static void test_values(void **state)
{
	(void)state;
	static const struct {
		struct value value;
		enum time_format format;
		bool good;
		int64_t time;
	} cases[] = {
		{ { VALUE_NULL }, TIME_EPOCH, true, NO_TIME },
		{ { VALUE_NULL }, TIME_AUTO, true, NO_TIME },
		{ { VALUE_INT, .number = 1775478896 }, TIME_EPOCH, true, BASE },
		{ { VALUE_INT, .number = -1 }, TIME_EPOCH_MS, true, -1000 },
		{ { VALUE_INT, .number = 1775478896 }, TIME_AUTO, false, 0 },
		{ { VALUE_INT, .number = 1775478896 }, TIME_RFC3339, false, 0 },
		/* Milliseconds in a column said to hold seconds. */
		{ { VALUE_INT, .number = 1775478896000 }, TIME_EPOCH, false, 0 },
		{ { VALUE_INT, .number = INT64_MAX }, TIME_EPOCH_US, false, 0 },
		{ { VALUE_INT, .number = INT64_MIN }, TIME_EPOCH, false, 0 },
		{ { VALUE_REAL, .real = 1775478896.25 }, TIME_EPOCH, true, BASE + 250000 },
		{ { VALUE_REAL, .real = 1775478896.123456 }, TIME_EPOCH, true, BASE + 123456 },
		{ { VALUE_REAL, .real = -0.5 }, TIME_EPOCH, true, -500000 },
		{ { VALUE_REAL, .real = 1e300 }, TIME_EPOCH, false, 0 },
		{ { VALUE_REAL, .real = -1e300 }, TIME_EPOCH_US, false, 0 },
		{ { VALUE_REAL, .real = 5 }, TIME_UTC, false, 0 },
		{ { VALUE_TEXT, .data = "1775478896.123456", .size = 17 },
		  TIME_EPOCH,
		  true,
		  BASE + 123456 },
		{ { VALUE_TEXT, .data = "1775478896123.9", .size = 15 },
		  TIME_EPOCH_MS,
		  true,
		  BASE + 123900 },
		{ { VALUE_TEXT, .data = "-0.5", .size = 4 }, TIME_EPOCH, true, -500000 },
		{ { VALUE_TEXT, .data = "", .size = 0 }, TIME_EPOCH, false, 0 },
		{ { VALUE_TEXT, .data = "-", .size = 1 }, TIME_EPOCH, false, 0 },
		{ { VALUE_TEXT, .data = "1e9", .size = 3 }, TIME_EPOCH, false, 0 },
		{ { VALUE_TEXT, .data = "99999999999999999999", .size = 20 },
		  TIME_EPOCH_US,
		  false,
		  0 },
		{ { VALUE_TEXT, .data = "2026-04-06 12:34:56", .size = 19 },
		  TIME_EPOCH,
		  false,
		  0 },
		{ { VALUE_TEXT, .data = "2026-04-06 12:34:56", .size = 19 },
		  TIME_RFC3339,
		  true,
		  BASE },
		{ { VALUE_BLOB, .data = "2026-04-06 12:34:56", .size = 19 },
		  TIME_UTC,
		  false,
		  0 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t time = 7;
		bool good = time_from_value(&cases[i].value, cases[i].format, &time);
		assert_int_equal(good, cases[i].good);
		assert_int_equal(time, cases[i].good ? cases[i].time : 7);
	}
}

static void test_prints(void **state)
{
	(void)state;
	static const struct {
		enum time_format format;
		const char *name, *string;
	} cases[] = {
		{ TIME_AUTO, "auto", "2026-04-06T12:34:56.000007Z" },
		{ TIME_UTC, "timestamp-utc", "2026-04-06 12:34:56.000007" },
		{ TIME_ZONED, "timestamptz", "2026-04-06T12:34:56.000007+00:00" },
		{ TIME_RFC3339, "rfc3339", "2026-04-06T12:34:56.000007Z" },
		{ TIME_ISO, "iso", "2026-04-06T12:34:56.000007" },
		{ TIME_EPOCH, "epoch", "1775478896" },
		{ TIME_EPOCH_MS, "epoch-ms", "1775478896000" },
		{ TIME_EPOCH_US, "epoch-us", "1775478896000007" },
		{ TIME_NATIVE, "native", "1775478896000007" },
	};
	assert_int_equal(COUNT_OF(cases), TIME_FORMAT_COUNT);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		TEXT_CLEANUP struct text text = { 0 };
		time_print(&text, BASE + 7, cases[i].format);
		assert_string_equal(text_string(&text), cases[i].string);
		assert_string_equal(time_format_name(cases[i].format), cases[i].name);
		assert_int_equal(time_format_is_number(cases[i].format),
				 cases[i].format >= TIME_EPOCH);
	}
}

static void test_times_out_of_range_print_without_harm(void **state)
{
	(void)state;
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, FIRST - 1, LAST + 1,
					 INT64_MAX };
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		for (unsigned format = 0; format < TIME_FORMAT_COUNT; format++) {
			TEXT_CLEANUP struct text text = { 0 };
			time_print(&text, times[i], (enum time_format)format);
			assert_false(text.failed);
			assert_true(text.size > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_only_size_bytes_are_read),
		cmocka_unit_test(test_the_calendar_is_the_c_librarys),
		cmocka_unit_test(test_every_text_shape_goes_both_ways),
		cmocka_unit_test(test_every_number_goes_both_ways),
		cmocka_unit_test(test_offsets_move_the_clock),
		cmocka_unit_test(test_damaged_text_never_gives_a_time_out_of_range),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_times_out_of_range_print_without_harm),
	};
	return cmocka_run_group_tests_name("timefmt", tests, NULL, NULL);
}
