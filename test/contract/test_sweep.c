/* A pass over our own ledger: caps, order, rows that can't be taken, dry runs, valve and grace (I8, I9, I10, I15). */
#include "scene.h"

#include "explain.h"
#include "turn.h"

static const struct pass_options whole = { .limit = -1 };

/* `count` tasks t0, t1, … each claimed by hand, one after the other. */
static void claim_many(struct ledger *ledger, int count)
{
	struct submission *tasks = calloc((size_t)count, sizeof(*tasks));
	char(*ids)[RECLAIM_ID_SIZE] = calloc((size_t)count, sizeof(*ids));
	size_t bad;
	assert_true(tasks && ids);
	for (int i = 0; i < count; i++) {
		tasks[i] = (struct submission){ .id = format("t%d", i), .max_attempts = 25 };
	}
	OK(verb_submit(ledger, tasks, (size_t)count, ids, &bad, &error));
	free(tasks);
	free(ids);
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = "me", .count = count, .lease = 30 * S };
	OK(verb_claim(ledger, &claiming, &claims, &error));
	assert_int_equal(claims.count, count);
	claims_finish(&claims);
}

/* Old enough for the valve to let go: its own tests have crowds that are younger. */
static void grow_old(void)
{
	clock_pass(61 * S);
}

static const char *ids_of(const struct sweep_result *result)
{
	TEXT_CLEANUP struct text text = { 0 };
	for (size_t i = 0; i < result->task_count; i++) {
		text_printf(&text, "%s%s:%s", i ? " " : "", result->tasks[i].id,
			    remedy_name(result->tasks[i].remedy));
	}
	return format("%s", text_string(&text));
}

static void test_an_empty_ledger(void **state)
{
	struct ledger *ledger = open_own(state);
	struct sweep_result result = swept(ledger, whole);
	assert_int_equal(result.stale + result.in_flight + result.held_back + result.blind, 0);
	assert_int_equal(result.task_count, 0);
	assert_false(result.valve.holding);
	assert_true(result.my_turn);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* ---- rows that can't be taken ---- */

/* Some of our tasks can't be taken: a trigger is against it. */
static const struct {
	const char *engine, *before, *after, *gone;
} refusals[] = {
	{ "sqlite", "CREATE TRIGGER refuse BEFORE UPDATE ON reclaim_tasks WHEN ",
	  " BEGIN SELECT RAISE(ABORT, 'not this one'); END", "DROP TRIGGER refuse" },
	{ "mariadb",
	  "CREATE TRIGGER refuse BEFORE UPDATE ON reclaim_tasks FOR EACH ROW BEGIN IF ",
	  " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END",
	  "DROP TRIGGER refuse" },
	{ "postgres",
	  "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
	  " $$ BEGIN RAISE 'not this one'; END $$;"
	  "CREATE TRIGGER refuse BEFORE UPDATE ON reclaim_tasks FOR EACH ROW WHEN (",
	  ") EXECUTE FUNCTION refuse()", "DROP TRIGGER refuse ON reclaim_tasks" },
};

/* NULL: none any more. */
static void refuse(struct ledger *ledger, const char *which)
{
	size_t i = 0;
	while (!runs_on(ledger->db, refusals[i].engine)) {
		i++;
	}
	script(ledger->db,
	       which ? format("%sNEW.state <> OLD.state AND OLD.state = 'running' AND %s%s",
			      refusals[i].before, which, refusals[i].after)
		     : refusals[i].gone);
}

static void test_one_bad_row_in_a_batch(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 50);
	refuse(ledger, "OLD.id = 't25'");
	grow_old();
	struct reclaim_error untouched = { .status = RECLAIM_OK, .message = "untouched" };
	struct sweep_result result = { 0 };
	assert_int_equal(pass_run(ledger, &whole, &result, &untouched), RECLAIM_OK);
	assert_string_equal(untouched.message, "untouched");
	assert_int_equal(result.requeued, 49);
	assert_int_equal(result.errors, 1);
	assert_int_equal(result.held_back, 0);
	assert_string_equal(result.problems[0].id, "t25");
	assert_non_null(strstr(result.problems[0].message, "not this one"));
	assert_int_equal(audits(ledger, NULL, "recover"), 49);
	sweep_result_finish(&result);
	refuse(ledger, NULL);
	assert_int_equal(sweep(ledger).requeued, 1); /* it is tried again in the next pass */
	ledger_close(ledger);
}

/* I8: they use no cap, are named and counted, and starve nobody. */
static void test_ten_thousand_bad_rows(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 10000);
	clock_pass(S);
	submit(ledger, "good");
	claim(ledger, "me", 30 * S);
	refuse(ledger, "OLD.id <> 'good'");
	grow_old();
	struct sweep_result result = swept(ledger, whole);
	assert_int_equal(result.errors, 10000);
	assert_int_equal(result.problem_count, 10000);
	assert_int_equal(result.requeued, 1);
	assert_string_equal(state_of(ledger, "good"), "ready");
	assert_int_equal(audits(ledger, NULL, "recover"), 1);
	assert_true(result.duration < 60 * S);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* ---- caps ---- */

static void test_caps(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int i = 0; i < 6; i++) { /* oldest claim first, whatever the id */
		submit(ledger, format("t%d", 9 - i));
		claim(ledger, "me", 30 * S);
	}
	grow_old();
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = 0 });
	assert_int_equal(result.stale, 6);
	assert_int_equal(result.held_back, 6);
	assert_int_equal(result.task_count, 0);
	sweep_result_finish(&result);
	result = swept(ledger, (struct pass_options){ .limit = 1 });
	assert_string_equal(ids_of(&result), "t9:requeue");
	assert_int_equal(result.held_back, 5);
	sweep_result_finish(&result);
	result = swept(ledger, (struct pass_options){ .limit = 3 });
	assert_string_equal(ids_of(&result), "t8:requeue t7:requeue t6:requeue");
	sweep_result_finish(&result);
	ledger->profile->per_sweep = 1;
	result = swept(ledger, (struct pass_options){ .limit = 100 }); /* a limit lowers */
	assert_int_equal(result.requeued, 1);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

static void test_two_passes_are_two_caps(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 2500);
	grow_old();
	static const int64_t taken[] = { 1000, 1000, 500, 0 };
	for (size_t i = 0; i < COUNT_OF(taken); i++) {
		struct sweep_result result = sweep(ledger);
		assert_int_equal(result.requeued, taken[i]);
		assert_int_equal(result.held_back, result.stale - taken[i]);
	}
	ledger_close(ledger);
}

/* The turn makes one pass an interval of it, however many daemons run; a one-shot sweep does not ask. */
static void test_turns(void **state)
{
	struct ledger *ledger = open_own(state);
	const struct pass_options daemon = { .limit = -1, .wait_turn = true };
	struct sweep_result result = swept(ledger, daemon);
	assert_true(result.my_turn);
	sweep_result_finish(&result);
	result = swept(ledger, daemon);
	assert_false(result.my_turn);
	sweep_result_finish(&result);
	assert_true(sweep(ledger).my_turn);
	clock_pass(6 * S);
	result = swept(ledger, daemon);
	assert_true(result.my_turn);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* ---- dry runs ---- */

static void mixed_lot(struct ledger *ledger)
{
	submit_task(ledger, &(struct submission){ .id = "spent", .max_attempts = 1 });
	claim(ledger, "ann", 30 * S);
	submit_task(ledger, &(struct submission){ .id = "late", .deadline = 40 * S });
	claim(ledger, "bob", 900 * S);
	submit(ledger, "silent");
	claim_as(ledger, enrol(ledger, 30 * S), 1);
	submit(ledger, "gone");
	const char *gone = enrol(ledger, 900 * S);
	claim_as(ledger, gone, 1);
	OK(worker_stop(ledger, gone, &error));
	submit(ledger, "alive");
	claim(ledger, "cid", 900 * S);
	submit_task(ledger, &(struct submission){ .id = "unclaimed", .deadline = 40 * S });
}

/* I9: the same rows with the same remedies, by the same words. */
static void test_a_dry_run_tells_the_truth(void **state)
{
	struct ledger *ledger = open_own(state);
	mixed_lot(ledger);
	grow_old();
	struct sweep_result dry =
		swept(ledger, (struct pass_options){ .dry_run = true, .limit = -1 });
	assert_int_equal(audits(ledger, NULL, NULL), 0);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_ledgers"), 0);
	struct sweep_result real = swept(ledger, whole);
	assert_string_equal(ids_of(&dry),
			    "spent:stuck late:fail silent:requeue gone:requeue unclaimed:fail");
	assert_string_equal(ids_of(&dry), ids_of(&real));
	assert_true(dry.stale == real.stale && dry.held_back == real.held_back);
	for (size_t i = 0; i < dry.task_count; i++) {
		assert_string_equal(dry.tasks[i].rule, real.tasks[i].rule);
		assert_string_equal(dry.tasks[i].token, real.tasks[i].token);
	}
	assert_string_equal(real.tasks[3].rule, "evidence");
	sweep_result_finish(&dry);
	sweep_result_finish(&real);
	assert_int_equal(sweep(ledger).stale, 0);
	assert_string_equal(state_of(ledger, "alive"), "running");
	ledger_close(ledger);
}

static void test_a_dry_run_is_read_only(void **state)
{
	struct ledger *ledger = open_own(state), *reader = NULL;
	mixed_lot(ledger);
	grow_old();
	const struct ledger_options options = { .url = ledger_url(state, "reclaim"),
						.profile = "reclaim",
						.db = { .read_only = true } };
	OK(ledger_open(&options, &reader, &error));
	struct sweep_result dry =
		swept(reader, (struct pass_options){ .dry_run = true, .limit = 2 });
	assert_string_equal(ids_of(&dry), "spent:stuck late:fail");
	assert_int_equal(dry.held_back, 3);
	sweep_result_finish(&dry);
	FAILS(RECLAIM_UNAVAILABLE, pass_run(reader, &whole, &dry, &error));
	ledger_close(reader);
	ledger_close(ledger);
}

/* ---- valve and grace ---- */

static void test_the_valve_holds_a_crowd(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 20);
	clock_pass(31 * S);
	struct sweep_result dry =
		swept(ledger, (struct pass_options){ .dry_run = true, .limit = -1 });
	assert_true(dry.valve.holding);
	assert_int_equal(dry.task_count, 0);
	assert_int_equal(dry.held_back, 20);
	sweep_result_finish(&dry);
	struct sweep_result result = sweep(ledger);
	assert_true(result.valve.holding);
	assert_int_equal(result.held_back, 20);
	assert_int_equal(result.requeued, 0);
	assert_true(ask_time(ledger, "SELECT valve_until FROM reclaim_ledgers") ==
		    result.valve.until);
	struct explanation why = { 0 };
	OK(explain(ledger, "t7", &why, &error));
	assert_true(why.valve_holds);
	explanation_finish(&why);
	clock_pass(30 * S); /* twice the lease */
	result = sweep(ledger);
	assert_false(result.valve.holding);
	assert_int_equal(result.requeued, 20);
	ledger_close(ledger);
}

static void test_force_opens_the_valve(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 25);
	clock_pass(31 * S);
	struct sweep_result result =
		swept(ledger, (struct pass_options){ .limit = 10, .force = true });
	assert_int_equal(result.requeued, 10); /* it does not lift the cap */
	assert_false(result.valve.holding);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* The workers of a crowd that is held are not ended: one beat, and all is as it was. */
static void test_the_valve_spares_workers(void **state)
{
	struct ledger *ledger = open_own(state);
	const char *workers[4];
	for (int w = 0; w < 4; w++) {
		for (int i = 0; i < 5; i++) {
			submit(ledger, format("t%d.%d", w, i));
		}
		workers[w] = enrol(ledger, 30 * S);
		assert_int_equal(claim_as(ledger, workers[w], 5), 5);
	}
	clock_pass(31 * S);
	assert_int_equal(sweep(ledger).held_back, 20);
	for (int w = 0; w < 4; w++) {
		struct holding holding = { 0 };
		OK(worker_beat(ledger, workers[w], 30 * S, &holding, &error));
		assert_int_equal(holding.count, 5);
		holding_finish(&holding);
	}
	assert_int_equal(sweep(ledger).stale, 0);
	ledger_close(ledger);
}

/* A single box that died is recovered at once while others claim; the find's bound does not hide them. */
static void test_one_dead_box_is_no_mass_event(void **state)
{
	struct ledger *ledger = open_own(state);
	claim_many(ledger, 25);
	clock_pass(20 * S);
	for (int i = 0; i < 25; i++) {
		submit(ledger, format("other%d", i));
		claim(ledger, "alive", 900 * S);
	}
	clock_pass(11 * S);
	struct sweep_result result = sweep(ledger);
	assert_false(result.valve.holding);
	assert_int_equal(result.requeued, 25);
	ledger_close(ledger);
}

static void test_grace_after_an_outage(void **state)
{
	struct ledger *ledger = open_own(state);
	mixed_lot(ledger);
	enrol(ledger,
	      30 * S); /* idle: nothing of it is taken, and its lease is not ended either */
	clock_pass(45 * S);
	OK(turn_outage(ledger, 5 * S, &error));
	struct sweep_result result = swept(ledger, whole);
	assert_true(result.grace);
	assert_string_equal(
		ids_of(&result),
		"late:fail gone:requeue unclaimed:fail"); /* limits and proof go on */
	assert_int_equal(result.held_back, 2);
	sweep_result_finish(&result);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_workers WHERE state = 'lost'"),
		0);
	clock_pass(14 * S);
	assert_int_equal(sweep(ledger).held_back, 2);
	clock_pass(2 * S); /* its length and one beat are over */
	result = swept(ledger, whole);
	assert_false(result.grace);
	assert_string_equal(ids_of(&result), "spent:stuck silent:requeue");
	sweep_result_finish(&result);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_workers WHERE state = 'lost'"),
		2);
	ledger_close(ledger);
}

/* The daemon's own start-up grace holds all silence and nothing else. */
static void test_startup_grace(void **state)
{
	struct ledger *ledger = open_own(state);
	mixed_lot(ledger);
	clock_pass(500 * S);
	struct sweep_result result =
		swept(ledger, (struct pass_options){ .limit = -1, .startup_grace = true });
	assert_string_equal(ids_of(&result), "late:fail gone:requeue unclaimed:fail");
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* I8: a worker whose claims the cap leaves for later is left too, and saves them by a beat. */
static void test_the_cap_spares_workers(void **state)
{
	struct ledger *ledger = open_own(state);
	struct holding holding = { 0 };
	submit(ledger, "t");
	const char *worker = enrol(ledger, 30 * S);
	assert_int_equal(claim_as(ledger, worker, 1), 1);
	clock_pass(90 * S);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = 0 });
	assert_int_equal(result.stale, 1);
	assert_int_equal(result.held_back, 1);
	sweep_result_finish(&result);
	OK(worker_beat(ledger, worker, 30 * S, &holding, &error));
	assert_int_equal(holding.count, 1);
	holding_finish(&holding);
	assert_int_equal(sweep(ledger).stale, 0);
	ledger_close(ledger);
}

/* What explain says is what the sweep does. */
static void test_explain_agrees(void **state)
{
	static const struct {
		const char *id;
		enum outcome outcome;
		const char *rule;
	} expected[] = {
		{ "spent", OUTCOME_STALE, "lease" },
		{ "late", OUTCOME_STALE, "deadline" },
		{ "silent", OUTCOME_STALE, "lease" },
		{ "gone", OUTCOME_STALE, "evidence" },
		{ "alive", OUTCOME_FINE, NULL },
		{ "unclaimed", OUTCOME_STALE, "deadline" },
	};
	struct ledger *ledger = open_own(state);
	mixed_lot(ledger);
	grow_old();
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		struct explanation why = { 0 };
		OK(explain(ledger, expected[i].id, &why, &error));
		assert_int_equal(why.verdict.outcome, expected[i].outcome);
		assert_true(string_equal(why.verdict.rule ? why.verdict.rule->name : NULL,
					 expected[i].rule));
		explanation_finish(&why);
	}
	FAILS(RECLAIM_NOT_FOUND, explain(ledger, "nobody", &(struct explanation){ 0 }, &error));
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_an_empty_ledger),
		in_scene(test_one_bad_row_in_a_batch),
		in_scene(test_ten_thousand_bad_rows),
		in_scene(test_caps),
		in_scene(test_two_passes_are_two_caps),
		in_scene(test_turns),
		in_scene(test_a_dry_run_tells_the_truth),
		in_scene(test_a_dry_run_is_read_only),
		in_scene(test_the_valve_holds_a_crowd),
		in_scene(test_force_opens_the_valve),
		in_scene(test_the_valve_spares_workers),
		in_scene(test_the_cap_spares_workers),
		in_scene(test_one_dead_box_is_no_mass_event),
		in_scene(test_grace_after_an_outage),
		in_scene(test_startup_grace),
		in_scene(test_explain_agrees),
	};
	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
