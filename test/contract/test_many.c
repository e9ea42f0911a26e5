/* Many submissions and many hand-ins in one call, on any engine: each has what it would alone. */
#include "scene.h"

#include <stdlib.h>

#define MANY 1203 /* more than two round trips, and a few */

static enum fault no_audit(void *context, const char *step, long number)
{
	(void)context;
	(void)number;
	return strcmp(step, "event") == 0 ? FAULT_BEFORE : FAULT_NONE;
}

static int64_t count(struct ledger *ledger, const char *table, const char *where)
{
	return ask(ledger->db,
		   format("SELECT count(*) FROM reclaim_%s WHERE %s", table, where));
}

/* ---- submit ---- */

static const char *const texts[] = {
	"1",
	"\"a \\\"quoted\\\" \\\\ text, with {braces}, 'quotes' and `more`\"",
	"\"NULL\"",
	"null",
	"{\"a\": [1, 2,  3], \"\": \"\\u0000\"}",
	"\"🐢 \\n\"",
	NULL,
};

static void describe(struct submission *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tasks[i] = (struct submission){
			.id = i % 2 ? format("id \"%zu\" \\, {it's}", i) : NULL,
			.kind = i % 3 ? format("%zu", i) : NULL,
			.queue = i % 5 ? NULL : "a queue",
			.payload = texts[i % COUNT_OF(texts)],
			.max_attempts = (int64_t)(i % 9) + 1,
			.priority = 5 - (int64_t)(i % 3),
			.deadline = i % 4 ? 0 : 3600 * S,
		};
	}
}

static void test_each_submission_is_what_was_said(void **state)
{
	struct ledger *ledger = open_own(state);
	static struct submission tasks[MANY];
	static char ids[MANY][RECLAIM_ID_SIZE];
	size_t bad;
	describe(tasks, MANY);
	OK(verb_submit(ledger, tasks, MANY, ids, &bad, &error));
	struct claims claims = { 0 };
	const struct claiming how = { .owner = "me", .count = MANY, .lease = 60 * S };
	OK(verb_claim(ledger, &how, &claims, &error));
	assert_int_equal(claims.count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		size_t at = 0;
		while (at < MANY && strcmp(ids[at], claims.items[i].id) != 0) {
			at++;
		}
		assert_in_range(at, 0, MANY - 1);
		const struct claimed *claim = &claims.items[i];
		const struct submission *task = &tasks[at];
		assert_true(!task->id || string_equal(claim->id, task->id));
		assert_string_equal(claim->queue, task->queue ? task->queue : "default");
		assert_string_equal(claim->kind, task->kind ? task->kind : "");
		assert_true(string_equal(claim->payload, task->payload));
		assert_int_equal(claim->max_attempts, task->max_attempts);
		assert_int_equal(claim->priority, task->priority);
		assert_int_equal(claim->deadline != NO_TIME, task->deadline != 0);
	}
	claims_finish(&claims);
	ledger_close(ledger);
}

static void test_a_key_counts_once_among_many(void **state)
{
	struct ledger *ledger = open_own(state);
	static struct submission tasks[MANY];
	static char first[1][RECLAIM_ID_SIZE], ids[MANY][RECLAIM_ID_SIZE];
	size_t bad;
	OK(verb_submit(ledger, &(struct submission){ .key = "key 7", .max_attempts = 1 }, 1,
		       first, &bad, &error));
	for (size_t i = 0; i < MANY; i++) {
		tasks[i] =
			(struct submission){ .key = i % 2 ? format("key %zu", i % 100) : NULL,
					     .max_attempts = 1 };
	}
	OK(verb_submit(ledger, tasks, MANY, ids, &bad, &error));
	for (size_t i = 1; i < MANY; i += 2) {
		assert_string_equal(ids[i], i % 100 == 7 ? first[0] : ids[i % 100]);
	}
	assert_int_equal(count(ledger, "tasks", "idempotency_key IS NOT NULL"), 50);
	assert_int_equal(count(ledger, "tasks", "idempotency_key IS NULL"), MANY / 2 + 1);
	ledger_close(ledger);
}

static void test_one_wrong_submission_undoes_all(void **state)
{
	struct ledger *ledger = open_own(state);
	static struct submission tasks[MANY];
	static char ids[MANY][RECLAIM_ID_SIZE];
	size_t bad = 0;
	describe(tasks, MANY);
	tasks[901].id = tasks[17].id;
	struct reclaim_error error = { 0 };
	assert_failed(verb_submit(ledger, tasks, MANY, ids, &bad, &error), RECLAIM_INVALID,
		      &error, "exists", tasks[17].id, NULL);
	assert_int_equal(bad, 901);
	assert_int_equal(count(ledger, "tasks", "1 = 1"), 0);
	ledger_close(ledger);
}

/* ---- hand in ---- */

enum kind { COMPLETES, FAILS, FAILS_FOR_GOOD, RELEASES, RENEWS, HAS_LOST, IS_NOBODYS, KINDS };

static void claim_many(struct ledger *ledger, size_t wanted, int64_t lease,
		       struct claims *ret_claims)
{
	static struct submission tasks[MANY];
	static char ids[MANY][RECLAIM_ID_SIZE];
	size_t bad;
	for (size_t i = 0; i < wanted; i++) {
		tasks[i] = (struct submission){ .max_attempts = 25 };
	}
	const struct claiming how = { .owner = "me", .count = (int64_t)wanted, .lease = lease };
	OK(verb_submit(ledger, tasks, wanted, ids, &bad, &error));
	OK(verb_claim(ledger, &how, ret_claims, &error));
	assert_int_equal(ret_claims->count, wanted);
}

static struct handing handing_of(const struct claimed *claim, enum kind kind)
{
	const struct handing of[KINDS] = {
		[COMPLETES] = { .verb = VERB_COMPLETE, .text = "\"{\\\"done\\\"}, \\\\\"" },
		[FAILS] = { .verb = VERB_FAIL, .text = "it's {\"no\", \\}\xff", .time = -1 },
		[FAILS_FOR_GOOD] = { .verb = VERB_FAIL, .text = "", .no_retry = true },
		[RELEASES] = { .verb = VERB_RELEASE },
		[RENEWS] = { .verb = VERB_RENEW, .text = "{\"at\": 1}", .time = 3600 * S },
		[HAS_LOST] = { .verb = VERB_COMPLETE, .text = "1" },
		[IS_NOBODYS] = { .verb = VERB_RELEASE },
	};
	struct handing handing = of[kind];
	handing.id = kind == IS_NOBODYS ? format("no %s", claim->id) : claim->id;
	handing.token = kind == HAS_LOST ? format("%s0", claim->token) : claim->token;
	return handing;
}

static void hand_in_all(struct ledger *ledger, const struct claims *claims)
{
	static const enum reclaim_status expected[KINDS] = {
		[HAS_LOST] = RECLAIM_LOST, [IS_NOBODYS] = RECLAIM_NOT_FOUND
	};
	static struct handing handings[MANY];
	static enum reclaim_status statuses[MANY];
	for (size_t i = 0; i < claims->count; i++) {
		handings[i] = handing_of(&claims->items[i], i % KINDS);
	}
	OK(verb_hand_in(ledger, handings, claims->count, statuses, &error));
	for (size_t i = 0; i < claims->count; i++) {
		assert_int_equal(statuses[i], expected[i % KINDS]);
	}
}

static void test_each_hand_in_has_its_own_answer(void **state)
{
	struct ledger *ledger = open_own(state);
	struct claims claims = { 0 };
	const size_t each = 170;
	claim_many(ledger, KINDS * each, 60 * S, &claims);
	hand_in_all(ledger, &claims);
	assert_int_equal(count(ledger, "tasks",
			       "state = 'completed' AND result = '\"{\\\"done\\\"}, \\\\\"'"),
			 each);
	assert_int_equal(count(ledger, "tasks",
			       "state = 'ready' AND attempts = 1 AND error = "
			       "'it''s {\"no\", \\}\xef\xbf\xbd'"),
			 each);
	assert_int_equal(count(ledger, "tasks", "state = 'failed' AND error = ''"), each);
	assert_int_equal(count(ledger, "tasks", "state = 'ready' AND attempts = 0"), each);
	assert_int_equal(count(ledger, "tasks",
			       "state = 'running' AND progress = '{\"at\": 1}' AND beat_at IS "
			       "NOT NULL"),
			 each);
	assert_int_equal(count(ledger, "tasks", "state = 'running' AND progress IS NULL"),
			 2 * each);
	assert_int_equal(count(ledger, "events", "owner = 'me' AND from_state = 'running'"),
			 4 * each);
	assert_int_equal(count(ledger, "events",
			       "act = 'fail' AND to_state = 'ready' AND reason LIKE 'it%'"),
			 each);
	/* The same once more: what was handed in is a replay, and writes nothing. */
	hand_in_all(ledger, &claims);
	assert_int_equal(count(ledger, "events", "1 = 1"), 4 * each);
	claims_finish(&claims);
	ledger_close(ledger);
}

static void test_a_task_may_stand_twice(void **state)
{
	struct ledger *ledger = open_own(state);
	struct claims claims = { 0 };
	enum reclaim_status statuses[4];
	claim_many(ledger, 2, 60 * S, &claims);
	const struct handing handings[] = {
		handing_of(&claims.items[0], COMPLETES),
		handing_of(&claims.items[1], RELEASES),
		handing_of(&claims.items[0], COMPLETES),
		handing_of(&claims.items[1], FAILS),
	};
	OK(verb_hand_in(ledger, handings, 4, statuses, &error));
	assert_int_equal(statuses[0] + statuses[1] + statuses[2], RECLAIM_OK);
	assert_int_equal(statuses[3], RECLAIM_LOST);
	assert_int_equal(count(ledger, "events", "1 = 1"), 2);
	claims_finish(&claims);
	ledger_close(ledger);
}

/* I14, and a sweep between claim and hand-in: those that were claimed anew are lost. */
static void test_many_late_completions(void **state)
{
	struct ledger *ledger = open_own(state);
	struct claims claims = { 0 }, again = { 0 };
	static struct handing handings[10];
	static enum reclaim_status statuses[10];
	claim_many(ledger, 10, /* lease= */ 1, &claims);
	assert_int_equal(sweep(ledger).requeued, 10);
	const struct claiming how = { .owner = "you", .count = 4, .lease = 60 * S };
	OK(verb_claim(ledger, &how, &again, &error));
	for (size_t i = 0; i < 10; i++) {
		handings[i] = handing_of(&claims.items[i], COMPLETES);
	}
	OK(verb_hand_in(ledger, handings, 10, statuses, &error));
	for (size_t i = 0; i < 10; i++) {
		bool taken = false;
		for (size_t j = 0; j < 4; j++) {
			taken |= string_equal(again.items[j].id, claims.items[i].id);
		}
		assert_int_equal(statuses[i], taken ? RECLAIM_LOST : RECLAIM_OK);
	}
	assert_int_equal(count(ledger, "events",
			       "act = 'complete' AND from_state = 'ready' "
			       "AND reason LIKE '%late%'"),
			 6);
	assert_int_equal(count(ledger, "tasks", "state = 'running' AND owner = 'you'"), 4);
	claims_finish(&claims);
	claims_finish(&again);
	ledger_close(ledger);
}

static void sweep_now(void *context)
{
	assert_int_equal(sweep(context).requeued, 1);
}

/* Somebody writes one of them between the look and the change: what it is then gives its answer. */
static void test_one_of_many_is_recovered_meanwhile(void **state)
{
	struct ledger *other = open_own(state);
	struct claims claims = { 0 }, short_one = { 0 };
	claim_many(other, 5, 3600 * S, &claims);
	claim_many(other, 1, /* lease= */ 1, &short_one);
	struct meanwhile recovered = {
		.after = "tasks", .before = "complete", .happens = sweep_now, .context = other
	};
	struct ledger *ledger = open_ledger(state, "reclaim", meanwhile, &recovered);
	struct handing handings[6];
	enum reclaim_status statuses[6];
	for (size_t i = 0; i < 6; i++) {
		const struct claims *from = i < 5 ? &claims : &short_one;
		handings[i] = handing_of(&from->items[i % 5], COMPLETES);
	}
	OK(ledger_plan(ledger, &error));
	OK(verb_hand_in(ledger, handings, 6, statuses, &error));
	assert_true(recovered.done);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(statuses[i], RECLAIM_OK);
	}
	assert_int_equal(count(ledger, "events", "act = 'complete' AND from_state = 'ready'"),
			 1);
	assert_int_equal(count(ledger, "events", "act = 'complete'"), 6);
	claims_finish(&claims);
	claims_finish(&short_one);
	ledger_close(ledger);
	ledger_close(other);
}

/* I4, I12: without their audit none of them has happened. */
static void test_no_audit_no_change(void **state)
{
	struct ledger *ledger = open_own(state);
	struct claims claims = { 0 };
	enum reclaim_status statuses[6];
	struct handing handings[6];
	claim_many(ledger, 6, 60 * S, &claims);
	ledger_close(ledger);
	for (size_t i = 0; i < 6; i++) {
		handings[i] = handing_of(&claims.items[i], i % 3 ? FAILS : COMPLETES);
	}
	ledger = open_ledger(state, "reclaim", no_audit, /* context= */ NULL);
	OK(ledger_plan(ledger, &error));
	FAILS(RECLAIM_UNAVAILABLE, verb_hand_in(ledger, handings, 6, statuses, &error));
	assert_int_equal(count(ledger, "tasks", "state = 'running'"), 6);
	assert_int_equal(count(ledger, "events", "1 = 1"), 0);
	claims_finish(&claims);
	ledger_close(ledger);
}

static void test_what_is_wrong_by_itself_is_wrong_among_many(void **state)
{
	struct ledger *ledger = open_own(state);
	struct claims claims = { 0 };
	enum reclaim_status statuses[2];
	claim_many(ledger, 2, 60 * S, &claims);
	struct handing handings[2] = { handing_of(&claims.items[0], COMPLETES),
				       handing_of(&claims.items[1], COMPLETES) };
	handings[1].text = "{";
	FAILS(RECLAIM_INVALID, verb_hand_in(ledger, handings, 2, statuses, &error));
	handings[1] = (struct handing){ .verb = VERB_FAIL, .text = "x", .time = INT64_MAX };
	handings[1].id = claims.items[1].id;
	handings[1].token = claims.items[1].token;
	FAILS(RECLAIM_INVALID, verb_hand_in(ledger, handings, 2, statuses, &error));
	handings[1].verb = VERB_CLAIM;
	FAILS(RECLAIM_INVALID, verb_hand_in(ledger, handings, 2, statuses, &error));
	assert_int_equal(count(ledger, "tasks", "state = 'running'"), 2);
	claims_finish(&claims);
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_each_submission_is_what_was_said),
		in_scene(test_a_key_counts_once_among_many),
		in_scene(test_one_wrong_submission_undoes_all),
		in_scene(test_each_hand_in_has_its_own_answer),
		in_scene(test_a_task_may_stand_twice),
		in_scene(test_many_late_completions),
		in_scene(test_no_audit_no_change),
		in_scene(test_what_is_wrong_by_itself_is_wrong_among_many),
	};
	/* A file has one writer at a time: nothing happens in between. */
	const struct CMUnitTest beside_others[] = {
		in_scene(test_one_of_many_is_recovered_meanwhile),
	};
	int failed = cmocka_run_group_tests_name("many", tests, NULL, NULL);
	return !engine_is_remote()
		       ? failed
		       : failed + cmocka_run_group_tests_name("beside others", beside_others,
							      NULL, NULL);
}
