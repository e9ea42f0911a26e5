/* The verbs on our own ledger, cell by cell (DESIGN.md section 3), and what the audit says of each (I1, I2, I4, I14). */
#include "scene.h"

#include "look.h"

/* How a task came to be what it is; each by the verbs and a sweep, never by hand. */
enum situation {
	NEW,
	RUNNING,
	COMPLETED,
	FAILED,
	RESCHEDULED,
	RELEASED,
	REQUEUED,
	STUCK,
	OVERDUE,
	CANCELLED,
	RETRIED,
	RECLAIMED, /* the token is the one before */
	LATE,      /* completed after its recovery */
	SITUATIONS
};

enum doing { RENEW, COMPLETE, FAIL, RELEASE, CANCEL, RETRY, DOINGS };

/*
 * o: done; r: was done, nothing is written; l: lost; n: not allowed. The columns are the verbs, with the token that the
 * situation's worker holds.
 */
static const char *const expected[SITUATIONS] = {
	[NEW] = "llllor",       [RUNNING] = "ooooon",     [COMPLETED] = "lrllno",
	[FAILED] = "llrlno",    [RESCHEDULED] = "llrlor", [RELEASED] = "lllror",
	[REQUEUED] = "lollor",  [STUCK] = "lolloo",       [OVERDUE] = "llllno",
	[CANCELLED] = "llllro", [RETRIED] = "llllor",     [RECLAIMED] = "llllon",
	[LATE] = "lrllno",
};
static const char *const ends_as[DOINGS] = {
	[RENEW] = "running", [COMPLETE] = "completed", [FAIL] = "failed",
	[RELEASE] = "ready", [CANCEL] = "cancelled",   [RETRY] = "ready",
};
static const char *const acts[DOINGS] = {
	[RENEW] = NULL,        [COMPLETE] = "complete", [FAIL] = "fail",
	[RELEASE] = "release", [CANCEL] = "cancel",     [RETRY] = "retry",
};

static void go_stale(struct ledger *ledger)
{
	clock_pass(40 * S);
	assert_int_equal(sweep(ledger).stale, 1);
}

static const char *arrange(struct ledger *ledger, enum situation situation)
{
	const bool once = situation == STUCK || situation == RETRIED;
	const struct submission task = { .id = "t",
					 .max_attempts = once ? 1 : 5,
					 .deadline = situation == OVERDUE ? 10 * S : 0 };
	submit_task(ledger, &task);
	if (situation == NEW) {
		return "1";
	}
	const char *token = claim(ledger, "me", 30 * S);
	switch (situation) {
	case NEW:
	case RUNNING:
	case SITUATIONS:
		break;
	case COMPLETED:
		OK(verb_complete(ledger, "t", token, "1", &error));
		break;
	case FAILED:
		OK(verb_fail(ledger, "t", token, "no", -1, /* no_retry= */ true, &error));
		break;
	case RESCHEDULED:
		OK(verb_fail(ledger, "t", token, "no", -1, /* no_retry= */ false, &error));
		break;
	case RELEASED:
		OK(verb_release(ledger, "t", token, &error));
		break;
	case REQUEUED:
	case STUCK:
	case OVERDUE:
		go_stale(ledger);
		break;
	case CANCELLED:
		OK(verb_cancel(ledger, "t", &error));
		break;
	case RETRIED:
		go_stale(ledger);
		OK(verb_retry(ledger, "t", &error));
		break;
	case RECLAIMED:
		go_stale(ledger);
		claim(ledger, "other", 30 * S);
		break;
	case LATE:
		go_stale(ledger);
		OK(verb_complete(ledger, "t", token, "1", &error));
		break;
	}
	return token;
}

static enum reclaim_status attempt(struct ledger *ledger, enum doing doing, const char *token,
				   struct reclaim_error *error)
{
	switch (doing) {
	case RENEW:
		return verb_renew(ledger, "t", token, 60 * S, "{\"done\":1}", error);
	case COMPLETE:
		return verb_complete(ledger, "t", token, "{\"r\":1}", error);
	case FAIL:
		return verb_fail(ledger, "t", token, "broken", -1, /* no_retry= */ true, error);
	case RELEASE:
		return verb_release(ledger, "t", token, error);
	case CANCEL:
		return verb_cancel(ledger, "t", error);
	case RETRY:
		return verb_retry(ledger, "t", error);
	case DOINGS:
		break;
	}
	return RECLAIM_INTERNAL;
}

static const char *whole_row(struct ledger *ledger)
{
	return ask_text(ledger,
			"SELECT state, owner, token, attempts, recoveries, updated_at, due_at,"
			" claimed_at, beat_at, lease_until, deadline, finished_at, progress,"
			" result, error, closed_token, closed_as"
			" FROM reclaim_tasks WHERE id = 't'");
}

static void clear(struct ledger *ledger)
{
	script(ledger->db, "DELETE FROM reclaim_tasks; DELETE FROM reclaim_events");
}

static void assert_done(struct ledger *ledger, enum situation situation, enum doing doing)
{
	assert_string_equal(state_of(ledger, "t"), ends_as[doing]);
	if (!acts[doing]) {
		return;
	}
	/* One row, the last, that tells the whole. */
	const char *last = ask_text(ledger, "SELECT act, to_state, ledger, rule"
					    " FROM reclaim_events ORDER BY seq DESC LIMIT 1");
	assert_string_equal(last, format("%s|%s|reclaim|", acts[doing], ends_as[doing]));
	if (doing == COMPLETE && situation != RUNNING) {
		assert_non_null(strstr(ask_text(ledger, "SELECT reason FROM reclaim_events"
							" ORDER BY seq DESC LIMIT 1"),
				       "late"));
	}
}

static void check_cell(struct ledger *ledger, enum situation situation, enum doing doing)
{
	struct reclaim_error error = { 0 };
	const char *token = arrange(ledger, situation), *before = whole_row(ledger);
	int64_t told = audits(ledger, NULL, NULL);
	enum reclaim_status status = attempt(ledger, doing, token, &error);
	char cell = expected[situation][doing];
	static const enum reclaim_status statuses[] = { ['o'] = RECLAIM_OK,
							['r'] = RECLAIM_OK,
							['l'] = RECLAIM_LOST,
							['n'] = RECLAIM_NOT_ALLOWED };
	if (status != statuses[(unsigned char)cell]) {
		FAIL_WITH("situation %d, verb %d: %s (%s)", (int)situation, (int)doing,
			  reclaim_status_text(status), error.message);
	}
	if (cell == 'o') {
		assert_int_equal(audits(ledger, NULL, NULL), told + (acts[doing] != NULL));
		assert_done(ledger, situation, doing);
	} else {
		assert_string_equal(whole_row(ledger), before);
		assert_int_equal(audits(ledger, NULL, NULL), told);
	}
	if (status != RECLAIM_OK) {
		assert_non_null(strstr(error.message, "'t'"));
	}
	clear(ledger);
}

static void test_every_cell(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int situation = 0; situation < SITUATIONS; situation++) {
		for (int doing = 0; doing < DOINGS; doing++) {
			check_cell(ledger, (enum situation)situation, (enum doing)doing);
		}
	}
	ledger_close(ledger);
}

/* Older tokens, tokens still to come, and what is no token are nobody's, whatever the state. */
static void test_other_tokens_are_lost(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int situation = 0; situation < SITUATIONS; situation++) {
		long long token = atoll(arrange(ledger, (enum situation)situation));
		const char *before = whole_row(ledger);
		int64_t told = audits(ledger, NULL, NULL);
		const char *const others[] = { format("%lld", token - 1),
					       format("%lld", token + 1),
					       format(" %lld", token),
					       format("+%lld", token),
					       format("0%lld", token),
					       format("%lldx", token),
					       format("%lld.0", token),
					       "",
					       "0",
					       "-1",
					       "99999999999999999999999",
					       "'; DROP TABLE reclaim_tasks; --" };
		for (size_t i = 0; i < COUNT_OF(others); i++) {
			for (int doing = RENEW; doing <= RELEASE; doing++) {
				struct reclaim_error error = { 0 };
				enum reclaim_status status =
					attempt(ledger, (enum doing)doing, others[i], &error);
				assert_failed(status, RECLAIM_LOST, &error, "'t'", NULL);
			}
		}
		assert_string_equal(whole_row(ledger), before);
		assert_int_equal(audits(ledger, NULL, NULL), told);
		clear(ledger);
	}
	ledger_close(ledger);
}

static void test_an_unknown_task_is_not_found(void **state)
{
	struct ledger *ledger = open_own(state);
	for (int doing = 0; doing < DOINGS; doing++) {
		struct reclaim_error error = { 0 };
		assert_failed(attempt(ledger, (enum doing)doing, "1", &error),
			      RECLAIM_NOT_FOUND, &error, "'t'", "reclaim", NULL);
	}
	ledger_close(ledger);
}

static void test_the_audit_tells_the_whole_life(void **state)
{
	struct ledger *ledger = open_own(state);
	submit_task(ledger, &(struct submission){ .id = "t", .max_attempts = 3 });
	const char *first = claim(ledger, "ann", 30 * S);
	OK(verb_fail(ledger, "t", first, "no luck", 0, false, &error));
	claim(ledger, "bob", 30 * S);
	go_stale(ledger);
	const char *third = claim(ledger, "cid", 30 * S);
	OK(verb_complete(ledger, "t", third, NULL, &error));
	static const char *const told[] = {
		"fail|running|ready|ann|1|0||no luck",
		"recover|running|ready|bob|2|0|lease|Lease of bob ended 1", /* or more */
		"complete|running|completed|cid|3|1||",
	};
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		const char *row = ask_text(
			ledger,
			format("SELECT act, from_state, to_state, owner, attempts, recoveries,"
			       " rule, reason FROM reclaim_events ORDER BY seq"
			       " LIMIT 1 OFFSET %zu",
			       i));
		if (strncmp(row, told[i], strlen(told[i])) != 0) {
			FAIL_WITH("'%s' does not begin with '%s'", row, told[i]);
		}
	}
	assert_int_equal(audits(ledger, NULL, NULL), 3);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM reclaim_events WHERE actor = ''"), 0);
	assert_true(ask_time(ledger, "SELECT min(at) FROM reclaim_events") > 0);
	ledger_close(ledger);
}

/* Ids and tokens that differ in a space at the end, or in case, have a history each. */
static void test_the_audit_is_of_one_task(void **state)
{
	static const char *const others[] = { "a ", "A", "a  " };
	struct ledger *ledger = open_own(state);
	submit(ledger, "a");
	const char *token = claim(ledger, "me", S);
	OK(verb_complete(ledger, "a", token, NULL, &error));
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		RESULT_CLEANUP struct result rows = { 0 };
		bool told = true;
		OK(look_audit(ledger, others[i], /* after= */ -1, /* limit= */ 9, &rows,
			      &error));
		assert_int_equal(rows.rows, 0);
		OK(ledger_told(ledger, others[i], "complete", NULL, token, &told, &error));
		assert_false(told);
	}
	RESULT_CLEANUP struct result own = { 0 };
	bool told = true;
	OK(look_audit(ledger, "a", /* after= */ -1, /* limit= */ 9, &own, &error));
	assert_int_equal(own.rows, 1);
	OK(ledger_told(ledger, "a", "complete", NULL, format("%s ", token), &told, &error));
	assert_false(told);
	OK(ledger_told(ledger, "a", "complete", NULL, token, &told, &error));
	assert_true(told);
	ledger_close(ledger);
}

static void own_sql(struct ledger *ledger, const char *before, const char *table,
		    const char *behind)
{
	script(ledger->db,
	       format("%s %s%s %s", before, ledger->db->driver->own_prefix, table, behind));
}

/* Where an init broke off, who submits completes it: the version is written last. */
static void test_a_half_made_ledger_is_completed(void **state)
{
	struct ledger *ledger = open_own(state);
	int64_t whole = own_tables(ledger->db);
	own_sql(ledger, "DELETE FROM", "schema", "");
	own_sql(ledger, "DROP TABLE", "ledgers", "");
	own_sql(ledger, "DROP TABLE", "workers", "");
	ledger_close(ledger);
	ledger = open_ledger(state, "reclaim", NULL, NULL);
	OK(ledger_make_own_tables(ledger, &error));
	assert_int_equal(own_tables(ledger->db), whole);
	OK(ledger_plan(ledger, &error));
	submit(ledger, "t");
	assert_string_equal(state_of(ledger, "t"), "ready");
	ledger_close(ledger);
}

/* What a newer program has made is left alone, and said. */
static void test_a_newer_schema_is_refused(void **state)
{
	struct ledger *ledger = open_own(state);
	struct reclaim_error why = { 0 };
	own_sql(ledger, "UPDATE", "schema", "SET version = 7");
	ledger_close(ledger);
	ledger = open_ledger(state, "reclaim", NULL, NULL);
	assert_failed(ledger_plan(ledger, &why), RECLAIM_UNSUPPORTED, &why, "version 7",
		      "knows version 1", NULL);
	FAILS(RECLAIM_UNSUPPORTED, ledger_make_own_tables(ledger, &error));
	FAILS(RECLAIM_UNSUPPORTED, ledger_init(ledger, NULL, NULL, &error));
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_every_cell),
		in_scene(test_other_tokens_are_lost),
		in_scene(test_an_unknown_task_is_not_found),
		in_scene(test_the_audit_tells_the_whole_life),
		in_scene(test_the_audit_is_of_one_task),
		in_scene(test_a_half_made_ledger_is_completed),
		in_scene(test_a_newer_schema_is_refused),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
