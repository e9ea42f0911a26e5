/* What a plan makes of tables whose states, times and recoveries are not plain columns; on every engine. */
#include "scene_made.h"

#include "index.h"
#include "look.h"

#include <string.h>
#include <time.h>

/* ---- computed columns ---- */

#define EVENT_TABLES                                                                           \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, status VARCHAR(20) NOT NULL DEFAULT "      \
	"'doing', attempts INTEGER NOT NULL DEFAULT 1);"                                       \
	"CREATE INDEX jobs_status ON jobs (status);"                                           \
	"CREATE TABLE job_events (job_id INTEGER NOT NULL, type VARCHAR(20) NOT NULL, at "     \
	"BIGINT NOT NULL);"
#define EVENT_PROFILE                                                                          \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"compute {\n"                                                                          \
	" started = \"(SELECT max(e.at) FROM job_events AS e WHERE e.job_id = {row}.id AND "   \
	"e.type = 'started')\"\n"                                                              \
	" unused = \"attempts + 1\"\n}\n"                                                      \
	"columns { time = \"epoch\" state = \"status\" claimed_at = \"started\" attempts = "   \
	"\"attempts\" token = { \"started\" } show = { \"started\" } }\n"                      \
	"states { ready = { \"todo\" } running = { \"doing\" } completed = { \"done\" } }\n"   \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"60s\" then = "            \
	"\"requeue\" }\n"                                                                      \
	"requeue { set = { \"attempts = attempts + 1\" } }\n"

static void start_job(struct ledger *ledger, int id, int64_t ago)
{
	script(ledger->db, format("INSERT INTO job_events VALUES (%d, 'started', %lld)", id,
				  (long long)seconds_ago(ago)));
}

static void test_a_time_from_another_table(void **state)
{
	struct ledger *ledger = open_made(state, EVENT_TABLES, EVENT_PROFILE);
	script(ledger->db, "INSERT INTO jobs (id) VALUES (1), (2), (3)");
	start_job(ledger, 1, 100);
	start_job(ledger, 2, 100);
	start_job(ledger, 2, 10);
	assert_int_equal(judged(ledger, "1"), OUTCOME_STALE);
	assert_int_equal(judged(ledger, "2"), OUTCOME_FINE);
	assert_int_equal(judged(ledger, "3"), OUTCOME_BLIND);
	assert_int_equal(found(ledger), 2); /* the bound knows the time, too */
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, 1);
	assert_int_equal(result.blind, 1);
	assert_string_equal(ask_text(ledger, "SELECT status FROM jobs WHERE id = 1"), "todo");
	assert_int_equal(ask(ledger->db, "SELECT attempts FROM jobs WHERE id = 1"), 2);
	ledger_close(ledger);
}

/* The job's own row does not change when it starts anew: only the other table does. */
static void test_what_is_computed_is_in_the_fence(void **state)
{
	struct ledger *ledger = open_made(state, EVENT_TABLES, EVENT_PROFILE);
	RESULT_CLEANUP struct result row = { 0 };
	script(ledger->db, "INSERT INTO jobs (id) VALUES (1)");
	start_job(ledger, 1, 100);
	OK(ledger_read(ledger, "1", &row, &error));
	start_job(ledger, 1, 0);
	assert_false(remedied(ledger, REMEDY_REQUEUE, &row, NULL));
	assert_true(take_row(ledger, "1", REMEDY_REQUEUE, NULL));
	ledger_close(ledger);
}

static void test_kinds_of_what_is_computed(void **state)
{
	struct ledger *ledger = open_made(state, EVENT_TABLES, EVENT_PROFILE);
	const struct column *started = table_column(ledger->plan->table, "started");
	assert_non_null(started);
	assert_non_null(started->expression);
	assert_int_equal(started->kind,
			 is_engine(ledger, "sqlite") ? COLUMN_PLAIN : COLUMN_NUMBER);
	assert_true(plan_cell(ledger->plan, "started") > 0);
	assert_int_equal(plan_cell(ledger->plan, "unused"), -1);
	assert_null(strstr(ledger->plan->read.statement.sql, "unused"));
	ledger_close(ledger);
}

static void test_wrong_expressions_are_named(void **state)
{
	static const struct {
		const char *compute, *said;
	} cases[] = {
		{ "compute { started = \"no_such_column\" }", "compute 'started'" },
		{ "compute { started = \"1\" attempts = \"1\" }", "'attempts' already" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *rest = strstr(EVENT_PROFILE, "columns {");
		int size = (int)(strstr(rest, "requeue {") - rest);
		const char *profile = format("ledger = \"jobs\"\ntable = \"jobs\"\nkey = { "
					     "\"id\" }\n%s\n%.*s",
					     cases[i].compute, size, rest);
		struct ledger *ledger =
			open_unplanned(state, i ? "SELECT 1" : EVENT_TABLES, profile);
		struct reclaim_error error = { 0 };
		assert_failed(ledger_plan(ledger, &error), RECLAIM_INVALID, &error,
			      cases[i].said, "made.conf:4", NULL);
		ledger_close(ledger);
	}
}

static void test_optional_ones_may_be_absent(void **state)
{
	const char *rest = strstr(EVENT_PROFILE, "columns {");
	struct ledger *ledger = open_made(
		state, EVENT_TABLES,
		format("ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"
		       "compute { started = \"attempts\" beat_until = \"beat + 30\" }\n"
		       "columns { optional = { \"beat\", \"beat_until\" } beat_at = "
		       "\"beat_until\" %s"
		       "rule silent { when = \"age\" of = { \"claimed_at\" } after = \"1s\" "
		       "where = \"beat IS NULL\" then = \"requeue\" }\n",
		       rest + strlen("columns {")));
	assert_false(table_column(ledger->plan->table, "beat_until"));
	assert_int_equal(ledger->plan->policy.rule_count, 1);
	ledger_close(ledger);
}

/* ---- states by predicate ---- */

static void add_reserved(struct ledger *ledger)
{
	script(ledger->db,
	       format("INSERT INTO jobs (id, reserved_at, failed_at, attempts) VALUES "
		      "(1, %lld, NULL, 1), (2, %lld, NULL, 1), (3, NULL, NULL, 0), "
		      "(4, %lld, 5, 1), (5, NULL, 5, 0), (6, %lld, NULL, 3)",
		      (long long)seconds_ago(100), (long long)seconds_ago(10),
		      (long long)seconds_ago(100), (long long)seconds_ago(100)));
}

static void test_states_by_predicate(void **state)
{
	struct ledger *ledger = open_made(state, RESERVED_TABLES, RESERVED_PROFILE);
	add_reserved(ledger);
	struct counts counts;
	OK(look_counts(ledger, &counts, &error));
	/* Running first; then in the order of the words: the fifth is ready although it failed, too. */
	assert_int_equal(counts.in_flight, 3);
	assert_int_equal(counts.by_state[STATE_RUNNING], 3);
	assert_int_equal(counts.by_state[STATE_READY], 2);
	assert_int_equal(counts.by_state[STATE_FAILED], 1);
	counts_finish(&counts);
	for (int word = STATE_READY; word <= STATE_FAILED; word++) {
		RESULT_CLEANUP struct result rows = { 0 };
		const struct listing listing = { .state = (enum state)word, .limit = 10 };
		OK(look_list(ledger, &listing, &rows, &error));
		for (size_t i = 0; i < rows.rows; i++) {
			assert_int_equal(row_state(ledger->plan, result_cell(&rows, i, 0)),
					 word);
		}
		assert_int_equal(rows.rows, word == STATE_READY     ? 2
					    : word == STATE_RUNNING ? 3
					    : word == STATE_FAILED  ? 1
								    : 0);
	}
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, 1);
	assert_int_equal(result.failed, 1);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs WHERE reserved_at IS NULL"),
			 3);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs WHERE failed_at > 5"), 1);
	ledger_close(ledger);
}

static void test_an_index_of_a_predicate(void **state)
{
	struct ledger *ledger = open_made(state, RESERVED_TABLES, RESERVED_PROFILE);
	bool whole = ledger->db->driver->whole_indexes;
	assert_false(index_serves(ledger->plan));
	const char *statement = NULL;
	OK(index_statements(ledger, &ledger->arena, &statement, &error));
	assert_true(!strstr(statement, "WHERE") == whole);
	assert_non_null(strstr(statement, "failed_at"));
	script(ledger->db, statement);
	ledger_close(ledger);
	ledger = open_ledger(state, in(state, "made.conf"), NULL, NULL);
	OK(ledger_plan(ledger, &error));
	assert_true(index_serves(ledger->plan));
	ledger_close(ledger);
}

/* ---- rules of their own rows ---- */

#define OWN_TABLES                                                                             \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state VARCHAR(20) NOT NULL DEFAULT 'run'," \
	" since BIGINT, patience VARCHAR(20), kind VARCHAR(20), alive INTEGER);"
#define OWN_PROFILE                                                                            \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"columns { time = \"epoch\" state = \"state\" claimed_at = \"since\" kind = \"kind\" " \
	"alive = \"alive\" }\n"                                                                \
	"states { ready = { \"new\" } running = { \"run\" } cancelled = { \"gone\" } }\n"      \
	"rule doomed { when = \"age\" of = { \"claimed_at\" } after = \"1s\" where = \"kind "  \
	"= 'doomed'\" then = \"cancel\" }\n"                                                   \
	"rule dead { when = \"evidence\" then = \"requeue\" }\n"                               \
	"rule own { when = \"age\" of = { \"claimed_at\" } after = \"50s\" after_column = "    \
	"\"patience\" unless = \"alive\" then = \"requeue\" }\n"

#define EVIDENCE_PROFILE_OF(alive)                                                             \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"columns { time = \"epoch\" state = \"state\" claimed_at = \"since\" kind = \"kind\" " \
	"alive = \"" alive "\" }\n"                                                            \
	"states { ready = { \"new\" } running = { \"run\" } }\n"                               \
	"rule dead { when = \"evidence\" then = \"requeue\" }\n"
#define EVIDENCE_PROFILE EVIDENCE_PROFILE_OF("alive")
#define LIVES_PROFILE EVIDENCE_PROFILE_OF("lives")

static void add_own(struct ledger *ledger, int id, int64_t ago, const char *patience,
		    const char *kind, const char *alive)
{
	script(ledger->db, format("INSERT INTO jobs VALUES (%d, 'run', %lld, %s, %s, %s)", id,
				  (long long)seconds_ago(ago), patience, kind, alive));
}

static void test_thresholds_of_rows(void **state)
{
	static const struct {
		const char *patience;
		int64_t ago;
		enum outcome outcome;
	} cases[] = {
		{ "NULL", 45, OUTCOME_FINE },   { "NULL", 55, OUTCOME_STALE },
		{ "'100'", 95, OUTCOME_FINE },  { "'100'", 105, OUTCOME_STALE },
		{ "'2.75'", 1, OUTCOME_FINE },  { "'2.75'", 5, OUTCOME_STALE },
		{ "'-1'", 5000, OUTCOME_FINE }, { "'0'", 2, OUTCOME_STALE },
		{ "'soon'", 5, OUTCOME_BLIND }, { "''", 5, OUTCOME_BLIND },
		{ "'.5'", 5, OUTCOME_STALE },   { "'99999999999999'", 5000, OUTCOME_FINE },
	};
	struct ledger *ledger = open_made(state, OWN_TABLES, OWN_PROFILE);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		add_own(ledger, (int)i, cases[i].ago, cases[i].patience, "'x'", "NULL");
		if (judged(ledger, format("%zu", i)) != cases[i].outcome) {
			FAIL_WITH("patience %s after %lld s", cases[i].patience,
				  (long long)cases[i].ago);
		}
	}
	assert_int_equal(found(ledger), COUNT_OF(cases));
	ledger_close(ledger);
}

static void test_rules_that_choose_rows(void **state)
{
	struct ledger *ledger = open_made(state, OWN_TABLES, OWN_PROFILE);
	add_own(ledger, 1, 10, "'100'", "'doomed'", "NULL");
	add_own(ledger, 2, 10, "'100'", "'other'", "NULL");
	add_own(ledger, 3, 10, "'100'", "NULL", "NULL");
	add_own(ledger, 4, 10, "'100'", "'other'", "0");
	add_own(ledger, 5, 200, "'100'", "'other'", "1");
	add_own(ledger, 6, 200, "'100'", "'other'", "NULL");
	assert_int_equal(judged(ledger, "1"), OUTCOME_STALE);
	assert_int_equal(judged(ledger, "2"), OUTCOME_FINE);
	assert_int_equal(judged(ledger, "3"), OUTCOME_FINE);
	assert_int_equal(judged(ledger, "4"), OUTCOME_STALE);
	assert_int_equal(judged(ledger, "5"), OUTCOME_VETOED);
	assert_int_equal(judged(ledger, "6"), OUTCOME_STALE);
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.cancelled, 1);
	assert_int_equal(result.requeued, 2);
	assert_int_equal(result.vetoed, 1);
	assert_string_equal(ask_text(ledger, "SELECT state FROM jobs WHERE id = 1"), "gone");
	ledger_close(ledger);
}

/* I6: what the sweep counts as blind is what explain says of each row. */
static void test_no_evidence_either_way(void **state)
{
	static const struct {
		const char *alive;
		enum outcome outcome;
	} cases[] = {
		{ "NULL", OUTCOME_BLIND },
		{ "-1", OUTCOME_BLIND },
		{ "0", OUTCOME_STALE },
		{ "1", OUTCOME_FINE },
	};
	static const struct {
		const char *rule;
		int blind;
	} others[] = {
		{ "", 2 },
		{ "rule own { when = \"age\" of = { \"claimed_at\" } after = \"50s\" where = "
		  "\"kind = 'doomed'\" then = \"requeue\" }\n",
		  2 },
		{ "rule own { when = \"age\" of = { \"claimed_at\" } after = \"50s\" then = "
		  "\"requeue\" }\n",
		  0 },
	};
	for (size_t o = 0; o < COUNT_OF(others); o++) {
		const char *profile = format(EVIDENCE_PROFILE "%s", others[o].rule);
		struct ledger *ledger =
			open_made(state, o == 0 ? OWN_TABLES : "DELETE FROM jobs", profile);
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			enum outcome wanted = cases[i].outcome;
			wanted = wanted == OUTCOME_BLIND && others[o].blind == 0 ? OUTCOME_FINE
										 : wanted;
			add_own(ledger, (int)i, 10, "'100'", "'x'", cases[i].alive);
			assert_int_equal(judged(ledger, format("%zu", i)), wanted);
		}
		struct sweep_result result = sweep(ledger);
		assert_int_equal(result.blind, others[o].blind);
		assert_int_equal(result.requeued, 1);
		ledger_close(ledger);
	}
}

/* Whoever is alive by the word of a function, or of another table, is asked again by the take. */
static void test_a_sign_of_life_is_in_the_fence(void **state)
{
	static const char in_sql[] = "EXISTS (SELECT 1 FROM living WHERE id = {row}.id)";
	struct ledger *ledger = open_made(state, OWN_TABLES "CREATE TABLE living (id INTEGER)",
					  EVIDENCE_PROFILE);
	bool has_function = is_engine(ledger, "postgres");
	script(ledger->db, has_function ? "CREATE FUNCTION lives(n integer) RETURNS boolean "
					  "LANGUAGE sql STABLE AS "
					  "'SELECT EXISTS (SELECT 1 FROM living WHERE id = n)'"
					: "DELETE FROM living");
	add_own(ledger, 1, 10, "NULL", "NULL", "NULL");
	ledger_close(ledger);
	ledger = open_made(state, "DELETE FROM living",
			   format("%scompute { lives = \"%s\" }\n", LIVES_PROFILE,
				  has_function ? "lives({row}.id)" : in_sql));
	RESULT_CLEANUP struct result row = { 0 };
	OK(ledger_read(ledger, "1", &row, &error));
	assert_int_equal(judged(ledger, "1"), OUTCOME_STALE);
	script(ledger->db, "INSERT INTO living VALUES (1)");
	assert_false(remedied(ledger, REMEDY_REQUEUE, &row, NULL));
	script(ledger->db, "DELETE FROM living");
	assert_true(take_row(ledger, "1", REMEDY_REQUEUE, NULL));
	ledger_close(ledger);
}

/* What a rule's `where` reads may change between look and take. */
static void test_a_choice_is_in_the_fence(void **state)
{
	struct ledger *ledger = open_made(state, OWN_TABLES, OWN_PROFILE);
	RESULT_CLEANUP struct result row = { 0 };
	add_own(ledger, 1, 10, "'100'", "'doomed'", "NULL");
	OK(ledger_read(ledger, "1", &row, &error));
	assert_int_equal(change(ledger->db, "UPDATE jobs SET kind = 'saved'"), 1);
	assert_false(remedied(ledger, REMEDY_CANCEL, &row, NULL));
	ledger_close(ledger);
}

/* ---- recoveries ---- */

static void test_recoveries_of_the_audit(void **state)
{
	struct ledger *ledger = open_made(state, RESERVED_TABLES, RESERVED_PROFILE);
	const char *ids[] = { "1", "none", "a b", "A B", "1 " };
	int64_t counts[COUNT_OF(ids)] = { 7, 7, 7, 7, 7 };
	OK(ledger_recoveries(ledger, ids, COUNT_OF(ids), NO_LIMIT, counts, &error));
	assert_int_equal(counts[0] + counts[1] + counts[2], 0);
	OK(ledger_make_host_tables(ledger, &error));
	static const struct event events[] = {
		{ .task = "1", .act = "recover", .to = STATE_READY, .age = NO_TIME },
		{ .task = "1", .act = "recover", .to = STATE_READY, .age = NO_TIME },
		{ .task = "1", .act = "retry", .to = STATE_READY, .age = NO_TIME },
		{ .task = "1", .act = "recover", .to = STATE_READY, .age = NO_TIME },
		{ .task = "1", .act = "recover", .to = STATE_FAILED, .age = NO_TIME },
		{ .task = "1", .act = "report", .to = STATE_READY, .age = NO_TIME },
		{ .task = "a b", .act = "recover", .to = STATE_READY, .age = NO_TIME },
		{ .task = "a b", .act = "deadline", .to = STATE_READY, .age = NO_TIME },
	};
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		OK(ledger_audit(ledger, &events[i], &error));
	}
	OK(ledger_recoveries(ledger, ids, COUNT_OF(ids), NO_LIMIT, counts, &error));
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 0);
	assert_int_equal(counts[2], 2);
	assert_int_equal(counts[3], 0);
	assert_int_equal(counts[4], 0);
	OK(ledger_recoveries(ledger, ids, COUNT_OF(ids), 3600 * S, counts, &error));
	assert_int_equal(counts[2], 2);
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	OK(ledger_recoveries(ledger, ids, COUNT_OF(ids), /* within= */ 1, counts, &error));
	assert_int_equal(counts[2], 0);
	OK(ledger_recoveries(ledger, ids, 0, NO_LIMIT, counts, &error));
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_a_time_from_another_table),
		in_scene(test_what_is_computed_is_in_the_fence),
		in_scene(test_kinds_of_what_is_computed),
		in_scene(test_wrong_expressions_are_named),
		in_scene(test_optional_ones_may_be_absent),
		in_scene(test_states_by_predicate),
		in_scene(test_an_index_of_a_predicate),
		in_scene(test_thresholds_of_rows),
		in_scene(test_rules_that_choose_rows),
		in_scene(test_no_evidence_either_way),
		in_scene(test_a_sign_of_life_is_in_the_fence),
		in_scene(test_a_choice_is_in_the_fence),
		in_scene(test_recoveries_of_the_audit),
	};
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
