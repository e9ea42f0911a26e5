/* What a plan makes of tables whose states, times and changes are not plain columns; on every engine. */
#include "scene.h"

#include "index.h"
#include "look.h"
#include "rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int64_t seconds_ago(int64_t seconds)
{
	return clock_read() / S - seconds;
}

static const char *write_profile(void **state, const char *text)
{
	const char *path = in(state, "made.conf");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

/* A ledger of our own making; its tables are made first. */
static struct ledger *open_unplanned(void **state, const char *tables, const char *profile)
{
	const char *path = write_profile(state, profile);
	struct db *db =
		open_with(ledger_url(state, path), &(struct db_options){ .create = true });
	script(db, tables);
	db_close(db);
	return open_ledger(state, path, NULL, NULL);
}

static struct ledger *open_made(void **state, const char *tables, const char *profile)
{
	struct ledger *ledger = open_unplanned(state, tables, profile);
	OK(ledger_plan(ledger, &error));
	return ledger;
}

static bool is_engine(const struct ledger *ledger, const char *name)
{
	return strcmp(ledger->db->driver->name, name) == 0;
}

/* The row of an id as the plan reads it; its facts. */
static void read_facts(struct ledger *ledger, const char *id, struct result *ret_row,
		       struct facts *ret_facts, bool *ret_readable)
{
	const char *bad = NULL;
	OK(ledger_read(ledger, id, ret_row, &error));
	*ret_readable = row_facts(ledger->plan, result_cell(ret_row, 0, 0), ret_facts, &bad);
	assert_true(*ret_readable || bad);
}

static enum outcome judged(struct ledger *ledger, const char *id)
{
	RESULT_CLEANUP struct result row = { 0 };
	struct facts facts;
	struct verdict verdict;
	bool readable;
	read_facts(ledger, id, &row, &facts, &readable);
	if (!readable) {
		return OUTCOME_BLIND;
	}
	judge(&ledger->plan->policy, &facts, NULL, row_now(result_cell(&row, 0, 0)), &verdict);
	return verdict.outcome;
}

/* Runs a remedy on the row as it was read, and what belongs to it; whether the row was still that. */
static bool remedied(struct ledger *ledger, enum remedy remedy, const struct result *row,
		     const char *error_text)
{
	const struct planned_change *change = &ledger->plan->remedies[remedy];
	struct inputs inputs = { .row = result_cell(row, 0, 0) };
	const struct inputs *one = &inputs;
	int64_t count = 0, unwanted;
	inputs.named[INPUT_ERROR] = value_string(error_text);
	inputs.named[INPUT_REASON] = value_string("silent");
	inputs.named[INPUT_RETRY] = value_int(90 * S);
	inputs.named[INPUT_ATTEMPTS] = value_int(1);
	OK(db_begin(ledger->db, DB_WRITE, &error));
	OK(planned_run_many(ledger->db, &change->update[error_text != NULL], &one, 1, &count,
			    &error));
	for (size_t i = 0; count == 1 && i < change->also_count; i++) {
		OK(planned_run_many(ledger->db, &change->also[i], &one, 1, &unwanted, &error));
	}
	OK(db_commit(ledger->db, &error));
	assert_in_range(count, 0, 1);
	return count == 1;
}

static bool take_row(struct ledger *ledger, const char *id, enum remedy remedy,
		     const char *error_text)
{
	RESULT_CLEANUP struct result row = { 0 };
	OK(ledger_read(ledger, id, &row, &error));
	return remedied(ledger, remedy, &row, error_text);
}

/* How many rows the sweep's first page has. */
static size_t found(struct ledger *ledger)
{
	RESULT_CLEANUP struct result rows = { 0 };
	struct inputs inputs = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(100);
	OK(planned_run(ledger->db, &ledger->plan->find.first, &inputs, &rows, &error));
	return rows.rows;
}

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

#define RESERVED_TABLES                                                                        \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, queue VARCHAR(20) NOT NULL DEFAULT 'q',"   \
	" reserved_at BIGINT, failed_at BIGINT, locked_by VARCHAR(20), attempts INTEGER NOT "  \
	"NULL DEFAULT 0);"
#define RESERVED_PROFILE                                                                       \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"predicates { running = \"reserved_at IS NOT NULL AND failed_at IS NULL\" ready = "    \
	"\"reserved_at IS NULL\" failed = \"failed_at IS NOT NULL\" }\n"                       \
	"columns { time = \"epoch\" claimed_at = \"reserved_at\" queue = \"queue\" attempts "  \
	"= \"attempts\" }\n"                                                                   \
	"budget { attempts = 3 last_resort = \"fail\" }\n"                                     \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"90s\" then = "            \
	"\"requeue\" }\n"                                                                      \
	"requeue { set = { \"reserved_at = NULL\" } }\n"                                       \
	"fail { set = { \"failed_at = {now}\" } }\n"

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

/* ---- changes of other shapes ---- */

#define CLAIM_TABLES                                                                           \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, queue VARCHAR(20) NOT NULL, due BIGINT);"  \
	"CREATE TABLE claimed (id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, process_id "   \
	"INTEGER, created_at BIGINT NOT NULL, note VARCHAR(20));"                              \
	"CREATE TABLE ready (job_id INTEGER NOT NULL, queue VARCHAR(20) NOT NULL, why "        \
	"VARCHAR(200));"                                                                       \
	"CREATE TABLE noted (claim_id INTEGER, note VARCHAR(20) NOT NULL);"                    \
	"CREATE TABLE slots (queue VARCHAR(20) NOT NULL, taken INTEGER NOT NULL);"
#define CLAIM_PROFILE                                                                          \
	"ledger = \"claims\"\ntable = \"claimed\"\nkey = { \"id\" }\n"                         \
	"predicates { running = \"1 = 1\" }\n"                                                 \
	"columns { time = \"epoch\" claimed_at = \"created_at\" token = { \"created_at\" } "   \
	"show = { \"job_id\" } }\n"                                                            \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"60s\" then = "            \
	"\"requeue\" }\n"                                                                      \
	"requeue {\n remove = true\n"                                                          \
	" also ready { set = { \"job_id = {old:job_id}\", \"queue = (SELECT queue FROM jobs "  \
	"WHERE id = {old:job_id})\", \"why = {reason}\" } }\n"                                 \
	" also noted { where = \"{old:note} IS NOT NULL\" set = { \"claim_id = {old:id}\", "   \
	"\"note = {old:note}\" } }\n"                                                          \
	" run = { \"UPDATE slots SET taken = taken - 1 WHERE queue IN (SELECT queue FROM "     \
	"jobs WHERE id = {old:job_id})\" }\n}\n"

static void test_the_end_of_a_row(void **state)
{
	struct ledger *ledger = open_made(state, CLAIM_TABLES, CLAIM_PROFILE);
	script(ledger->db,
	       format("INSERT INTO jobs VALUES (7, 'a', 0), (8, 'b', 0), (9, 'b', 0);"
		      "INSERT INTO slots VALUES ('a', 5), ('b', 5);"
		      "INSERT INTO claimed VALUES (1, 7, 4, %lld, NULL), (2, 8, 4, %lld, "
		      "'mine'), (3, 9, 4, %lld, NULL)",
		      (long long)seconds_ago(100), (long long)seconds_ago(100),
		      (long long)seconds_ago(1)));
	assert_true(index_serves(ledger->plan)); /* all rows are claims */
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, 2);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM claimed"), 1);
	assert_string_equal(ask_text(ledger, "SELECT queue FROM ready WHERE job_id = 8"), "b");
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM noted WHERE claim_id = 2"), 1);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM noted"), 1);
	assert_int_equal(ask(ledger->db, "SELECT taken FROM slots WHERE queue = 'a'"), 4);
	assert_int_equal(ask(ledger->db, "SELECT taken FROM slots WHERE queue = 'b'"), 4);
	assert_int_equal(ask(ledger->db,
			     format("SELECT count(*) FROM %sevents WHERE task = '2' AND act = "
				    "'recover'",
				    ledger->db->driver->own_prefix)),
			 1);
	ledger_close(ledger);
}

static void test_a_removal_is_fenced(void **state)
{
	struct ledger *ledger = open_made(state, CLAIM_TABLES, CLAIM_PROFILE);
	RESULT_CLEANUP struct result row = { 0 };
	script(ledger->db, "INSERT INTO claimed VALUES (1, 7, 4, 5, NULL)");
	OK(ledger_read(ledger, "1", &row, &error));
	assert_int_equal(change(ledger->db, "UPDATE claimed SET created_at = 6"), 1);
	assert_false(remedied(ledger, REMEDY_REQUEUE, &row, NULL));
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM claimed"), 1);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM ready"), 0);
	ledger_close(ledger);
}

static void say_right(void *context, const char *name, const char *sql)
{
	(void)name;
	text_printf(context, "%s\n", sql);
}

static void test_rights_of_all_that_is_touched(void **state)
{
	struct ledger *ledger = open_made(state, CLAIM_TABLES, CLAIM_PROFILE);
	TEXT_CLEANUP struct text told = { 0 };
	char quote = ledger->db->driver->quote;
	OK(ledger_rights(ledger, say_right, &told, &error));
	static const struct {
		const char *rights, *table;
	} expected[] = {
		{ "SELECT, UPDATE, DELETE", "claimed" },
		{ "INSERT", "ready" },
		{ "SELECT", "jobs" },
		{ "INSERT", "noted" },
		{ "SELECT, UPDATE", "slots" },
	};
	for (size_t i = 0; told.size && i < COUNT_OF(expected); i++) {
		const char *line =
			strstr(text_string(&told), format("GRANT %s ON ", expected[i].rights));
		bool named = false;
		for (; line && !named;
		     line = strstr(line + 1, format("GRANT %s ON ", expected[i].rights))) {
			const char *name =
				strstr(line, format("%c%s%c", quote, expected[i].table, quote));
			named = name && name < strchr(line, '\n');
		}
		if (!named) {
			FAIL_WITH("no %s on %s in:\n%s", expected[i].rights, expected[i].table,
				  text_string(&told));
		}
	}
	ledger_close(ledger);
}

#define WAITING_PROFILE                                                                        \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"columns { time = \"epoch\" state = \"state\" claimed_at = \"since\" }\n"              \
	"states { ready = { \"new\" } running = { \"run\" } }\n"                               \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"60s\" then = "            \
	"\"requeue\" }\n"

/* Somebody's open transaction has a row: it is left for the next pass, and all others are taken. */
static void check_locked(struct ledger *ledger, void **state, const char *locks, int64_t others)
{
	struct db *other = open_with(ledger_url(state, in(state, "made.conf")), NULL);
	OK(db_begin(other, DB_WRITE, &error));
	assert_int_equal(change(other, locks), 1);
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, others);
	assert_int_equal(result.locked, 1);
	db_rollback(other);
	db_close(other);
	result = sweep(ledger);
	assert_int_equal(result.requeued, 1);
	assert_int_equal(result.locked, 0);
}

static void test_a_removal_passes_over_locked_rows(void **state)
{
	struct ledger *ledger = open_made(state, CLAIM_TABLES, CLAIM_PROFILE);
	if (ledger->plan->passes_over_locked) {
		script(ledger->db, "INSERT INTO jobs VALUES (7, 'a', 0), (8, 'b', 0);"
				   "INSERT INTO claimed VALUES (1, 7, 4, 5, NULL), (2, 8, 4, "
				   "5, NULL)");
		check_locked(ledger, state, "UPDATE claimed SET note = 'x' WHERE id = 1", 1);
	}
	ledger_close(ledger);
}

/* The change of one row waits for what somebody holds elsewhere: the rest is taken all the same. */
static void test_a_trigger_that_waits_starves_nobody(void **state)
{
	static const char tables[] =
		"CREATE TABLE parents (id INTEGER PRIMARY KEY, n INTEGER);"
		"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state VARCHAR(20) "
		"NOT NULL, since BIGINT, parent INTEGER);"
		"INSERT INTO parents VALUES (1, 0), (2, 0);"
		"INSERT INTO jobs VALUES (1, 'run', 5, 2), (2, 'run', 5, 1), "
		"(3, 'run', 5, 2);";
	static const char postgres[] =
		"CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
		"UPDATE "
		"parents SET n = n + 1 WHERE id = new.parent; RETURN new; END $$; CREATE "
		"TRIGGER "
		"counting AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION count_up();";
	static const char mariadb[] =
		"CREATE TRIGGER counting AFTER UPDATE ON jobs FOR EACH ROW "
		"UPDATE parents SET n = n + 1 WHERE id = new.parent;";
	const char *path = in(state, "made.conf");
	const char *url = ledger_url(state, path);
	if (strncmp(url, "sqlite", 6) == 0) {
		return; /* there every lock is on the whole database */
	}
	ledger_close(open_unplanned(
		state,
		format("%s%s", tables, strncmp(url, "postgres", 8) == 0 ? postgres : mariadb),
		WAITING_PROFILE));
	struct ledger *ledger = NULL;
	OK(ledger_open(
		&(struct ledger_options){ .url = url, .profile = path, .db = { .busy = S } },
		&ledger, &error));
	OK(ledger_plan(ledger, &error));
	check_locked(ledger, state, "UPDATE parents SET n = 5 WHERE id = 1", 2);
	ledger_close(ledger);
}

/* A worker of ours on a table whose claims are rows of their own. */
static void test_handing_in_ends_a_row(void **state)
{
	struct ledger *ledger = open_made(
		state, CLAIM_TABLES,
		format("%s%s", strstr(CLAIM_PROFILE, "ledger"),
		       "verbs { complete { remove = true run = { \"DELETE FROM jobs WHERE id = "
		       "{old:job_id}\" } } release { remove = true } }\n"));
	script(ledger->db,
	       "INSERT INTO jobs VALUES (7, 'a', 0), (8, 'b', 0);"
	       "INSERT INTO claimed VALUES (1, 7, 4, 100, NULL), (2, 8, 4, 100, NULL)");
	FAILS(RECLAIM_LOST, verb_complete(ledger, "1", "101", NULL, &error));
	OK(verb_complete(ledger, "1", "100", NULL, &error));
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs"), 1);
	OK(verb_complete(ledger, "1", "100", NULL, &error)); /* the answer was lost */
	FAILS(RECLAIM_LOST, verb_release(ledger, "1", "100", &error));
	FAILS(RECLAIM_LOST, verb_complete(ledger, "3", "100", NULL, &error));
	OK(verb_release(ledger, "2", "100", &error));
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM claimed"), 0);
	ledger_close(ledger);
}

/* ---- calls ---- */

#define CALL_PROFILE                                                                           \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"columns { time = \"epoch\" state = \"state\" claimed_at = \"since\" }\n"              \
	"states { ready = { \"new\" } running = { \"run\" } }\n"                               \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"60s\" then = "            \
	"\"requeue\" }\n"                                                                      \
	"requeue {\n on postgres { call = \"SELECT give_back({old:id}, {reason})\" }\n"        \
	" on mariadb { call = \"CALL give_back({old:id}, {reason})\" }\n"                      \
	" on sqlite { call = \"SELECT give_back({old:id}, {reason})\" }\n"                     \
	" run = { \"UPDATE jobs SET runs = runs + 1 WHERE id = {old:id}\" }\n}\n"
#define CALL_TABLES                                                                            \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state VARCHAR(20) NOT NULL, since "        \
	"BIGINT, why VARCHAR(200), runs INTEGER NOT NULL DEFAULT 0);"

static const char *call_tables(const char *url)
{
	const char *function =
		strncmp(url, "sqlite", 6) == 0 ? ""
		: strncmp(url, "postgres", 8) == 0
			? "CREATE FUNCTION give_back(which integer, reason text) RETURNS void "
			  "LANGUAGE sql AS $$ UPDATE jobs SET state = 'new', why = reason "
			  "WHERE "
			  "id = which $$;"
			: "CREATE PROCEDURE give_back(which INTEGER, reason VARCHAR(200)) "
			  "UPDATE "
			  "jobs SET state = 'new', why = reason WHERE id = which;";
	return format("%s%s", CALL_TABLES, function);
}

static void test_the_hosts_own_code(void **state)
{
	const char *url = ledger_url(state, "x/made.conf");
	struct ledger *ledger = open_unplanned(state, call_tables(url), CALL_PROFILE);
	if (is_engine(ledger, "sqlite")) {
		struct reclaim_error error = { 0 };
		assert_failed(ledger_plan(ledger, &error), RECLAIM_UNSUPPORTED, &error, "call",
			      "sqlite", "set", NULL);
		ledger_close(ledger);
		return;
	}
	OK(ledger_plan(ledger, &error));
	script(ledger->db,
	       format("INSERT INTO jobs (id, state, since) VALUES (1, 'run', %lld), (2, "
		      "'run', %lld), (3, 'run', %lld)",
		      (long long)seconds_ago(100), (long long)seconds_ago(100),
		      (long long)seconds_ago(1)));
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, 2);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM jobs WHERE state = 'new' AND runs = 1"),
		2);
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs WHERE why LIKE '%laimed%'"),
			 2);
	RESULT_CLEANUP struct result row = { 0 };
	OK(ledger_read(ledger, "3", &row, &error));
	assert_int_equal(change(ledger->db, "UPDATE jobs SET since = 1 WHERE id = 3"), 1);
	assert_false(remedied(ledger, REMEDY_REQUEUE, &row, NULL));
	assert_int_equal(ask(ledger->db, "SELECT runs FROM jobs WHERE id = 3"), 0);
	assert_true(take_row(ledger, "3", REMEDY_REQUEUE, NULL));
	ledger_close(ledger);
}

static void test_a_call_passes_over_locked_rows(void **state)
{
	const char *url = ledger_url(state, "x/made.conf");
	struct ledger *ledger = open_unplanned(state, call_tables(url), CALL_PROFILE);
	if (!is_engine(ledger, "sqlite")) {
		OK(ledger_plan(ledger, &error));
		script(ledger->db, "INSERT INTO jobs (id, state, since) VALUES (1, 'run', 5), "
				   "(2, 'run', 5)");
		check_locked(ledger, state, "UPDATE jobs SET why = 'x' WHERE id = 1", 1);
		assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs WHERE runs = 1"),
				 2);
	}
	ledger_close(ledger);
}

/* ---- errors ---- */

#define ERROR_PROFILE                                                                          \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"columns { time = \"epoch\" state = \"state\" claimed_at = \"since\" error = "         \
	"\"errors\" due_at = \"due\" }\n"                                                      \
	"states { ready = { \"new\" } running = { \"run\" } }\n"                               \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"60s\" then = "            \
	"\"requeue\" error = \"lost\" }\n"                                                     \
	"error { mode = \"push\" entry { attempt = \"{attempts}\" error = \"{error}\" } }\n"   \
	"requeue { set = { \"due = {now+retry}\" } }\n"

static void check_push(void **state, const char *type, const char *before, const char *length,
		       int64_t expected)
{
	struct ledger *ledger = open_made(
		state,
		format("DROP TABLE IF EXISTS jobs; CREATE TABLE jobs (id INTEGER PRIMARY KEY, "
		       "state VARCHAR(20) NOT NULL, since BIGINT, due BIGINT, errors %s); "
		       "INSERT INTO jobs (id, state, since, errors) VALUES (1, 'run', 5, %s)",
		       type, before),
		ERROR_PROFILE);
	assert_true(
		take_row(ledger, "1", REMEDY_REQUEUE, "{\"attempt\":2,\"error\":\"o'hara\"}"));
	if (ask(ledger->db, format("SELECT %s FROM jobs", length)) != expected) {
		FAIL_WITH("%s of %s: %s", type, before,
			  ask_text(ledger, "SELECT errors FROM jobs"));
	}
	int64_t due = ask(ledger->db, "SELECT due FROM jobs");
	assert_in_range(due, seconds_ago(-85), seconds_ago(-95));
	ledger_close(ledger);
}

static void test_errors_are_pushed(void **state)
{
	const char *url = ledger_url(state, "x/made.conf");
	bool postgres = strncmp(url, "postgres", 8) == 0,
	     maria = strncmp(url, "mariadb", 7) == 0;
	const char *length = postgres ? "json_array_length(errors::json)"
			     : maria  ? "JSON_LENGTH(errors)"
				      : "json_array_length(errors)";
	check_push(state, "TEXT", "NULL", length, 1);
	check_push(state, "TEXT", "''", length, 1);
	check_push(state, "TEXT", "'[]'", length, 1);
	check_push(state, "TEXT", "'[{\"attempt\":1}, {}]'", length, 3);
	if (!postgres) {
		check_push(state, "TEXT", "'was text before'", length, 2);
		check_push(state, "TEXT", "'{\"a\":1}'", length, 2);
	}
	if (postgres) {
		check_push(state, "json", "'[{}]'", length, 2);
		check_push(state, "json", "NULL", length, 1);
		check_push(state, "jsonb", "'[{}]'", length, 2);
		check_push(state, "jsonb", "'null'", length, 1);
		check_push(state, "jsonb", "NULL", length, 1);
		check_push(state, "jsonb[]", "NULL", "cardinality(errors)", 1);
		check_push(state, "jsonb[] NOT NULL", "'{}'", "cardinality(errors)", 1);
		check_push(state, "jsonb[]", "ARRAY['{}'::jsonb]", "cardinality(errors)", 2);
		check_push(state, "json[]", "ARRAY['{}'::json]", "cardinality(errors)", 2);
		check_push(state, "jsonb", "'[]'", "(errors -> 0 ->> 'attempt')::int", 2);
	}
	if (maria) {
		check_push(state, "JSON", "'[{}]'", length, 2);
		check_push(state, "JSON", "'[]'", "JSON_VALUE(errors, '$[0].attempt')", 2);
	}
	if (!postgres && !maria) {
		check_push(state, "TEXT", "'[]'", "json_extract(errors, '$[0].attempt')", 2);
	}
}

/* ---- recoveries, wake ---- */

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

static void test_a_wake_is_planned(void **state)
{
	struct ledger *ledger =
		open_made(state, RESERVED_TABLES,
			  format("wake = \"SELECT '{\\\"r\\\":1}'\"\n%s", RESERVED_PROFILE));
	RESULT_CLEANUP struct result answer = { 0 };
	const struct inputs none = { 0 };
	TEXT_CLEANUP struct text told = { 0 };
	assert_non_null(ledger->plan->wake.statement.sql);
	OK(db_begin(ledger->db, DB_WRITE, &error));
	OK(planned_run(ledger->db, &ledger->plan->wake, &none, &answer, &error));
	OK(db_commit(ledger->db, &error));
	plan_list(ledger->plan, say_right, &told);
	assert_non_null(strstr(text_string(&told), "tells the host's workers"));
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
		in_scene(test_a_choice_is_in_the_fence),
		in_scene(test_the_end_of_a_row),
		in_scene(test_a_removal_is_fenced),
		in_scene(test_rights_of_all_that_is_touched),
		in_scene(test_handing_in_ends_a_row),
		in_scene(test_the_hosts_own_code),
		in_scene(test_a_removal_passes_over_locked_rows),
		in_scene(test_a_trigger_that_waits_starves_nobody),
		in_scene(test_a_call_passes_over_locked_rows),
		in_scene(test_errors_are_pushed),
		in_scene(test_recoveries_of_the_audit),
		in_scene(test_a_wake_is_planned),
	};
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
