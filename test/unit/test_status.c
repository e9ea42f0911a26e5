/* Statuses and the one line that goes with a failure. */
#include "status.h"
#include "text.h"
#include "unit.h"

static void test_every_status_has_its_own_text(void **state)
{
	(void)state;
	for (unsigned a = RECLAIM_OK; a <= RECLAIM_INTERNAL; a++) {
		const char *text = reclaim_status_text((enum reclaim_status)a);
		assert_non_null(text);
		assert_string_not_equal(text, "unknown status");
		for (unsigned b = RECLAIM_OK; b < a; b++) {
			assert_string_not_equal(text,
						reclaim_status_text((enum reclaim_status)b));
		}
	}
	assert_string_equal(reclaim_status_text((enum reclaim_status)99), "unknown status");
	assert_string_equal(reclaim_version(), RECLAIM_VERSION);
}

static void test_the_status_comes_back(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	assert_int_equal(fail(&error, RECLAIM_LOST, "task %s", "a"), RECLAIM_LOST);
	assert_int_equal(error.status, RECLAIM_LOST);
	assert_string_equal(error.message, "task a");
	assert_int_equal(fail(NULL, RECLAIM_BUSY, "nobody reads"), RECLAIM_BUSY);
	assert_int_equal(fail_no_memory(&error), RECLAIM_NO_MEMORY);
	assert_int_equal(error.status, RECLAIM_NO_MEMORY);
}

static void test_a_message_may_hold_the_one_before(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	(void)fail(&error, RECLAIM_INVALID, "no such column: beat");
	(void)fail(&error, RECLAIM_INVALID, "tasks.conf:7: %s", error.message);
	assert_string_equal(error.message, "tasks.conf:7: no such column: beat");
}

static void test_it_is_one_line(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	(void)fail(&error, RECLAIM_INVALID, "ERROR: x\nLINE 1: y\n \n");
	assert_string_equal(error.message, "ERROR: x LINE 1: y");
	(void)fail(&error, RECLAIM_INVALID, "%s", "\n");
	assert_string_equal(error.message, "");
}

static void test_it_is_cut_at_a_character(void **state)
{
	(void)state;
	char long_text[3 * RECLAIM_MESSAGE_SIZE + 1];
	for (size_t i = 0; i < RECLAIM_MESSAGE_SIZE; i++) {
		memcpy(long_text + 3 * i, "€", 4);
	}
	for (int shift = 0; shift < 4; shift++) {
		struct reclaim_error error = { 0 };
		(void)fail(&error, RECLAIM_INVALID, "%.*s%s", shift, "abc", long_text);
		size_t size = strlen(error.message);
		assert_true(size > RECLAIM_MESSAGE_SIZE - 4 && size < RECLAIM_MESSAGE_SIZE);
		assert_int_equal(utf8_invalid_at(error.message, size), size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_status_has_its_own_text),
		cmocka_unit_test(test_the_status_comes_back),
		cmocka_unit_test(test_a_message_may_hold_the_one_before),
		cmocka_unit_test(test_it_is_one_line),
		cmocka_unit_test(test_it_is_cut_at_a_character),
	};
	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
