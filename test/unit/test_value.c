/* Database values, and ids of rows that read back as the keys they came from. */
#include "random.h"
#include "unit.h"
#include "value.h"

static struct value text_value(const char *data, size_t size)
{
	return value_bytes(VALUE_TEXT, data, size);
}

static void check_key(const struct value *key, size_t count, const char *expected)
{
	TEXT_CLEANUP struct text text = { 0 };
	key_print(&text, key, count);
	assert_string_equal(text_string(&text), expected);
}

static void check_print(struct value value, const char *expected)
{
	TEXT_CLEANUP struct text text = { 0 };
	value_print(&text, &value);
	assert_string_equal(text_string(&text), expected);
}

static const char uuid_bytes[] = "\x01\x96\x0b\x8c\x00\x00\x7a\xbc\x8d\xef\x00\x11\x22\x33\x44"
				 "\xff";

static void test_prints(void **state)
{
	(void)state;
	check_print(value_null(), "");
	check_print(value_int(INT64_MIN), "-9223372036854775808");
	check_print(value_string("a/b%"), "a/b%");
	check_print(value_string(NULL), "");
	check_print(value_bytes(VALUE_BLOB, uuid_bytes, 16),
		    "01960b8c-0000-7abc-8def-0011223344ff");
	check_print(value_bytes(VALUE_BLOB, "\x00\xAb", 2), "00ab");
	check_print((struct value){ VALUE_REAL, .real = 2 }, "2");
	check_print((struct value){ VALUE_REAL, .real = -0.1 }, "-0.1");
	check_print((struct value){ VALUE_REAL, .real = 1e300 }, "1e+300");
	check_print((struct value){ VALUE_REAL, .real = 1.0 / 3 }, "0.3333333333333333");
	check_print((struct value){ VALUE_REAL, .real = 0.1 + 0.2 }, "0.30000000000000004");
}

static void test_equal(void **state)
{
	(void)state;
	const struct value values[] = {
		value_null(),
		value_int(0),
		value_int(5),
		value_string(""),
		value_string("5"),
		value_bytes(VALUE_BLOB, "5", 1),
		value_bytes(VALUE_BLOB, NULL, 0),
		text_value("5\0", 2),
		{ VALUE_REAL, .real = 5 },
	};
	for (size_t a = 0; a < COUNT_OF(values); a++) {
		for (size_t b = 0; b < COUNT_OF(values); b++) {
			assert_int_equal(value_equal(&values[a], &values[b]), a == b);
		}
	}
	struct value time = value_time(INT64_MIN), other = value_time(3);
	assert_true(value_is_null(&time));
	assert_int_equal(other.number, 3);
}

static void check_integer(struct value value, int64_t expected)
{
	assert_int_equal(value_integer(&value, -7), expected);
}

static void test_integer(void **state)
{
	(void)state;
	check_integer(value_int(3), 3);
	check_integer(value_string("42"), 42);
	check_integer(value_string("-42"), -42);
	check_integer(value_string("9223372036854775807"), INT64_MAX);
	check_integer(value_string("-9223372036854775808"), INT64_MIN);
	check_integer(value_string("9223372036854775808"), -7);
	check_integer(value_string("42 "), -7);
	check_integer(value_string("4.0"), -7);
	check_integer(value_string("-"), -7);
	check_integer(value_string(""), -7);
	check_integer(text_value("425", 2), 42);
	check_integer(value_null(), -7);
	check_integer(value_bytes(VALUE_BLOB, "42", 2), -7);
	check_integer((struct value){ VALUE_REAL, .real = 42 }, 42);
	check_integer((struct value){ VALUE_REAL, .real = 42.5 }, -7);
	check_integer((struct value){ VALUE_REAL, .real = 1e19 }, -7);
	check_integer((struct value){ VALUE_REAL, .real = strtod("nan", NULL) }, -7);
	check_integer((struct value){ VALUE_REAL, .real = -9223372036854775808.0 }, INT64_MIN);
}

static void test_key_forms(void **state)
{
	(void)state;
	const struct value one[] = { value_string("a/b%c\n\x7f") };
	const struct value two[] = { value_string("a/b"), value_int(-5) };
	const struct value three[] = { value_bytes(VALUE_BLOB, uuid_bytes, 16),
				       value_bytes(VALUE_BLOB, "\xfe", 1), value_string("") };
	check_key(one, 1, "a/b%25c%0A%7F");
	check_key(two, 2, "a%2Fb/-5");
	check_key(three, 3, "01960b8c-0000-7abc-8def-0011223344ff/fe/");
	const struct value bytes[] = { text_value("ä\0\xFF\xC2\x85", 6) };
	check_key(bytes, 1, "ä%00%FF%C2%85");
}

static void random_bytes(struct random *random, char *data, size_t size)
{
	static const char awkward[] = "/%\0\n\x7f\xC2\x85\xE2\x82\xAC"
				      "0aF";
	for (size_t i = 0; i < size; i++) {
		data[i] = random_below(random, 2)
				  ? awkward[random_below(random, sizeof awkward - 1)]
				  : (char)random_next(random);
	}
}

static void test_key_round_trip(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 14);
	for (int round = 0; round < 20000; round++) {
		ARENA_CLEANUP struct arena arena = { 0 };
		TEXT_CLEANUP struct text id = { 0 };
		char data[4][24];
		struct value key[4], back[4];
		enum value_type types[4];
		size_t count = 1 + (size_t)random_below(&random, 4);
		for (size_t i = 0; i < count; i++) {
			size_t size = (size_t)random_below(&random, sizeof data[i] + 1);
			random_bytes(&random, data[i], size);
			types[i] = random_below(&random, 4) == 0 ? VALUE_BLOB : VALUE_TEXT;
			key[i] = value_bytes(types[i], data[i], size);
		}
		key_print(&id, key, count);
		assert_int_equal(strlen(text_string(&id)), id.size);
		assert_int_equal(utf8_invalid_at(text_string(&id), id.size), id.size);
		assert_true(key_parse(&arena, text_string(&id), types, count, back));
		for (size_t i = 0; i < count; i++) {
			assert_true(value_equal(&key[i], &back[i]));
		}
	}
}

static void test_ids_that_no_row_can_have(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		size_t count;
		enum value_type type;
	} cases[] = {
		{ "100%", 1, VALUE_TEXT },
		{ "%4", 1, VALUE_TEXT },
		{ "%G1", 1, VALUE_TEXT },
		{ "a", 2, VALUE_TEXT },
		{ "a/b/c", 2, VALUE_TEXT },
		{ "", 2, VALUE_TEXT },
		{ "not hex", 1, VALUE_BLOB },
		{ "abc", 1, VALUE_BLOB },
		{ "01960b8c-0000-7abc-8def-0011223344f", 1, VALUE_BLOB },
		{ "", 1, VALUE_INT },
		{ "1x", 1, VALUE_INT },
		{ "9223372036854775808", 1, VALUE_INT },
		{ "1.5", 1, VALUE_REAL },
		{ "", 0, VALUE_TEXT },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ARENA_CLEANUP struct arena arena = { 0 };
		const enum value_type types[2] = { cases[i].type, cases[i].type };
		struct value key[2] = { value_int(7), value_int(7) };
		assert_false(key_parse(&arena, cases[i].id, types, cases[i].count, key));
		assert_int_equal(key[0].number, 7);
	}
}

static void test_ids_as_people_may_type_them(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	struct value key;
	const enum value_type blob = VALUE_BLOB, text = VALUE_TEXT, number = VALUE_INT;
	assert_true(key_parse(&arena, "01960B8C-0000-7ABC-8DEF-0011223344FF", &blob, 1, &key));
	assert_memory_equal(key.data, uuid_bytes, 16);
	assert_true(key_parse(&arena, "01960b8c00007abc8def0011223344ff", &blob, 1, &key));
	assert_memory_equal(key.data, uuid_bytes, 16);
	assert_true(key_parse(&arena, "a%2fb", &text, 1, &key));
	assert_memory_equal(key.data, "a/b", 4);
	assert_true(key_parse(&arena, "-7", &number, 1, &key));
	assert_true(key.type == VALUE_INT && key.number == -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_integer),
		cmocka_unit_test(test_key_forms),
		cmocka_unit_test(test_key_round_trip),
		cmocka_unit_test(test_ids_that_no_row_can_have),
		cmocka_unit_test(test_ids_as_people_may_type_them),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
