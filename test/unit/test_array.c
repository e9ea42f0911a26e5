/* An array that grows by one element at a time. */
#include "array.h"
#include "unit.h"

static void test_what_was_added_stays(void **state)
{
	size_t room = 0;
	int *items = NULL;
	(void)state;
	for (size_t count = 0; count < 5000; count++) {
		items = array_grown(items, sizeof(*items), count, &room);
		assert_non_null(items);
		assert_true(count < room);
		items[count] = (int)count;
	}
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(items[i], i);
	}
	free(items);
}

static void test_without_memory_it_is_as_it_was(void **state)
{
	size_t room = 0;
	(void)state;
	int *items = array_grown(NULL, sizeof(*items), 0, &room);
	size_t before = room;
	items[0] = 7;
	allocation_fail_after(0);
	int *with_room = array_grown(items, sizeof(*items), before - 1, &room);
	int *none = array_grown(items, sizeof(*items), before, &room);
	allocation_fail_after(ALLOCATION_NEVER);
	assert_ptr_equal(with_room, items);
	assert_null(none);
	assert_int_equal(room, before);
	assert_int_equal(items[0], 7);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_added_stays),
		cmocka_unit_test(test_without_memory_it_is_as_it_was),
	};
	return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
