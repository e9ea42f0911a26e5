/* What each verb promises beyond its place in the table: submit, claim, renew, fail, retry, prune. */
#include "scene.h"

static enum reclaim_status submit_one(struct ledger *ledger, struct submission task,
				      char (*ret_id)[RECLAIM_ID_SIZE],
				      struct reclaim_error *error)
{
	size_t bad = 7;
	task.max_attempts = task.max_attempts ? task.max_attempts : 25;
	enum reclaim_status status = verb_submit(ledger, &task, 1, ret_id, &bad, error);
	assert_int_equal(bad, status == RECLAIM_INVALID ? 0 : 7);
	return status;
}

static const char *id_of_size(size_t size)
{
	char id[300];
	memset(id, 'x', size);
	id[size] = '\0';
	return format("%s", id);
}

static void test_ids(void **state)
{
	struct ledger *ledger = open_own(state);
	const char *const good[] = {
		"a",     "it's \"quoted\" `so`", " spaces in it ",    "🐢🐢",
		"a/b%c", "tab\tand\nline",       "-- ; DROP TABLE x", id_of_size(255)
	};
	char id[1][RECLAIM_ID_SIZE];
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		OK(submit_one(ledger, (struct submission){ .id = good[i] }, id, &error));
		assert_string_equal(id[0], good[i]);
		const char *token = claim(ledger, "me", S);
		OK(verb_complete(ledger, good[i], token, NULL, &error));
	}
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'completed'"),
		8);
	OK(submit_one(ledger, (struct submission){ 0 }, id, &error));
	assert_int_equal(strlen(id[0]), 36);
	ledger_close(ledger);
}

static void test_refusals_name_the_field(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "taken");
	const struct {
		struct submission task;
		const char *said;
	} cases[] = {
		{ { .id = "" }, "id" },
		{ { .id = id_of_size(256) }, "256 bytes" },
		{ { .id = "a\0b", .id_size = 3 }, "NUL" },
		{ { .id = "\xff" }, "UTF-8" },
		{ { .id = "taken" }, "exists" },
		{ { .id = "taken", .payload = "{" }, "payload" },
		{ { .queue = "" }, "queue" },
		{ { .key = "" }, "key" },
		{ { .kind = id_of_size(256) }, "kind" },
		{ { .payload = "{\"a\":" }, "payload" },
		{ { .payload = "" }, "payload" },
		{ { .payload = "\"\xc3\"" }, "payload" },
		{ { .payload = "1 2" }, "payload" },
		{ { .max_attempts = -1 }, "max_attempts" },
		{ { .priority = INT64_C(1) << 40 }, "priority" },
		{ { .delay = -1 }, "delay" },
		{ { .delay = INT64_MAX }, "delay" },
		{ { .deadline = -1 }, "deadline" },
		{ { .deadline = INT64_MAX }, "deadline" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		char id[1][RECLAIM_ID_SIZE];
		assert_failed(submit_one(ledger, cases[i].task, id, &error), RECLAIM_INVALID,
			      &error, cases[i].said, NULL);
	}
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_tasks"), 1);
	ledger_close(ledger);
}

static void test_all_or_none(void **state)
{
	struct ledger *ledger = open_own(state);
	struct submission tasks[] = { { .id = "a", .max_attempts = 1 },
				      { .id = "b", .max_attempts = 1 },
				      { .id = "a", .max_attempts = 1 },
				      { .id = "c", .max_attempts = 1 } };
	char ids[4][RECLAIM_ID_SIZE];
	size_t bad = 0;
	FAILS(RECLAIM_INVALID, verb_submit(ledger, tasks, 4, ids, &bad, &error));
	assert_int_equal(bad, 2);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_tasks"), 0);
	tasks[2].id = "d";
	OK(verb_submit(ledger, tasks, 4, ids, &bad, &error));
	assert_string_equal(ids[2], "d");
	ledger_close(ledger);
}

static void test_a_key_is_submitted_once(void **state)
{
	struct ledger *ledger = open_own(state);
	char first[1][RECLAIM_ID_SIZE], again[1][RECLAIM_ID_SIZE];
	OK(submit_one(ledger, (struct submission){ .key = "k", .payload = "1" }, first,
		      &error));
	OK(submit_one(ledger, (struct submission){ .key = "k", .payload = "2" }, again,
		      &error));
	assert_string_equal(first[0], again[0]);
	OK(submit_one(ledger, (struct submission){ .key = "k", .queue = "other" }, again,
		      &error));
	assert_string_not_equal(first[0], again[0]);
	const char *token = claim(ledger, "me", S);
	OK(verb_complete(ledger, first[0], token, NULL, &error));
	OK(submit_one(ledger, (struct submission){ .key = "k" }, again, &error));
	assert_string_equal(first[0], again[0]);
	struct pruned pruned;
	clock_pass(10 * S);
	OK(prune(ledger, S, /* dry_run= */ false, &pruned, &error));
	OK(submit_one(ledger, (struct submission){ .key = "k" }, again, &error));
	assert_string_not_equal(first[0], again[0]); /* until it is pruned */
	ledger_close(ledger);
}

static void test_a_payload_is_kept_byte_for_byte(void **state)
{
	struct ledger *ledger = open_own(state);
	size_t size = 16 << 20;
	char *large = malloc(size + 1);
	assert_non_null(large);
	memset(large, 'z', size);
	large[0] = large[size - 1] = '"';
	large[size] = '\0';
	const char *const payloads[] = {
		"{ \"b\" : 1,\n\"a\":1.50, \"u\":\"\\u00e4 \\u0000 ä\" }",
		"12345678901234567890123", "null", large
	};
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		struct claims claims = { 0 };
		submit_task(ledger, &(struct submission){ .payload = payloads[i] });
		const struct claiming claiming = { .owner = "me", .count = 1, .lease = S };
		OK(verb_claim(ledger, &claiming, &claims, &error));
		assert_string_equal(claims.items[0].payload, payloads[i]);
		claims_finish(&claims);
	}
	free(large);
	ledger_close(ledger);
}

/* ---- claim ---- */

static const char *claim_ids(struct ledger *ledger, const char *queue, int64_t count)
{
	struct claims claims = { 0 };
	TEXT_CLEANUP struct text ids = { 0 };
	const struct claiming claiming = {
		.owner = "me", .queue = queue, .count = count, .lease = S
	};
	OK(verb_claim(ledger, &claiming, &claims, &error));
	for (size_t i = 0; i < claims.count; i++) {
		text_printf(&ids, "%s%s", i ? " " : "", claims.items[i].id);
	}
	claims_finish(&claims);
	return format("%s", text_string(&ids));
}

static void test_claim_order(void **state)
{
	struct ledger *ledger = open_own(state);
	submit_task(ledger, &(struct submission){ .id = "low", .priority = -5 });
	submit_task(ledger, &(struct submission){ .id = "first" });
	submit_task(ledger, &(struct submission){ .id = "second" });
	submit_task(ledger, &(struct submission){ .id = "high", .priority = 9 });
	submit_task(ledger,
		    &(struct submission){ .id = "later", .priority = 99, .delay = 60 * S });
	submit_task(ledger, &(struct submission){ .id = "else", .queue = "q" });
	assert_string_equal(claim_ids(ledger, "q", 5), "else");
	assert_string_equal(claim_ids(ledger, "none", 5), "");
	assert_string_equal(claim_ids(ledger, NULL, 2), "high first");
	assert_string_equal(claim_ids(ledger, "default", 9), "second low");
	assert_string_equal(claim_ids(ledger, NULL, 9), "");
	clock_pass(60 * S);
	assert_string_equal(claim_ids(ledger, NULL, 9), "later");
	FAILS(RECLAIM_INVALID,
	      verb_claim(ledger, &(struct claiming){ .owner = "", .count = 1 }, NULL, &error));
	FAILS(RECLAIM_INVALID,
	      verb_claim(ledger, &(struct claiming){ .owner = "me", .count = 0 }, NULL,
			 &error));
	ledger_close(ledger);
}

static void test_a_deadline_passes(void **state)
{
	struct ledger *ledger = open_own(state);
	submit_task(ledger, &(struct submission){ .id = "t", .deadline = 60 * S });
	clock_pass(61 * S);
	assert_string_equal(claim_ids(ledger, NULL, 1), ""); /* too late to begin */
	assert_int_equal(sweep(ledger).failed, 1);
	assert_string_equal(state_of(ledger, "t"), "failed");
	assert_int_equal(audits(ledger, "t", "deadline"), 1);
	OK(verb_retry(ledger, "t", &error));
	assert_int_equal(ask_time(ledger, "SELECT deadline FROM reclaim_tasks") -
				 ask_time(ledger, "SELECT due_at FROM reclaim_tasks"),
			 60 * S);
	assert_string_equal(claim_ids(ledger, NULL, 1), "t");
	ledger_close(ledger);
}

static void test_tokens_only_grow(void **state)
{
	struct ledger *ledger = open_own(state);
	long long last = 0;
	submit(ledger, "t");
	for (int i = 0; i < 50; i++) {
		const char *token = claim(ledger, "me", S);
		assert_true(atoll(token) > last && atoll(token) <= last + (1 << 20));
		last = atoll(token);
		OK(verb_release(ledger, "t", token, &error));
	}
	assert_string_equal(ask_text(ledger, "SELECT attempts FROM reclaim_tasks"), "0");
	ledger_close(ledger);
}

/* ---- while it runs, and after ---- */

static void test_a_renewal_never_shortens(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *token = claim(ledger, "me", 100 * S);
	int64_t until = ask_time(ledger, "SELECT lease_until FROM reclaim_tasks");
	OK(verb_renew(ledger, "t", token, 10 * S, NULL, &error));
	assert_true(ask_time(ledger, "SELECT lease_until FROM reclaim_tasks") == until);
	OK(verb_renew(ledger, "t", token, 200 * S, "{\"step\":2}", &error));
	int64_t later = ask_time(ledger, "SELECT lease_until FROM reclaim_tasks");
	assert_true(later > until + 99 * S);
	OK(verb_renew(ledger, "t", token, 0, "{\"step\":3}", &error));
	assert_true(ask_time(ledger, "SELECT lease_until FROM reclaim_tasks") == later);
	assert_string_equal(ask_text(ledger, "SELECT progress FROM reclaim_tasks"),
			    "{\"step\":3}");
	FAILS(RECLAIM_INVALID, verb_renew(ledger, "t", token, 0, "{", &error));
	FAILS(RECLAIM_INVALID, verb_complete(ledger, "t", token, "{", &error));
	clock_pass(150 * S);
	assert_int_equal(sweep(ledger).stale, 0);
	ledger_close(ledger);
}

static void test_failing_and_coming_back(void **state)
{
	struct ledger *ledger = open_own(state);
	submit_task(ledger, &(struct submission){ .id = "t", .max_attempts = 3 });
	static const int64_t waits[] = { 10, 20 };
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		OK(verb_fail(ledger, "t", claim(ledger, "me", S), "no", -1, false, &error));
		assert_string_equal(state_of(ledger, "t"), "ready");
		int64_t wait = ask_time(ledger, "SELECT due_at FROM reclaim_tasks") -
			       ask_time(ledger, "SELECT updated_at FROM reclaim_tasks");
		assert_true(wait >= waits[i] * S * 8 / 10 && wait <= waits[i] * S * 12 / 10);
		clock_pass(30 * S);
	}
	OK(verb_fail(ledger, "t", claim(ledger, "me", S), "no \xff", 0, false, &error));
	assert_string_equal(state_of(ledger, "t"), "failed"); /* the third of three */
	assert_string_equal(ask_text(ledger, "SELECT error FROM reclaim_tasks"),
			    "no \xef\xbf\xbd");
	OK(verb_retry(ledger, "t", &error));
	assert_string_equal(
		ask_text(ledger, "SELECT attempts || '/' || recoveries FROM reclaim_tasks"),
		"0/0");
	OK(verb_fail(ledger, "t", claim(ledger, "me", S), "no", 0, false, &error));
	const char *token = claim(ledger, "me", S); /* due at once */
	OK(verb_fail(ledger, "t", token, "never", 0, /* no_retry= */ true, &error));
	assert_string_equal(state_of(ledger, "t"), "failed");
	ledger_close(ledger);
}

/* I5: three recoveries, then stuck with the evidence; an operator's retry gives a fresh budget. */
static void test_recoveries_are_counted(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	for (int i = 0; i < 3; i++) {
		claim(ledger, "me", S);
		clock_pass(2 * S);
		assert_int_equal(sweep(ledger).requeued, 1);
	}
	claim(ledger, "me", S);
	clock_pass(2 * S);
	assert_int_equal(sweep(ledger).stuck, 1);
	assert_string_equal(ask_text(ledger, "SELECT owner FROM reclaim_tasks"), "me");
	assert_string_equal(ask_text(ledger, "SELECT error FROM reclaim_tasks"),
			    "lease of me ended; 4 attempts and 3 recoveries used up");
	clock_pass(900 * S);
	assert_int_equal(sweep(ledger).stale, 0); /* parked in plain sight */
	OK(verb_retry(ledger, "t", &error));
	claim(ledger, "me", S);
	clock_pass(2 * S);
	assert_int_equal(sweep(ledger).requeued, 1);
	ledger_close(ledger);
}

static void test_prune_in_batches(void **state)
{
	struct ledger *ledger = open_own(state);
	struct submission *tasks = calloc(2500, sizeof(*tasks));
	char(*ids)[RECLAIM_ID_SIZE] = calloc(2500, sizeof(*ids));
	size_t bad;
	assert_true(tasks && ids);
	for (size_t i = 0; i < 2500; i++) {
		tasks[i].max_attempts = 1;
	}
	OK(verb_submit(ledger, tasks, 2500, ids, &bad, &error));
	for (size_t i = 0; i < 2499; i++) {
		OK(verb_cancel(ledger, ids[i], &error));
	}
	free(tasks);
	free(ids);
	struct pruned pruned = { 0 };
	OK(prune(ledger, 10 * S, false, &pruned, &error));
	assert_int_equal(pruned.tasks + pruned.events, 0);
	clock_pass(60 * S);
	OK(prune(ledger, 10 * S, /* dry_run= */ true, &pruned, &error));
	assert_int_equal(pruned.tasks, 2499);
	assert_int_equal(audits(ledger, NULL, NULL), 2499);
	OK(prune(ledger, 10 * S, false, &pruned, &error));
	assert_int_equal(pruned.tasks, 2499);
	assert_int_equal(pruned.events, 2499);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_tasks"), 1);
	ledger_close(ledger);
}

/* A running claim that nobody holds is over (a claim with neither a lease nor a worker row). */
static void test_a_claim_without_any_lease_is_over(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *worker = enrol(ledger, 30 * S);
	assert_int_equal(claim_as(ledger, worker, 1), 1);
	assert_int_equal(sweep(ledger).stale, 0);
	script(ledger->db, "DELETE FROM reclaim_workers");
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, 1);
	assert_int_equal(result.blind, 0);
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_ids),
		in_scene(test_refusals_name_the_field),
		in_scene(test_all_or_none),
		in_scene(test_a_key_is_submitted_once),
		in_scene(test_a_payload_is_kept_byte_for_byte),
		in_scene(test_claim_order),
		in_scene(test_a_deadline_passes),
		in_scene(test_tokens_only_grow),
		in_scene(test_a_renewal_never_shortens),
		in_scene(test_failing_and_coming_back),
		in_scene(test_recoveries_are_counted),
		in_scene(test_prune_in_batches),
		in_scene(test_a_claim_without_any_lease_is_over),
	};
	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
