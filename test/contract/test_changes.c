/* What a plan makes of changes that do more than set columns: the end of a row, a call, an error that is pushed. */
#include "scene_made.h"

#include "index.h"
#include "rights.h"

#include <string.h>

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

/* Somebody's open transaction has rows: they are left for the next pass, and all others are taken. */
static void check_locked(struct ledger *ledger, void **state, const char *locks, int64_t locked,
			 int64_t others)
{
	struct db *other = open_with(ledger_url(state, in(state, "made.conf")), NULL);
	OK(db_begin(other, DB_WRITE, &error));
	assert_int_equal(change(other, locks), 1);
	struct sweep_result result = sweep(ledger);
	assert_int_equal(result.requeued, others);
	assert_int_equal(result.locked, locked);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.cut_short.status, RECLAIM_OK);
	db_rollback(other);
	db_close(other);
	result = sweep(ledger);
	assert_int_equal(result.requeued, locked);
	assert_int_equal(result.locked, 0);
}

static void test_a_removal_passes_over_locked_rows(void **state)
{
	struct ledger *ledger = open_made(state, CLAIM_TABLES, CLAIM_PROFILE);
	if (ledger->plan->passes_over_locked) {
		script(ledger->db, "INSERT INTO jobs VALUES (7, 'a', 0), (8, 'b', 0);"
				   "INSERT INTO claimed VALUES (1, 7, 4, 5, NULL), (2, 8, 4, "
				   "5, NULL)");
		check_locked(ledger, state, "UPDATE claimed SET note = 'x' WHERE id = 1", 1, 1);
	}
	ledger_close(ledger);
}

#define FAMILY_TABLES                                                                          \
	"CREATE TABLE parents (id INTEGER PRIMARY KEY, n INTEGER);"                            \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state VARCHAR(20) NOT NULL, since "        \
	"BIGINT, parent INTEGER);"                                                             \
	"INSERT INTO parents VALUES (1, 0), (2, 0);"

/* Where others lock rows; the change of one does what `postgres` or `mariadb` says. NULL: not there. */
static struct ledger *open_family(void **state, const char *postgres, const char *mariadb,
				  const struct db_options *options)
{
	const char *path = in(state, "made.conf");
	const char *url = ledger_url(state, path);
	const char *trigger = mariadb;
	struct ledger *ledger = NULL;
	if (strncmp(url, "sqlite", 6) == 0) {
		return NULL; /* there every lock is on the whole database */
	}
	if (strncmp(url, "postgres", 8) == 0) {
		trigger = format("CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS "
				 "$$ BEGIN %s; RETURN new; END $$; CREATE TRIGGER acting AFTER "
				 "UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION act();",
				 postgres);
	} else {
		trigger = format("CREATE TRIGGER acting AFTER UPDATE ON jobs FOR EACH ROW %s;",
				 mariadb);
	}
	ledger_close(
		open_unplanned(state, format("%s%s", FAMILY_TABLES, trigger), WAITING_PROFILE));
	OK(ledger_open(&(struct ledger_options){ .url = url, .profile = path, .db = *options },
		       &ledger, &error));
	OK(ledger_plan(ledger, &error));
	return ledger;
}

/* The changes of many rows wait for what somebody holds elsewhere: they are named, and the rest is taken all the same. */
static void test_triggers_that_wait_starve_nobody(void **state)
{
	static const char counts[] = "UPDATE parents SET n = n + 1 WHERE id = new.parent";
	struct ledger *ledger =
		open_family(state, counts, counts, &(struct db_options){ .busy = S });
	if (!ledger) {
		return;
	}
	for (int i = 1; i <= 40; i++) {
		script(ledger->db,
		       format("INSERT INTO jobs VALUES (%d, 'run', 5, %d)", i, i % 20 ? 1 : 2));
	}
	check_locked(ledger, state, "UPDATE parents SET n = 5 WHERE id = 1", 38, 2);
	ledger_close(ledger);
}

/* A row whose change takes for ever is an error of its own, and says so. */
static void test_a_change_that_takes_too_long(void **state)
{
	struct ledger *ledger = open_family(
		state, "PERFORM pg_sleep(CASE new.parent WHEN 1 THEN 60 ELSE 0 END)",
		"DO SLEEP(CASE new.parent WHEN 1 THEN 60 ELSE 0 END)",
		&(struct db_options){ .statement = S / 2 });
	if (!ledger) {
		return;
	}
	script(ledger->db, "INSERT INTO jobs VALUES (1, 'run', 5, 2), (2, 'run', 5, 1), (3, "
			   "'run', 5, 2)");
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_int_equal(result.requeued, 2);
	assert_int_equal(result.errors, 1);
	assert_int_equal(result.locked, 0);
	assert_int_equal(result.problem_count, 1);
	assert_string_equal(result.problems[0].id, "2");
	assert_non_null(strstr(result.problems[0].message, "it takes too long"));
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* A pass has an end, and what it did by then is done; whatever hangs, it has taken a batch. */
static void test_a_pass_has_an_end(void **state)
{
	struct ledger *ledger = open_made(state, FAMILY_TABLES, WAITING_PROFILE);
	TEXT_CLEANUP struct text rows = { 0 };
	const struct pass_options at_once = { .limit = -1, .longest = 1 };
	for (int i = 1; i <= 300; i++) {
		text_printf(&rows, "%s(%d, 'run', 5, 1)", i > 1 ? ", " : "", i);
	}
	script(ledger->db, format("INSERT INTO jobs VALUES %s", text_string(&rows)));
	struct sweep_result result = swept(ledger, at_once);
	assert_int_equal(result.requeued, 200);
	assert_int_equal(result.held_back, 100);
	assert_int_equal(result.cut_short.status, RECLAIM_BUSY);
	assert_true(result.cut_short.overlong);
	assert_int_equal(audits(ledger, NULL, "recover"), 200);
	sweep_result_finish(&result);
	result = swept(ledger, at_once);
	assert_int_equal(result.requeued, 100);
	assert_int_equal(result.cut_short.status, RECLAIM_OK);
	sweep_result_finish(&result);
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
		check_locked(ledger, state, "UPDATE jobs SET why = 'x' WHERE id = 1", 1, 1);
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

/* ---- wake ---- */

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
		in_scene(test_the_end_of_a_row),
		in_scene(test_a_removal_is_fenced),
		in_scene(test_rights_of_all_that_is_touched),
		in_scene(test_a_removal_passes_over_locked_rows),
		in_scene(test_triggers_that_wait_starve_nobody),
		in_scene(test_a_change_that_takes_too_long),
		in_scene(test_a_pass_has_an_end),
		in_scene(test_handing_in_ends_a_row),
		in_scene(test_the_hosts_own_code),
		in_scene(test_a_call_passes_over_locked_rows),
		in_scene(test_errors_are_pushed),
		in_scene(test_a_wake_is_planned),
	};
	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
