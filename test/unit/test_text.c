/* The growing string, UTF-8, and harmless forms of foreign bytes. */
#include "random.h"
#include "text.h"
#include "unit.h"

/* Encodes any code point, so that tests have an encoder that is not the code under test. */
static size_t encode(uint32_t code, char *bytes)
{
	if (code < 0x80) {
		bytes[0] = (char)code;
		return 1;
	}
	size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--) {
		bytes[i] = (char)(0x80 | (code & 0x3F));
		code >>= 6;
	}
	bytes[0] = (char)((0xF00 >> length & 0xFF) | code);
	return length;
}

static bool is_surrogate(uint32_t code)
{
	return code >= 0xD800 && code <= 0xDFFF;
}

static uint32_t random_code(struct random *random)
{
	static const uint32_t limits[] = { 0x80, 0x800, 0x10000, 0x110000 };
	uint32_t code = (uint32_t)random_below(random, limits[random_below(random, 4)]);
	return is_surrogate(code) ? 0xFFFD : code;
}

static void test_adds_and_grows(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	assert_string_equal(text_string(&text), "");
	for (int i = 0; i < 1000; i++) {
		text_printf(&text, "%03d", i);
		text_add_char(&text, ' ');
	}
	text_add_bytes(&text, NULL, 0);
	text_add(&text, "end");
	assert_false(text.failed);
	assert_int_equal(text.size, 4003);
	assert_int_equal(strlen(text_string(&text)), text.size);
	assert_memory_equal(text.data + 4 * 777, "777 778 ", 8);
	text_clear(&text);
	assert_string_equal(text_string(&text), "");
	text_finish(&text);
	text_clear(&text);
	assert_string_equal(text_string(&text), "");
}

static void test_failure_sticks(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	text_add(&text, "kept");
	allocation_fail_after(0);
	text_printf(&text, "%200d", 1);
	allocation_fail_after(ALLOCATION_NEVER);
	assert_true(text.failed);
	text_add(&text, "more");
	assert_string_equal(text_string(&text), "kept");
	text_finish(&text);
	assert_false(text.failed);
	text_add_bytes(&text, "x", SIZE_MAX);
	assert_true(text.failed);
}

static void test_every_code_point_is_decoded(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x120000; code++) {
		char bytes[4];
		uint32_t decoded = UINT32_MAX;
		size_t length = encode(code, bytes);
		bool valid = code < 0x110000 && !is_surrogate(code);
		assert_int_equal(utf8_decode(bytes, length, &decoded), valid ? length : 0);
		assert_int_equal(decoded, valid ? code : UINT32_MAX);
		assert_int_equal(utf8_decode(bytes, length - 1, &decoded), 0);
	}
}

static void test_invalid_forms(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t at;
	} cases[] = {
		{ "abc", 3 },
		{ "", 0 },
		{ "a\x80", 1 },
		{ "a\xC0\x80", 1 },
		{ "\xC1\xBF", 0 },
		{ "\xE0\x9F\xBF", 0 },
		{ "\xED\xA0\x80", 0 },
		{ "\xF0\x8F\xBF\xBF", 0 },
		{ "\xF4\x90\x80\x80", 0 },
		{ "\xF5", 0 },
		{ "ä\xFF", 2 },
		{ "€\xE2\x82", 3 },
		{ "\xE2\x28\xA1", 0 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(utf8_invalid_at(cases[i].data, strlen(cases[i].data)),
				 cases[i].at);
	}
}

static void test_cut_never_cuts_a_character(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 2);
	for (int round = 0; round < 2000; round++) {
		char data[200];
		size_t size = 0;
		while (size < 100) {
			size += encode(random_code(&random), data + size);
		}
		size_t limit = (size_t)random_below(&random, sizeof data);
		size_t cut = utf8_cut(data, size, limit);
		assert_true(cut <= limit);
		assert_int_equal(utf8_invalid_at(data, cut), cut);
		assert_true(limit >= size ? cut == size : limit - cut < 4);
		uint32_t code;
		assert_true(cut == size ||
			    cut + utf8_decode(data + cut, size - cut, &code) > limit);
	}
	assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
	assert_int_equal(utf8_cut("€", 3, 0), 0);
}

static void test_valid_and_visible_are_so_for_any_bytes(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 3);
	for (int round = 0; round < 2000; round++) {
		char data[64];
		for (size_t i = 0; i < sizeof data; i++) {
			data[i] = (char)random_next(&random);
		}
		TEXT_CLEANUP struct text valid = { 0 }, visible = { 0 };
		text_add_valid(&valid, data, sizeof data);
		text_add_visible(&visible, data, sizeof data);
		assert_int_equal(utf8_invalid_at(valid.data, valid.size), valid.size);
		size_t length;
		for (size_t at = 0; at < visible.size; at += length) {
			uint32_t code = 0;
			length = utf8_decode(visible.data + at, visible.size - at, &code);
			assert_int_not_equal(length, 0);
			assert_false(code_is_hidden(code));
		}
	}
}

static void test_visible_forms(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	const char data[] = "ä\n\t\r\x1b[31m\x7f\xFF\0 \xC2\x85\u202Eabc\u2028\\n";
	text_add_visible(&text, data, sizeof data - 1);
	assert_string_equal(text_string(&text),
			    "ä\\n\\t\\x0d\\x1b[31m\\x7f\\xff\\x00 \\u{0085}\\u{202e}abc"
			    "\\u{2028}\\n");
}

static void test_valid_forms(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	text_add_valid(&text, "a\xFF\xFE€\xE2\x82", 8);
	assert_string_equal(text_string(&text), "a\uFFFD\uFFFD€\uFFFD\uFFFD");
}

static void test_quoted(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	text_add_quoted(&text, "it's '' \"x\"", 11, '\'');
	assert_string_equal(text_string(&text), "it''s '''' \"x\"");
}

static void test_small_things(void **state)
{
	(void)state;
	assert_true(string_equal("a", "a"));
	assert_false(string_equal("a", "b"));
	assert_true(string_equal(NULL, NULL));
	assert_false(string_equal("", NULL));
	assert_int_equal(hex_digit('a'), 10);
	assert_int_equal(hex_digit('F'), 15);
	assert_int_equal(hex_digit('7'), 7);
	assert_int_equal(hex_digit('g'), -1);
	assert_int_equal(hex_digit('\0'), -1);
}

static void test_distance(void **state)
{
	char longer[100] = { 0 };
	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	assert_int_equal(string_distance("", ""), 0);
	assert_int_equal(string_distance("", "abc"), 3);
	assert_int_equal(string_distance("claim", "claim"), 0);
	assert_int_equal(string_distance("calim", "claim"), 2);
	assert_int_equal(string_distance("sweeep", "sweep"), 1);
	assert_int_equal(string_distance("claim", "claims"), 1);
	assert_true(string_distance(longer, longer) > 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adds_and_grows),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_every_code_point_is_decoded),
		cmocka_unit_test(test_invalid_forms),
		cmocka_unit_test(test_cut_never_cuts_a_character),
		cmocka_unit_test(test_valid_and_visible_are_so_for_any_bytes),
		cmocka_unit_test(test_visible_forms),
		cmocka_unit_test(test_valid_forms),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_small_things),
		cmocka_unit_test(test_distance),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
