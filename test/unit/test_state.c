/* The life of a task: what the table allows, and what follows from it (I2, I6). */
#include "state.h"
#include "unit.h"

static bool leads(enum state from, enum state to, enum act act)
{
	return state_move(from, to, act, /* host= */ false) == MOVE_ALLOWED;
}

static bool some_act_leads_on(enum state from, bool host)
{
	for (unsigned to = STATE_READY; to < STATE_COUNT; to++) {
		for (unsigned act = 0; act < ACT_COUNT; act++) {
			if (to != from && state_move(from, (enum state)to, (enum act)act,
						     host) == MOVE_ALLOWED) {
				return true;
			}
		}
	}
	return false;
}

static void test_words_go_both_ways(void **state)
{
	(void)state;
	for (unsigned s = STATE_READY; s < STATE_COUNT; s++) {
		enum state back = STATE_NONE;
		assert_true(state_parse(state_word((enum state)s), &back));
		assert_int_equal(back, s);
	}
	enum state untouched = STATE_STUCK;
	assert_false(state_parse("none", &untouched));
	assert_false(state_parse("Ready", &untouched));
	assert_false(state_parse("", &untouched));
	assert_false(state_parse(NULL, &untouched));
	assert_int_equal(untouched, STATE_STUCK);
	for (unsigned act = 0; act < ACT_COUNT; act++) {
		assert_non_null(act_word((enum act)act));
	}
}

/* I6: no limbo, on our own ledger and on a host's. */
static void test_every_state_is_left(void **state)
{
	(void)state;
	for (unsigned s = STATE_READY; s < STATE_COUNT; s++) {
		assert_true(some_act_leads_on((enum state)s, /* host= */ false));
		assert_true(some_act_leads_on((enum state)s, /* host= */ true));
	}
}

/* I6: from everywhere a task can still come to an end. */
static void test_every_state_leads_to_an_end(void **state)
{
	(void)state;
	unsigned ends = STATE_BIT(STATE_COMPLETED) | STATE_BIT(STATE_FAILED) |
			STATE_BIT(STATE_CANCELLED);
	size_t count;
	const struct transition *table = transitions(&count);
	for (unsigned round = 0; round < STATE_COUNT; round++) {
		for (size_t i = 0; i < count; i++) {
			if (!table[i].host_only && (ends & STATE_BIT(table[i].to))) {
				ends |= STATE_BIT(table[i].from);
			}
		}
	}
	for (unsigned s = STATE_READY; s < STATE_COUNT; s++) {
		assert_true(ends & STATE_BIT(s));
	}
}

/* I2: terminal is for ever, but for an operator's retry. */
static void test_terminal_states_are_left_by_retry_only(void **state)
{
	(void)state;
	size_t count, terminal = 0;
	const struct transition *table = transitions(&count);
	for (size_t i = 0; i < count; i++) {
		if (state_is_terminal(table[i].from)) {
			terminal++;
			assert_int_equal(table[i].act, ACT_RETRY);
			assert_int_equal(table[i].to, STATE_READY);
		}
	}
	assert_int_equal(terminal, 3);
}

static void test_the_table_has_no_doubles(void **state)
{
	(void)state;
	size_t count;
	const struct transition *table = transitions(&count);
	for (size_t a = 0; a < count; a++) {
		assert_int_not_equal(table[a].from, STATE_NONE);
		assert_int_not_equal(table[a].to, STATE_NONE);
		for (size_t b = 0; b < a; b++) {
			assert_false(table[a].from == table[b].from &&
				     table[a].to == table[b].to &&
				     table[a].act == table[b].act);
		}
	}
}

/* Every triple that is not in the table is refused, or is a replay. */
static void test_moves_are_the_table(void **state)
{
	(void)state;
	size_t count;
	const struct transition *table = transitions(&count);
	size_t allowed[2] = { 0 }, expected[2] = { 0 };
	for (size_t i = 0; i < count; i++) {
		expected[0] += table[i].host_only ? 0 : 1;
		expected[1]++;
	}
	for (unsigned n = 0; n < STATE_COUNT * STATE_COUNT * ACT_COUNT * 2; n++) {
		enum state from = (enum state)(n / 2 % STATE_COUNT);
		enum state to = (enum state)(n / 2 / STATE_COUNT % STATE_COUNT);
		enum act act = (enum act)(n / 2 / STATE_COUNT / STATE_COUNT);
		enum move move = state_move(from, to, act, n % 2);
		allowed[n % 2] += move == MOVE_ALLOWED ? 1 : 0;
		if (move != MOVE_ALLOWED) {
			bool same = from == to && from != STATE_NONE;
			assert_int_equal(move, same ? MOVE_REPLAY : MOVE_REFUSED);
		}
	}
	assert_int_equal(allowed[0], expected[0]);
	assert_int_equal(allowed[1], expected[1]);
}

static void test_the_designs_transitions(void **state)
{
	(void)state;
	assert_true(leads(STATE_READY, STATE_RUNNING, ACT_CLAIM));
	assert_true(leads(STATE_RUNNING, STATE_READY, ACT_RECOVER));
	assert_true(leads(STATE_RUNNING, STATE_STUCK, ACT_RECOVER));
	assert_true(leads(STATE_STUCK, STATE_COMPLETED, ACT_COMPLETE));
	assert_true(leads(STATE_READY, STATE_COMPLETED, ACT_COMPLETE));
	assert_true(leads(STATE_STUCK, STATE_FAILED, ACT_DEADLINE));
	assert_true(leads(STATE_STUCK, STATE_READY, ACT_RETRY));
	assert_false(leads(STATE_STUCK, STATE_READY, ACT_RECOVER));
	assert_false(leads(STATE_STUCK, STATE_RUNNING, ACT_CLAIM));
	assert_false(leads(STATE_RUNNING, STATE_RUNNING, ACT_CLAIM));
	assert_false(leads(STATE_COMPLETED, STATE_FAILED, ACT_DEADLINE));
	assert_false(leads(STATE_RUNNING, STATE_READY, ACT_RETRY));
	assert_false(leads(STATE_READY, STATE_STUCK, ACT_RECOVER));
	assert_false(leads(STATE_STUCK, STATE_FAILED, ACT_FAIL));
	assert_int_equal(state_move(STATE_READY, STATE_STUCK, ACT_RECOVER, /* host= */ true),
			 MOVE_ALLOWED);
	assert_int_equal(state_move(STATE_READY, STATE_READY, ACT_RECOVER, /* host= */ true),
			 MOVE_ALLOWED);
	assert_int_equal(state_move(STATE_READY, STATE_READY, ACT_RECOVER, /* host= */ false),
			 MOVE_REPLAY);
}

static void test_dot(void **state)
{
	(void)state;
	TEXT_CLEANUP struct text text = { 0 };
	state_dot(&text);
	const char *dot = text_string(&text);
	assert_memory_equal(dot, "digraph ", 8);
	assert_string_equal(dot + text.size - 2, "}\n");
	assert_non_null(strstr(dot, "completed [shape=doublecircle];"));
	assert_non_null(strstr(dot, "\tstuck;\n"));
	assert_non_null(strstr(dot, "running -> ready [label=\"fail\\nrelease\\nrecover\"];"));
	assert_non_null(strstr(dot, "stuck -> completed [label=\"late complete\"];"));
	assert_non_null(strstr(dot, "ready -> stuck [label=\"recover\", style=dashed];"));
	assert_null(strstr(dot, "none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_go_both_ways),
		cmocka_unit_test(test_every_state_is_left),
		cmocka_unit_test(test_every_state_leads_to_an_end),
		cmocka_unit_test(test_terminal_states_are_left_by_retry_only),
		cmocka_unit_test(test_the_table_has_no_doubles),
		cmocka_unit_test(test_moves_are_the_table),
		cmocka_unit_test(test_the_designs_transitions),
		cmocka_unit_test(test_dot),
	};
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
