/*
 * Killed before and after each step: every task is changed whole, with its one audit row, or not at all, and who comes
 * next finishes the job (I12).
 */
#include "scene.h"

#define TASKS 4

struct killing {
	void **state;
	const char *profile, *verb;
	const char *workers[2];
	long at;
	enum fault fault;
};

static enum fault kill_at(void *context, const char *name, long step)
{
	const struct killing *k = context;
	(void)name;
	return step == k->at ? k->fault : FAULT_NONE;
}

static int sweep_and_die(void *context)
{
	struct killing *k = context;
	struct ledger *ledger = open_ledger(k->state, k->profile, kill_at, k);
	sweep(ledger);
	ledger_close(ledger);
	return 0;
}

/* Runs `test` in a child that dies at step 1, 2, 3, … until one does not; `check` after each. */
static void kill_everywhere(void **state, struct killing killing, int (*test)(void *),
			    void (*check)(const struct killing *))
{
	static const enum fault faults[] = { FAULT_KILL_BEFORE, FAULT_KILL_AFTER };
	killing.state = state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		int code = 128 + 9;
		killing.fault = faults[i];
		for (killing.at = 1; code == 128 + 9; killing.at++) {
			ledger_restore(state, killing.profile);
			code = in_child(test, &killing, /* drop_rights= */ false);
			assert_true(code == 0 || code == 128 + 9);
			ledger_alone(state, killing.profile);
			check(&killing);
		}
		assert_true(killing.at > 8);
	}
}

/* ---- a sweep of our own ledger ---- */

static void check_own(const struct killing *k)
{
	struct ledger *ledger = open_ledger(k->state, "reclaim", NULL, NULL);
	OK(ledger_plan(ledger, &error));
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_tasks WHERE NOT"
					 " ((state = 'running' AND recoveries = 0 AND owner IS "
					 "NOT NULL AND error IS NULL)"
					 " OR (state = 'ready' AND recoveries = 1 AND owner IS "
					 "NULL AND error IS NOT NULL))"),
			 0);
	for (int i = 0; i < TASKS; i++) {
		const char *id = format("t%d", i);
		assert_int_equal(audits(ledger, id, "recover"),
				 ask(ledger->db, format("SELECT recoveries FROM reclaim_tasks"
							" WHERE id = '%s'",
							id)));
	}
	/* A worker whose claim was taken is ended. */
	for (size_t i = 0; i < COUNT_OF(k->workers); i++) {
		const char *id = k->workers[i];
		bool active = ask(ledger->db, format("SELECT count(*) FROM reclaim_workers"
						     " WHERE id = '%s' AND state = 'active'",
						     id)) == 1;
		int64_t taken = ask(
			ledger->db,
			format("SELECT count(*) FROM reclaim_events WHERE owner = '%s'", id));
		assert_true(!active || taken == 0);
	}
	sweep(ledger);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'"),
		TASKS);
	assert_int_equal(audits(ledger, NULL, "recover"), TASKS);
	if (runs_on(ledger->db, "sqlite")) { /* it ran in the process that was killed */
		assert_string_equal(ask_text(ledger, "PRAGMA integrity_check"), "ok");
	}
	ledger_close(ledger);
}

static void test_a_sweep_of_our_own_ledger(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int i = 0; i < TASKS; i++) {
		submit(ledger, format("t%d", i));
	}
	claim(ledger, "by hand", 30 * S);
	struct killing killing = { .profile = "reclaim" };
	for (int i = 0; i < 2; i++) {
		killing.workers[i] = enrol(ledger, 30 * S);
		assert_int_equal(claim_as(ledger, killing.workers[i], 2 - i), 2 - i);
	}
	ledger_close(ledger);
	clock_pass(31 * S);
	ledger_save(state, "reclaim");
	kill_everywhere(state, killing, sweep_and_die, check_own);
}

/* ---- a sweep of a host's ledger, whose own audit is in the transaction too ---- */

static void check_foundry(const struct killing *k)
{
	struct ledger *ledger = open_ledger(k->state, "foundry", NULL, NULL);
	OK(ledger_plan(ledger, &error));
	OK(ledger_make_host_tables(ledger, &error));
	assert_int_equal(
		ask(ledger->db,
		    "SELECT count(*) FROM foundry_tasks WHERE NOT"
		    " ((status = 'claimed' AND claimed_by IS NOT NULL AND claimed_at IS NOT "
		    "NULL)"
		    " OR (status = 'pending' AND claimed_by IS NULL AND claimed_at IS NULL))"),
		0);
	for (int i = 0; i < TASKS; i++) {
		const char *id = format("t%d", i);
		bool taken =
			strcmp(host_status(ledger, host_named("foundry"), id), "pending") == 0;
		assert_int_equal(audits(ledger, id, NULL), taken);
		assert_int_equal(
			ask(ledger->db,
			    format("SELECT count(*) FROM task_audit_log WHERE task_id = '%s'",
				   id)),
			taken);
	}
	sweep(ledger);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM foundry_tasks WHERE status = 'pending'"),
		TASKS);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM task_audit_log"), TASKS);
	assert_int_equal(audits(ledger, NULL, "recover"), TASKS);
	ledger_close(ledger);
}

static void test_a_sweep_of_a_hosts_ledger(void **state)
{
	const struct host *host = host_named("foundry");
	struct ledger *ledger = open_host(state, host);
	for (int i = 0; i < TASKS; i++) {
		host_add(ledger, host, format("t%d", i));
		claim(ledger, i % 2 ? "ann" : "bob", /* lease= */ 0);
	}
	OK(verb_beat(ledger, "ann", NULL, &error));
	OK(verb_beat(ledger, "bob", NULL, &error));
	ledger_close(ledger);
	clock_pass(301 * S);
	ledger_save(state, "foundry");
	kill_everywhere(state, (struct killing){ .profile = "foundry" }, sweep_and_die,
			check_foundry);
}

/* ---- a worker ---- */

static enum reclaim_status hand_in(struct ledger *ledger, const char *verb, const char *token)
{
	if (strcmp(verb, "complete") == 0) {
		return verb_complete(ledger, "t", token, "1", NULL);
	}
	return strcmp(verb, "fail") == 0 ? verb_fail(ledger, "t", token, "no", 0, true, NULL)
					 : verb_release(ledger, "t", token, NULL);
}

static int work_and_die(void *context)
{
	struct killing *k = context;
	struct ledger *ledger = open_ledger(k->state, "reclaim", kill_at, k);
	OK(ledger_plan(ledger, &error));
	submit(ledger, "t");
	const char *token = claim(ledger, "me", 30 * S);
	OK(verb_renew(ledger, "t", token, 30 * S, "1", &error));
	OK(hand_in(ledger, k->verb, token));
	ledger_close(ledger);
	return 0;
}

static const char *end_of(const char *verb)
{
	return strcmp(verb, "complete") == 0 ? "completed"
	       : strcmp(verb, "fail") == 0   ? "failed"
					     : "ready";
}

static void check_work(const struct killing *k)
{
	struct ledger *ledger = open_ledger(k->state, "reclaim", NULL, NULL);
	OK(ledger_plan(ledger, &error));
	const char *now = state_of(ledger, "t"), *end = end_of(k->verb);
	bool ended = ask(ledger->db,
			 "SELECT count(*) FROM reclaim_tasks WHERE closed_as IS NOT NULL") == 1;
	assert_int_equal(audits(ledger, "t", k->verb), ended);
	assert_string_equal(now, ended                       ? end
				 : strlen(now) == 0          ? ""
				 : strcmp(now, "ready") == 0 ? "ready"
							     : "running");
	if (strlen(now) == 0) {
		submit(ledger, "t");
	}
	clock_pass(31 * S);
	assert_int_equal(sweep(ledger).requeued, strcmp(now, "running") == 0);
	if (!ended) {
		OK(hand_in(ledger, k->verb, claim(ledger, "other", 30 * S)));
	}
	assert_string_equal(state_of(ledger, "t"), end);
	assert_int_equal(audits(ledger, "t", k->verb), 1);
	ledger_close(ledger);
}

static void test_a_worker(void **state)
{
	static const char *const verbs[] = { "complete", "fail", "release" };
	ledger_close(open_own(state));
	ledger_save(state, "reclaim");
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		kill_everywhere(state,
				(struct killing){ .profile = "reclaim", .verb = verbs[i] },
				work_and_die, check_work);
	}
}

/* ---- init: our tables are all there, or are made by the next ---- */

static int init_and_die(void *context)
{
	struct killing *k = context;
	struct ledger *ledger = open_ledger(k->state, "reclaim", kill_at, k);
	OK(ledger_init(ledger, NULL, NULL, &error));
	ledger_close(ledger);
	return 0;
}

static void test_init(void **state)
{
	static const enum fault faults[] = { FAULT_KILL_BEFORE, FAULT_KILL_AFTER };
	for (size_t i = 0; i < 2 * 4; i++) {
		struct killing k = { state, .at = 1 + (long)i / 2, .fault = faults[i % 2] };
		ledger_forget(state, "reclaim");
		in_child(init_and_die, &k, false);
		struct ledger *ledger = open_own(state);
		assert_int_equal(ask(ledger->db, "SELECT count(*) FROM reclaim_schema"), 1);
		submit(ledger, "t");
		ledger_close(ledger);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_a_sweep_of_our_own_ledger),
		in_scene(test_a_sweep_of_a_hosts_ledger),
		in_scene(test_a_worker),
		in_scene(test_init),
	};
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
