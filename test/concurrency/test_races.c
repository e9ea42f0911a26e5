/*
 * Two parties at one task of our own ledger, their steps in an order that is forced: right before a named statement of
 * the one, the other runs on a connection of its own (I1, I3, I7, I12, I14).
 */
#include "scene.h"

#define BEFORE_THE_TAKE .after = "count_claims", .before = "begin"

struct party {
	struct ledger *ledger;
	const char *id, *token;
	enum reclaim_status status;
	int64_t count;
};

static void completes(void *context)
{
	struct party *p = context;
	p->status = verb_complete(p->ledger, p->id, p->token, "\"mine\"", NULL);
}

static void beats(void *context)
{
	struct party *p = context;
	struct holding holding = { 0 };
	p->status = worker_beat(p->ledger, p->id, 30 * S, &holding, NULL);
	p->count = (int64_t)holding.count;
	holding_finish(&holding);
}

static void renews(void *context)
{
	struct party *p = context;
	p->status = verb_renew(p->ledger, p->id, p->token, 30 * S, NULL, NULL);
}

static void sweeps(void *context)
{
	struct party *p = context;
	p->count = sweep(p->ledger).requeued;
}

static void claims_all(void *context)
{
	struct party *p = context;
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = "other", .count = 10, .lease = 30 * S };
	OK(verb_claim(p->ledger, &claiming, &claims, &error));
	p->count = (int64_t)claims.count;
	claims_finish(&claims);
}

/* A sweep in whose middle `happens` runs. */
static struct sweep_result sweep_while(void **state, struct meanwhile m)
{
	struct ledger *sweeper = open_ledger(state, "reclaim", meanwhile, &m);
	struct sweep_result result = sweep(sweeper);
	assert_true(m.done);
	ledger_close(sweeper);
	return result;
}

static void test_a_completion_beats_the_sweep(void **state)
{
	struct ledger *worker = open_own(state);
	submit(worker, "t");
	struct party party = { worker, "t", claim(worker, "me", 30 * S) };
	clock_pass(31 * S);
	struct sweep_result result =
		sweep_while(state, (struct meanwhile){ BEFORE_THE_TAKE, completes, &party });
	assert_int_equal(party.status, RECLAIM_OK);
	assert_int_equal(result.lost_races, 1);
	assert_int_equal(result.requeued + result.errors, 0);
	assert_string_equal(state_of(worker, "t"), "completed");
	assert_string_equal(ask_text(worker, "SELECT result FROM reclaim_tasks"), "\"mine\"");
	assert_int_equal(audits(worker, "t", NULL), 1);
	ledger_close(worker);
}

static void test_a_renewal_beats_the_sweep(void **state)
{
	struct ledger *worker = open_own(state);
	submit(worker, "t");
	struct party party = { worker, "t", claim(worker, "me", 30 * S) };
	clock_pass(31 * S);
	struct sweep_result result =
		sweep_while(state, (struct meanwhile){ BEFORE_THE_TAKE, renews, &party });
	assert_int_equal(party.status, RECLAIM_OK);
	assert_int_equal(result.lost_races, 1);
	OK(verb_complete(worker, "t", party.token, NULL, &error));
	ledger_close(worker);
}

/* I3: the beat commits between the look and the take: the worker is not ended, and nothing of it is taken. */
static void test_a_beat_saves_all_claims_of_its_worker(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int i = 0; i < 5; i++) {
		submit(ledger, format("t%d", i));
	}
	const char *id = enrol(ledger, 30 * S);
	assert_int_equal(claim_as(ledger, id, 5), 5);
	clock_pass(31 * S);
	struct party party = { ledger, id };
	struct sweep_result result =
		sweep_while(state, (struct meanwhile){ BEFORE_THE_TAKE, beats, &party });
	assert_int_equal(party.status, RECLAIM_OK);
	assert_int_equal(party.count, 5);
	assert_int_equal(result.lost_races, 5);
	assert_int_equal(result.requeued, 0);
	assert_string_equal(ask_text(ledger, "SELECT state FROM reclaim_workers"), "active");
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'running'"),
		5);
	assert_int_equal(audits(ledger, NULL, "recover"), 0);
	ledger_close(ledger);
}

/* The other way round: the lease was ended first, and the beat learns it. */
static void test_a_beat_after_the_take_is_lost(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *id = enrol(ledger, 30 * S);
	claim_as(ledger, id, 1);
	clock_pass(31 * S);
	struct party party = { ledger, id };
	struct sweep_result result = sweep_while(
		state, (struct meanwhile){
			       .after = "commit", .before = "turn_result", beats, &party });
	assert_int_equal(result.requeued, 1);
	assert_int_equal(party.status, RECLAIM_LOST);
	assert_string_equal(ask_text(ledger, "SELECT state FROM reclaim_workers"), "lost");
	assert_int_equal(claim_as(ledger, id, 1), 0); /* and it gets nothing under its old id */
	assert_string_equal(state_of(ledger, "t"), "ready");
	assert_int_equal(claim_as(ledger, enrol(ledger, 30 * S), 1), 1);
	ledger_close(ledger);
}

/* A worker without claims is ended at its leisure, and not if it has beaten. */
static void test_a_beat_saves_an_idle_worker(void **state)
{
	struct ledger *ledger = open_own(state);
	const char *id = enrol(ledger, 30 * S);
	clock_pass(31 * S);
	struct party party = { ledger, id };
	sweep_while(state, (struct meanwhile){ BEFORE_THE_TAKE, beats, &party });
	assert_string_equal(ask_text(ledger, "SELECT state FROM reclaim_workers"), "active");
	clock_pass(31 * S);
	sweep(ledger);
	assert_string_equal(ask_text(ledger, "SELECT state FROM reclaim_workers"), "lost");
	ledger_close(ledger);
}

/* Each task once, with one audit row, whoever gets there first. */
static void test_two_sweeps_share_the_work(void **state)
{
	static const struct meanwhile at[] = { { BEFORE_THE_TAKE },
					       { .after = "find", .before = "count_claims" },
					       { .after = "commit", .before = "turn_read" } };
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		struct ledger *ledger = open_own(state);
		script(ledger->db, "DELETE FROM reclaim_tasks; DELETE FROM reclaim_events");
		for (int n = 0; n < 10; n++) {
			submit(ledger, format("t%d", n));
			claim(ledger, format("w%d", n), 30 * S);
		}
		clock_pass(31 * S);
		struct party other = { ledger };
		struct meanwhile m = at[i];
		m.happens = sweeps;
		m.context = &other;
		struct sweep_result result = sweep_while(state, m);
		assert_int_equal(result.requeued + other.count, 10);
		assert_int_equal(audits(ledger, NULL, "recover"), 10);
		assert_int_equal(
			ask(ledger->db, "SELECT count(DISTINCT task) FROM reclaim_events"), 10);
		assert_int_equal(ask(ledger->db, "SELECT sum(recoveries) FROM reclaim_tasks"),
				 10);
		ledger_close(ledger);
	}
}

/* Who finds the turn moved on after a batch ends there, and keeps what it did. */
static void test_a_turn_that_moved_on(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int n = 0; n < 250; n++) {
		submit(ledger, format("t%d", n));
	}
	claims_all(&(struct party){ ledger });
	struct claims claims = { 0 };
	const struct claiming rest = { .owner = "me", .count = 250, .lease = 30 * S };
	OK(verb_claim(ledger, &rest, &claims, &error));
	claims_finish(&claims);
	clock_pass(90 * S);
	struct party other = { ledger };
	struct meanwhile m = { BEFORE_THE_TAKE, sweeps, &other };
	struct ledger *sweeper = open_ledger(state, "reclaim", meanwhile, &m);
	struct sweep_result result = swept(sweeper, (struct pass_options){ .limit = -1 });
	assert_true(result.moved_on);
	assert_int_equal(other.count, 250);
	assert_int_equal(result.lost_races, 200); /* one batch */
	struct text TEXT_CLEANUP json = { 0 };
	sweep_result_json(&json, sweeper->profile, &result, /* with_tasks= */ false);
	assert_non_null(strstr(text_string(&json), "another sweeper took the turn"));
	sweep_result_finish(&result);
	ledger_close(sweeper);
	ledger_close(ledger);
}

static enum fault no_result(void *context, const char *name, long step)
{
	(void)context;
	(void)step;
	return strcmp(name, "turn_result") == 0 ? FAULT_BUSY : FAULT_NONE;
}

/* I10: what was committed is told, whatever becomes of the turn row afterwards. */
static void test_a_result_that_cannot_be_kept(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	claim(ledger, "me", S);
	clock_pass(90 * S);
	struct ledger *sweeper = open_ledger(state, "reclaim", no_result, NULL);
	struct sweep_result result = swept(sweeper, (struct pass_options){ .limit = -1 });
	assert_int_equal(result.requeued, 1);
	assert_int_equal(result.cut_short.status, RECLAIM_BUSY);
	sweep_result_finish(&result);
	ledger_close(sweeper);
	ledger_close(ledger);
}

static void test_two_claims(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int n = 0; n < 15; n++) {
		submit(ledger, format("t%d", n));
	}
	struct party other = { ledger };
	struct meanwhile m = {
		.before = "claim", .happens = claims_all, .context = &other, .armed = true
	};
	m.after = "claim";
	struct ledger *first = open_ledger(state, "reclaim", meanwhile, &m);
	struct party mine = { first };
	claims_all(&mine);
	assert_int_equal(other.count, 10);
	assert_int_equal(mine.count, 5);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_tasks WHERE attempts = 1"), 15);
	ledger_close(first);
	ledger_close(ledger);
}

/* The worker is ended between its claim's decision and the claim: it gets nothing (I3). */
static void test_a_claim_of_a_worker_that_was_just_lost(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *id = enrol(ledger, 30 * S);
	clock_pass(31 * S);
	struct party other = { ledger };
	struct meanwhile m = { "claim", "claim", sweeps, &other, .armed = true };
	struct ledger *worker = open_ledger(state, "reclaim", meanwhile, &m);
	assert_int_equal(claim_as(worker, id, 2), 0);
	assert_true(m.done);
	assert_string_equal(state_of(ledger, "t"), "ready");
	assert_string_equal(ask_text(ledger, "SELECT attempts FROM reclaim_tasks"), "0");
	ledger_close(worker);
	ledger_close(ledger);
}

static enum fault lose_the_answer(void *context, const char *name, long step)
{
	(void)step;
	return strcmp(name, context) == 0 ? FAULT_AFTER : FAULT_NONE;
}

/* A claim whose answer is lost is named by the worker's next beat, so that it can be given back. */
static void test_a_claim_whose_answer_is_lost(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *id = enrol(ledger, 30 * S);
	char statement[] = "claim";
	struct ledger *worker = open_ledger(state, "reclaim", lose_the_answer, statement);
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = id, .count = 2, .registered = true };
	FAILS(RECLAIM_UNKNOWN, verb_claim(worker, &claiming, &claims, &error));
	struct holding holding = { 0 };
	OK(worker_beat(worker, id, 30 * S, &holding, &error));
	assert_int_equal(holding.count, 1);
	assert_string_equal(holding.claims[0].id, "t");
	OK(verb_release(worker, "t", holding.claims[0].token, &error));
	holding_finish(&holding);
	assert_string_equal(ask_text(ledger, "SELECT state || attempts FROM reclaim_tasks"),
			    "ready0");
	ledger_close(worker);
	ledger_close(ledger);
}

/* I10: a hand-in whose outcome is unknown is settled by the same call. */
static void test_a_completion_whose_answer_is_lost(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *token = claim(ledger, "me", 30 * S);
	char statement[] = "commit";
	struct ledger *worker = open_ledger(state, "reclaim", lose_the_answer, statement);
	FAILS(RECLAIM_UNKNOWN, verb_complete(worker, "t", token, "1", &error));
	OK(verb_complete(ledger, "t", token, "1", &error));
	FAILS(RECLAIM_LOST, verb_fail(ledger, "t", token, "no", 0, false, &error));
	assert_int_equal(audits(ledger, "t", "complete"), 1);
	ledger_close(worker);
	ledger_close(ledger);
}

/* I14: kept while nobody has claimed it since; refused from then on, however often it changed hands (ABA). */
static void test_late_work(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "kept");
	const char *token = claim(ledger, "me", 30 * S);
	clock_pass(31 * S);
	assert_int_equal(sweep(ledger).requeued, 1);
	OK(verb_complete(ledger, "kept", token, "\"late\"", &error));
	assert_string_equal(state_of(ledger, "kept"), "completed");
	submit(ledger, "t");
	const char *tokens[3];
	for (int i = 0; i < 3; i++) {
		tokens[i] = claim(ledger, "me", 30 * S);
		clock_pass(31 * S);
		assert_int_equal(sweep(ledger).requeued, 1);
	}
	const char *held = claim(ledger, "me", 30 * S);
	for (int i = 0; i < 3; i++) {
		FAILS(RECLAIM_LOST, verb_complete(ledger, "t", tokens[i], NULL, &error));
		FAILS(RECLAIM_LOST, verb_renew(ledger, "t", tokens[i], S, NULL, &error));
		FAILS(RECLAIM_LOST, verb_release(ledger, "t", tokens[i], &error));
	}
	OK(verb_complete(ledger, "t", held, NULL, &error));
	ledger_close(ledger);
}

/* The late completion and the new claim meet: one of them gets the task, and the other learns it. */
static void test_late_work_against_a_new_claim(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *token = claim(ledger, "me", 30 * S);
	clock_pass(31 * S);
	sweep(ledger);
	struct party other = { ledger };
	struct meanwhile m = { "begin", "begin", claims_all, &other, .armed = true };
	struct ledger *late = open_ledger(state, "reclaim", meanwhile, &m);
	FAILS(RECLAIM_LOST, verb_complete(late, "t", token, NULL, &error));
	assert_int_equal(other.count, 1);
	assert_string_equal(state_of(ledger, "t"), "running");
	ledger_close(late);
	ledger_close(ledger);
}

/* An operator's cancel during the sweep, and during a completion. */
static void cancels(void *context)
{
	struct party *p = context;
	p->status = verb_cancel(p->ledger, p->id, NULL);
}

static void test_a_cancel_in_between(void **state)
{
	struct ledger *ledger = open_own(state);
	submit(ledger, "t");
	const char *token = claim(ledger, "me", 30 * S);
	clock_pass(31 * S);
	struct party operator= { ledger, "t" };
	struct sweep_result result =
		sweep_while(state, (struct meanwhile){ BEFORE_THE_TAKE, cancels, &operator });
	assert_int_equal(result.lost_races, 1);
	assert_string_equal(state_of(ledger, "t"), "cancelled");
	FAILS(RECLAIM_LOST, verb_complete(ledger, "t", token, NULL, &error));
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_a_completion_beats_the_sweep),
		in_scene(test_a_renewal_beats_the_sweep),
		in_scene(test_a_beat_saves_all_claims_of_its_worker),
		in_scene(test_a_beat_after_the_take_is_lost),
		in_scene(test_a_beat_saves_an_idle_worker),
		in_scene(test_two_sweeps_share_the_work),
		in_scene(test_a_turn_that_moved_on),
		in_scene(test_a_result_that_cannot_be_kept),
		in_scene(test_two_claims),
		in_scene(test_a_claim_of_a_worker_that_was_just_lost),
		in_scene(test_a_claim_whose_answer_is_lost),
		in_scene(test_a_completion_whose_answer_is_lost),
		in_scene(test_late_work),
		in_scene(test_late_work_against_a_new_claim),
		in_scene(test_a_cancel_in_between),
	};
	return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
