/* The same races on the four systems' own tables, each starting with a task that their program adds (I3, I7). */
#include "scene.h"

struct party {
	struct ledger *ledger;
	const struct host *host;
	const char *sql;
};

static void host_acts(void *context)
{
	const struct party *p = context;
	host_runs(p->ledger->db, p->host, p->sql, TASK);
}

static void host_sweeps(void *context)
{
	const struct party *p = context;
	struct sweep_result result = sweep(p->ledger);
	assert_int_equal(result.requeued + result.stuck, 1);
}

static struct ledger *stale(void **state, const struct host *host, const char **ret_token)
{
	clock_reset();
	ledger_forget(state, host->profile);
	struct ledger *ledger = open_host(state, host);
	host_add(ledger, host, TASK);
	*ret_token = host_begin(ledger, host, TASK);
	assert_int_equal(sweep(ledger).stale, 0);
	clock_pass(host->patience);
	return ledger;
}

static struct sweep_result sweep_while(void **state, const struct host *host,
				       void (*happens)(void *), struct party *party)
{
	struct meanwhile m = { .after = "count_claims", .before = "begin", happens, party };
	struct ledger *sweeper = open_ledger(state, host->profile, meanwhile, &m);
	struct sweep_result result = sweep(sweeper);
	assert_true(m.done);
	ledger_close(sweeper);
	return result;
}

/* Nobody interferes: recovered, audited, and the old token is refused where it must be. */
static void test_recovered(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		const char *token;
		struct ledger *ledger = stale(state, host, &token);
		struct sweep_result result = sweep(ledger);
		assert_int_equal(result.stale, 1);
		assert_int_equal(result.requeued + result.stuck, 1);
		assert_int_equal(result.errors + result.lost_races + result.blind, 0);
		assert_string_equal(host_status(ledger, host, TASK), host->recovered);
		assert_int_equal(audits(ledger, TASK, "recover"), 1);
		assert_int_equal(sweep(ledger).stale, 0);
		ledger_close(ledger);
	}
}

static void test_a_completion_beats_the_sweep(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		const char *token;
		struct ledger *ledger = stale(state, host, &token);
		struct party party = { ledger, host, host->complete };
		struct sweep_result result = sweep_while(state, host, host_acts, &party);
		assert_int_equal(result.lost_races, 1);
		assert_int_equal(result.requeued + result.failed + result.stuck + result.errors,
				 0);
		assert_string_equal(host_status(ledger, host, TASK), host->done);
		assert_int_equal(audits(ledger, NULL, "recover"), 0);
		ledger_close(ledger);
	}
}

static void test_a_beat_beats_the_sweep(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		const char *token;
		struct ledger *ledger = stale(state, host, &token);
		const char *before = host_status(ledger, host, TASK);
		struct party party = { ledger, host, host->beat };
		struct sweep_result result = sweep_while(state, host, host_acts, &party);
		assert_int_equal(result.lost_races, 1);
		assert_int_equal(result.requeued + result.failed + result.stuck + result.errors,
				 0);
		assert_string_equal(host_status(ledger, host, TASK), before);
		if (token) {
			OK(verb_complete(ledger, TASK, token, "\"mine\"", &error));
			assert_string_equal(host_status(ledger, host, TASK), host->done);
		}
		ledger_close(ledger);
	}
}

static void test_two_sweeps(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		const char *token;
		struct ledger *ledger = stale(state, host, &token);
		struct party party = { ledger, host, NULL };
		struct sweep_result result = sweep_while(state, host, host_sweeps, &party);
		assert_int_equal(result.lost_races, 1);
		assert_int_equal(result.requeued + result.stuck, 0);
		assert_int_equal(audits(ledger, TASK, "recover"), 1);
		ledger_close(ledger);
	}
}

/* Recovered and claimed again, by the same worker even: the first claim's token is nobody's (ABA). */
static void test_the_old_token_is_refused(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		const char *first;
		if (host->claim || strcmp(host->recovered, "stuck") == 0) {
			continue;
		}
		struct ledger *ledger = stale(state, host, &first);
		assert_int_equal(sweep(ledger).requeued, 1);
		const char *second = host_begin(ledger, host, TASK);
		assert_string_not_equal(first, second);
		FAILS(RECLAIM_LOST, verb_complete(ledger, TASK, first, NULL, &error));
		FAILS(RECLAIM_LOST, verb_renew(ledger, TASK, first, 0, NULL, &error));
		FAILS(RECLAIM_LOST, verb_fail(ledger, TASK, first, "no", 0, false, &error));
		FAILS(RECLAIM_LOST, verb_release(ledger, TASK, first, &error));
		FAILS(RECLAIM_LOST, verb_complete(ledger, TASK, "garbage", NULL, &error));
		OK(verb_complete(ledger, TASK, second, NULL, &error));
		assert_string_equal(host_status(ledger, host, TASK), host->done);
		ledger_close(ledger);
	}
}

/* A stuck delegation may still complete, and an operator's retry burns the token. */
static void test_a_stuck_delegation(void **state)
{
	const struct host *host = host_named("delegations");
	const char *token;
	struct ledger *ledger = stale(state, host, &token);
	assert_int_equal(sweep(ledger).stuck, 1);
	OK(verb_complete(ledger, TASK, token, "\"late\"", &error));
	assert_string_equal(host_status(ledger, host, TASK), "completed");
	OK(verb_complete(ledger, TASK, token, "\"late\"",
			 &error)); /* a replay writes nothing */
	FAILS(RECLAIM_NOT_ALLOWED, verb_retry(ledger, TASK, &error));
	ledger_close(ledger);
	ledger = stale(state, host, &token);
	assert_int_equal(sweep(ledger).stuck, 1);
	OK(verb_retry(ledger, TASK, &error));
	FAILS(RECLAIM_LOST, verb_complete(ledger, TASK, token, NULL, &error));
	assert_string_equal(
		ask_text(ledger, "SELECT retry_count, last_heartbeat FROM delegations"), "1|");
	ledger_close(ledger);
}

/* The worker of a claim comes back between the look and the take, its row labelled by an earlier pass. */
static void test_a_labelled_worker_is_not_robbed(void **state)
{
	const struct host *host = host_named("foundry");
	const char *token;
	struct ledger *ledger = stale(state, host, &token);
	struct sweep_result none = swept(ledger, (struct pass_options){ .limit = 0 });
	assert_int_equal(none.requeued, 0);
	assert_int_equal(none.worker_count, 1);
	assert_string_equal(ask_text(ledger, "SELECT status FROM worker_heartbeats"),
			    "stalled");
	sweep_result_finish(&none);
	struct party party = { ledger, host, host->beat };
	struct sweep_result result = sweep_while(state, host, host_acts, &party);
	assert_int_equal(result.lost_races, 1);
	assert_int_equal(result.requeued, 0);
	assert_int_equal(sweep(ledger).stale,
			 0); /* the label only says who has been reported */
	ledger_close(ledger);
}

/* A host's worker whose first row appears in between: the row's absence was what the verdict read. */
static void test_a_worker_that_appears(void **state)
{
	const struct host *host = host_named("foundry");
	const char *token;
	struct ledger *ledger = stale(state, host, &token);
	script(ledger->db, "DELETE FROM worker_heartbeats");
	clock_pass(6 * 3600 * S);
	struct party party = { ledger, host,
			       "INSERT INTO worker_heartbeats SELECT '" WORKER
			       "', 'active', {now} WHERE %s IS NOT NULL" };
	struct sweep_result result = sweep_while(state, host, host_acts, &party);
	assert_int_equal(result.requeued,
			 1); /* a limit judges the task, even if its worker lives */
	assert_string_equal(ask_text(ledger, "SELECT details FROM task_audit_log"),
			    "Stale claim reclaimed from " WORKER " after 6.1h");
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_recovered),
		in_scene(test_a_completion_beats_the_sweep),
		in_scene(test_a_beat_beats_the_sweep),
		in_scene(test_two_sweeps),
		in_scene(test_the_old_token_is_refused),
		in_scene(test_a_stuck_delegation),
		in_scene(test_a_labelled_worker_is_not_robbed),
		in_scene(test_a_worker_that_appears),
	};
	return cmocka_run_group_tests_name("host_races", tests, NULL, NULL);
}
