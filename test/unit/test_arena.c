/* Memory that is given back all at once. */
#include "arena.h"
#include "random.h"
#include "unit.h"

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	struct random random;
	random_seed(&random, 1);
	unsigned char *pieces[500];
	size_t sizes[COUNT_OF(pieces)];
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		sizes[i] = (size_t)random_below(&random, i % 50 == 0 ? 600000 : 300);
		pieces[i] = arena_take(&arena, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t at = 0; at < sizes[i]; at++) {
			assert_int_equal(pieces[i][at], 0);
		}
		memset(pieces[i], (int)(i & 0xFF), sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		for (size_t at = 0; at < sizes[i]; at++) {
			assert_int_equal(pieces[i][at], i & 0xFF);
		}
	}
}

static void test_nothing_is_a_valid_piece(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	void *first = arena_take(&arena, 0), *second = arena_take(&arena, 0);
	assert_non_null(first);
	assert_ptr_not_equal(first, second);
}

static void test_too_much_is_refused(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	assert_null(arena_take(&arena, SIZE_MAX));
	assert_null(arena_take(&arena, SIZE_MAX - 15));
	assert_null(arena_copy(&arena, "", SIZE_MAX));
}

static void test_no_memory_is_null_and_leaves_the_arena_usable(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	allocation_fail_after(0);
	void *none = arena_take(&arena, 10);
	char *no_string = arena_string(&arena, "x"), *no_print = arena_printf(&arena, "%d", 1);
	allocation_fail_after(ALLOCATION_NEVER);
	assert_null(none);
	assert_null(no_string);
	assert_null(no_print);
	assert_string_equal(arena_string(&arena, "x"), "x");
}

static void test_copies(void **state)
{
	(void)state;
	ARENA_CLEANUP struct arena arena = { 0 };
	char *copy = arena_copy(&arena, "a\0bc", 3);
	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(arena_copy(&arena, "abc", 0), "");
	assert_null(arena_copy(&arena, NULL, 0));
	assert_null(arena_string(&arena, NULL));
	assert_string_equal(arena_printf(&arena, "%s-%d", "task", 7), "task-7");
}

static void test_finish_leaves_an_empty_arena(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	arena_finish(&arena);
	assert_non_null(arena_take(&arena, 100000));
	assert_non_null(arena_take(&arena, 1));
	arena_finish(&arena);
	assert_null(arena.head);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(test_nothing_is_a_valid_piece),
		cmocka_unit_test(test_too_much_is_refused),
		cmocka_unit_test(test_no_memory_is_null_and_leaves_the_arena_usable),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_finish_leaves_an_empty_arena),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
