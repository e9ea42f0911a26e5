/* The JSON that we write. */
#include "json.h"
#include "random.h"
#include "timefmt.h"
#include "unit.h"

static void test_commas_and_colons(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	struct json json = { .out = &text };
	json_open(&json, NULL, '{');
	json_string(&json, "id", "a");
	json_open(&json, "tasks", '[');
	json_int(&json, NULL, INT64_MIN);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_open(&json, NULL, '[');
	json_bool(&json, NULL, true);
	json_null(&json, NULL);
	json_close(&json, ']');
	json_close(&json, ']');
	json_bool(&json, "done", false);
	json_close(&json, '}');
	assert_string_equal(text_string(&text),
			    "{\"id\":\"a\",\"tasks\":[-9223372036854775808,{},[true,null]],"
			    "\"done\":false}");
}

static void test_values(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	struct json json = { .out = &text };
	json_open(&json, NULL, '[');
	json_string(&json, NULL, NULL);
	json_bytes(&json, NULL, NULL, 5);
	json_bytes(&json, NULL, "ab\0c", 4);
	json_seconds(&json, NULL, 1500000);
	json_seconds(&json, NULL, 30000000);
	json_seconds(&json, NULL, -1);
	json_time(&json, NULL, NO_TIME);
	json_time(&json, NULL, 0);
	json_raw(&json, NULL, NULL);
	json_raw(&json, NULL, "{\"n\":12345678901234567890.10}");
	json_close(&json, ']');
	assert_string_equal(text_string(&text),
			    "[null,null,\"ab\\u0000c\",1.5,30,-0.000001,null,"
			    "\"1970-01-01T00:00:00.000000Z\",null,"
			    "{\"n\":12345678901234567890.10}]");
}

static void test_strings_are_escaped(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	struct json json = { .out = &text };
	json_string(&json, NULL, "\"\\/\b\f\n\r\t\x1b\x7f ä€😀 \xFF\u202E");
	assert_string_equal(text_string(&text), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001b\\u007f ä€😀 "
						"\uFFFD\\u202e\"");
}

static void test_names_are_escaped(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	struct json json = { .out = &text };
	json_int(&json, "a\"b", 1);
	assert_string_equal(text_string(&text), "\"a\\\"b\":1");
}

static void test_raw_stays_on_its_line(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	struct json json = { .out = &text };
	json_raw(&json, "payload", "{\r\n\"a\":\n1\n}");
	assert_string_equal(text_string(&text), "\"payload\":{  \"a\": 1 }");
}

static void test_any_bytes_give_one_valid_line(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 9);
	for (int round = 0; round < 2000; round++) {
		char data[48];
		for (size_t i = 0; i < sizeof data; i++) {
			data[i] = (char)random_next(&random);
		}
		TEXT_CLEANUP struct text text = { 0 };
		struct json json = { .out = &text };
		json_bytes(&json, NULL, data, sizeof data);
		assert_int_equal(utf8_invalid_at(text.data, text.size), text.size);
		assert_int_equal(text.data[0], '"');
		assert_int_equal(text.data[text.size - 1], '"');
		for (size_t at = 1; at < text.size - 1; at++) {
			assert_true((unsigned char)text.data[at] >= 0x20);
			assert_int_not_equal(text.data[at], '"');
			at += text.data[at] == '\\' ? 1 : 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas_and_colons),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_strings_are_escaped),
		cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_raw_stays_on_its_line),
		cmocka_unit_test(test_any_bytes_give_one_valid_line),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
