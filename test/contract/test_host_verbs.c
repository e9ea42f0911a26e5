/* The worker's verbs on the four systems' tables, as the table in SYSTEMS.md says. */
#include "scene.h"

static struct ledger *begun(void **state, const char *name, const char **ret_token)
{
	const struct host *host = host_named(name);
	struct ledger *ledger = open_host(state, host);
	host_add(ledger, host, TASK);
	*ret_token = host_begin(ledger, host, TASK);
	return ledger;
}

static void test_what_a_host_does_itself(void **state)
{
	static const char *const names[] = { "foundry", "seedcore", "delegations", "cloacina" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *token;
		char ids[1][RECLAIM_ID_SIZE];
		size_t bad;
		const struct submission task = { .max_attempts = 1 };
		struct ledger *ledger = begun(state, names[i], &token);
		FAILS(RECLAIM_UNSUPPORTED, verb_submit(ledger, &task, 1, ids, &bad, &error));
		FAILS(RECLAIM_UNSUPPORTED, verb_cancel(ledger, TASK, &error));
		if (strcmp(names[i], "delegations") == 0) {
			FAILS(RECLAIM_UNSUPPORTED, verb_release(ledger, TASK, token, &error));
		} else {
			FAILS(RECLAIM_UNSUPPORTED, verb_retry(ledger, TASK, &error));
		}
		ledger_close(ledger);
	}
}

static void test_the_old_seedcore_has_no_verbs(void **state)
{
	const char *none;
	struct ledger *ledger = begun(state, "seedcore-old", &none);
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = "me", .count = 1 };
	FAILS(RECLAIM_UNSUPPORTED, verb_claim(ledger, &claiming, &claims, &error));
	FAILS(RECLAIM_UNSUPPORTED, verb_renew(ledger, TASK, "x", 0, NULL, &error));
	ledger_close(ledger);
}

/* How long until a failed task is due, in seconds. */
static int64_t wait_of(struct ledger *ledger, const char *column, const char *table)
{
	int64_t due = NO_TIME;
	const char *text = ask_text(ledger, format("SELECT %s FROM %s", column, table));
	assert_true(time_parse(text, strlen(text), &due));
	return (due - clock_read()) / S;
}

/* Budget 3 is three executions, and the waits grow. */
static void test_seedcore_fails(void **state)
{
	const char *token;
	struct ledger *ledger = begun(state, "seedcore", &token);
	for (int i = 0; i < 2; i++) {
		OK(verb_fail(ledger, TASK, token, "no", -1, false, &error));
		assert_string_equal(
			ask_text(ledger, "SELECT status, attempts, owner_id FROM tasks"),
			format("retry|%d|", i + 1));
		int64_t wait = wait_of(ledger, "run_after", "tasks");
		assert_true(wait >= 7 && wait <= 12);
		clock_pass(13 * S);
		token = claim(ledger, WORKER, 0);
	}
	OK(verb_fail(ledger, TASK, token, "no more", -1, false, &error));
	assert_string_equal(ask_text(ledger, "SELECT status, attempts, error FROM tasks"),
			    "failed|3|no more");
	assert_int_equal(audits(ledger, TASK, "fail"), 3);
	ledger_close(ledger);
}

static void test_cloacina_fails(void **state)
{
	const char *token;
	struct ledger *ledger = begun(state, "cloacina", &token);
	static const int64_t waits[] = { 10, 20 };
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		OK(verb_fail(ledger, TASK, token, "no", -1, false, &error));
		assert_string_equal(ask_text(ledger,
					     "SELECT status, attempt, recovery_attempts"
					     " FROM task_executions WHERE claimed_by IS NULL"),
				    format("Ready|%zu|0", i + 2));
		int64_t wait = wait_of(ledger, "retry_at", "task_executions");
		assert_true(wait >= waits[i] * 8 / 10 - 1 && wait <= waits[i] * 12 / 10);
		clock_pass(25 * S);
		token = claim(ledger, WORKER, 0);
	}
	OK(verb_fail(ledger, TASK, token, "no", -1, false, &error));
	assert_string_equal(ask_text(ledger, "SELECT status, last_error FROM task_executions"),
			    "Failed|no");
	FAILS(RECLAIM_INVALID,
	      verb_claim(ledger, &(struct claiming){ .owner = "no uuid", .count = 1 },
			 &(struct claims){ 0 }, &error));
	ledger_close(ledger);
}

static void test_foundry_gives_back(void **state)
{
	const char *token;
	struct ledger *ledger = begun(state, "foundry", &token);
	OK(verb_release(ledger, TASK, token, &error));
	assert_string_equal(ask_text(ledger,
				     "SELECT status FROM foundry_tasks WHERE claimed_by IS NULL"
				     " AND claimed_at IS NULL"),
			    "pending");
	token = claim(ledger, WORKER, 0);
	OK(verb_fail(ledger, TASK, token, "no", -1, false, &error));
	OK(verb_fail(ledger, TASK, token, "no", -1, false, &error)); /* a replay */
	FAILS(RECLAIM_NOT_ALLOWED, verb_complete(ledger, TASK, token, NULL, &error));
	assert_string_equal(ask_text(ledger, "SELECT status FROM foundry_tasks"), "failed");
	assert_int_equal(audits(ledger, TASK, NULL), 2);
	ledger_close(ledger);
}

/* A delegation's result is cut to 4096 bytes of whole characters. */
static void test_a_long_result(void **state)
{
	const char *token;
	struct ledger *ledger = begun(state, "delegations", &token);
	char result[6000] = "\"";
	for (size_t at = 1; at < 5000; at += 2) {
		memcpy(result + at, "ä", 3);
	}
	strcat(result, "\"");
	OK(verb_complete(ledger, TASK, token, result, &error));
	assert_int_equal(strlen(ask_text(ledger, "SELECT result_preview FROM delegations")),
			 4095);
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_what_a_host_does_itself),
		in_scene(test_the_old_seedcore_has_no_verbs),
		in_scene(test_seedcore_fails),
		in_scene(test_cloacina_fails),
		in_scene(test_foundry_gives_back),
		in_scene(test_a_long_result),
	};
	return cmocka_run_group_tests_name("host_verbs", tests, NULL, NULL);
}
