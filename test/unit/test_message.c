/* Messages with holes. */
#include "message.h"
#include "unit.h"

#define S USEC_PER_SEC
#define H (3600 * S)

static const struct message_word words[] = { { "deadline_failures", 3 }, { "stuck", 0 } };

/* 2026-04-06 12:34:56.5 */
static const struct message_facts facts = {
	.id = "t1",
	.owner = "w1",
	.kind = "mail",
	.age = 6 * H + 900 * S + 999999,
	.threshold = 1800 * S,
	.last_seen = INT64_C(1775478896500000),
	.deadline = NO_TIME,
	.attempts = 2,
	.max_attempts = -1,
	.count = 5,
	.interval = 300 * S,
	.grace = 60 * S,
	.format = TIME_UTC,
	.words = words,
	.word_count = COUNT_OF(words),
};

static void check(const char *message, const char *expected)
{
	TEXT_CLEANUP struct text text = { 0 };
	message_print(&text, message, &facts);
	assert_string_equal(text_string(&text), expected);
}

static void test_holes_are_filled(void **state)
{
	(void)state;
	check("Stale claim reclaimed from {owner} after {age_hours}h",
	      "Stale claim reclaimed from w1 after 6.3h");
	check("Released from stalled worker {owner}, last seen {last_seen}",
	      "Released from stalled worker w1, last seen 2026-04-06 12:34:56.500000");
	check("no heartbeat for {threshold_go}", "no heartbeat for 30m0s");
	check("{threshold} {threshold_s}", "30m 1800");
	check("{age} {age_s} {age_seconds} {age_minutes} {age_go}",
	      "6h 15m 22500 22501.0 375 6h15m1s");
	check("{interval} {interval_s} {interval_go} {grace} {grace_s}", "5m 300 5m0s 1m 60");
	check("{id} {kind} {queue} {rule} {error}", "t1 mail - - -");
	check("{attempts}/{max_attempts} {recoveries} {count} {other}", "2/- 0 5 0");
	check("{deadline}", "never");
	check("deadline_failures={deadline_failures} stuck={stuck}",
	      "deadline_failures=3 stuck=0");
}

static void test_braces(void **state)
{
	(void)state;
	check("", "");
	check("plain", "plain");
	check("{{id}", "{id}");
	check("{{{id}}", "{t1}");
	check("a } b }} c", "a } b }} c");
	check("{{\"id\": \"{id}\"}", "{\"id\": \"t1\"}");
	check("{nobody} {id", "{nobody} {id");
	check("{", "{");
	check("{}", "{}");
}

static void test_check_names_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		size_t at;
	} bad[] = {
		{ "{nobody}", 0 },  { "a {id} {Owner}", 7 },
		{ "{{ {owner", 3 }, { "{}", 0 },
		{ "x{", 1 },        { "{id{owner}}", 0 },
		{ "{ id }", 0 },    { "{deadline_failures}", 0 },
	};
	static const char *const good[] = { "", "plain }", "{id}{owner}", "{{id", "{{{id}" };
	size_t at = SIZE_MAX;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(message_check(bad[i].message, NULL, 0, &at));
		assert_int_equal(at, bad[i].at);
	}
	at = SIZE_MAX;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(message_check(good[i], NULL, 0, &at));
		assert_int_equal(at, SIZE_MAX);
	}
	assert_true(message_check("{stuck} {id}", words, COUNT_OF(words), &at));
}

static void test_the_list_of_holes_passes_the_check(void **state)
{
	(void)state;
	size_t at;
	assert_true(message_check(message_holes(), NULL, 0, &at));
	TEXT_CLEANUP struct text text = { 0 };
	message_print(&text, message_holes(), &facts);
	assert_null(strchr(text_string(&text), '{'));
}

static void check_hours(int64_t age, const char *expected)
{
	TEXT_CLEANUP struct text text = { 0 };
	message_print(&text, "{age_hours}", &(struct message_facts){ .age = age });
	assert_string_equal(text_string(&text), expected);
}

static void test_hours_are_rounded_as_printf_does(void **state)
{
	(void)state;
	check_hours(0, "0.0");
	check_hours(H, "1.0");
	check_hours(H / 4, "0.2");
	check_hours(H / 4 + 1, "0.3");
	check_hours(H * 3 / 4, "0.8");
	check_hours(H - 1, "1.0");
	check_hours(-H / 2, "-0.5");
	check_hours(-1, "0.0");
	check_hours(INT64_MAX, "never");
	check_hours(INT64_MIN, "never");
	check_hours(INT64_MAX - 1, "2562047788.0");
}

static void test_a_hole_that_is_a_number(void **state)
{
	(void)state;
	static const char *const numbers[] = {
		"{attempts}",  "{recoveries}",  "{age_s}",
		"{age_hours}", "{age_seconds}", "{threshold_s}"
	};
	static const char *const others[] = {
		"",      "{id}",       "{attempts} ", " {attempts}",
		"{age}", "{deadline}", "{at}",        "{attempts}{age_s}",
		"{{",    "{attempts",  "{nothing}",   "7"
	};
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		assert_true(message_is_number(numbers[i]));
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_false(message_is_number(others[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes_are_filled),
		cmocka_unit_test(test_braces),
		cmocka_unit_test(test_check_names_the_place),
		cmocka_unit_test(test_the_list_of_holes_passes_the_check),
		cmocka_unit_test(test_hours_are_rounded_as_printf_does),
		cmocka_unit_test(test_a_hole_that_is_a_number),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
