/* What only a server can do: sessions that end, locks that time out, notifications, types. RECLAIM_TEST_DB names it. */
#include "contract.h"
#include "driver.h"

#include <string.h>

static struct db *connected(void **state)
{
	return open_with(engine_url(state), &(struct db_options){ .busy = 2 * USEC_PER_SEC });
}

/* Ends every other session of this database. */
static void end_others(struct db *db)
{
	ask(db, "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
		" WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

static enum reclaim_status run(struct db *db, const char *sql, bool writes,
			       struct reclaim_error *error)
{
	struct statement statement = plain("tried", sql, writes);
	return db_run(db, &statement, NULL, NULL, error);
}

static void test_a_session_that_ends_between_statements_is_replaced(void **state)
{
	struct db *db = connected(state), *other = connected(state);
	struct reclaim_error error = { 0 };
	script(db, "CREATE TABLE IF NOT EXISTS t (n int)");
	end_others(other);
	assert_int_equal(change(db, "INSERT INTO t VALUES (1)"), 1);
	end_others(other);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	db_rollback(db);
	script(db, "DROP TABLE t");
	db_close(db);
	db_close(other);
}

static void test_a_session_that_ends_takes_its_transaction_with_it(void **state)
{
	struct db *db = connected(state), *other = connected(state);
	struct reclaim_error error = { 0 };
	script(db, "CREATE TABLE IF NOT EXISTS t (n int)");
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	change(db, "INSERT INTO t VALUES (1)");
	end_others(other);
	assert_int_equal(run(db, "INSERT INTO t VALUES (2)", true, &error),
			 RECLAIM_UNAVAILABLE);
	assert_int_equal(run(db, "INSERT INTO t VALUES (3)", true, &error),
			 RECLAIM_UNAVAILABLE);
	assert_int_equal(db_commit(db, &error), RECLAIM_UNAVAILABLE);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	script(db, "DROP TABLE t");
	db_close(db);
	db_close(other);
}

/* A backslash is a backslash, whatever the server or the account says; where we can't see to that, we say so. */
static void test_strings_are_the_standards(void **state)
{
	struct db *admin = connected(state);
	struct reclaim_error error = { 0 };
	script(admin,
	       "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) "
	       "|| ' SET standard_conforming_strings = off'; END $$");
	struct db *db = connected(state);
	static const char says[] = "SELECT (current_setting('standard_conforming_strings') = "
				   "'on' AND length('a\\b') = 3)::int";
	assert_int_equal(ask(db, says), 1);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(ask(db, says), 1);
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	script(db, "SELECT 'plain'");
	assert_failed(db_script(db, "SELECT 'a\\b'", &error), RECLAIM_UNSUPPORTED, &error,
		      "standard_conforming_strings", "off", NULL);
	script(admin,
	       "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) "
	       "|| ' RESET standard_conforming_strings'; END $$");
	db_close(db);
	db_close(admin);
}

static void test_a_lock_is_waited_for_so_long(void **state)
{
	struct db *db =
		open_with(engine_url(state), &(struct db_options){ .busy = USEC_PER_SEC / 5 });
	struct db *other = connected(state);
	struct reclaim_error error = { 0 };
	script(db, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)");
	assert_int_equal(db_begin(other, DB_WRITE, &error), RECLAIM_OK);
	change(other, "UPDATE t SET n = 2");
	int64_t start = monotonic_now();
	assert_failed(run(db, "UPDATE t SET n = 3", true, &error), RECLAIM_BUSY, &error,
		      "tried", "locked", NULL);
	assert_true(monotonic_now() - start < 5 * USEC_PER_SEC);
	db_rollback(other);
	script(db, "DROP TABLE t");
	db_close(db);
	db_close(other);
}

static void test_a_call_can_be_cancelled(void **state)
{
	volatile int cancel = 0;
	struct db *db = open_with(engine_url(state), &(struct db_options){ .cancel = &cancel });
	struct reclaim_error error = { 0 };
	cancel = 1;
	int64_t start = monotonic_now();
	assert_failed(run(db, "SELECT pg_sleep(30)", false, &error), RECLAIM_BUSY, &error,
		      "cancelled", NULL);
	assert_true(monotonic_now() - start < 5 * USEC_PER_SEC);
	cancel = 0;
	assert_int_equal(ask(db, "SELECT 7"), 7);
	db_close(db);
}

static void test_who_only_reads_writes_nothing(void **state)
{
	struct db *db = open_with(engine_url(state), &(struct db_options){ .read_only = true });
	struct reclaim_error error = { 0 };
	assert_int_equal(run(db, "CREATE TABLE u (n int)", true, &error), RECLAIM_UNAVAILABLE);
	assert_int_equal(ask(db, "SELECT 7"), 7);
	db_close(db);
}

static void test_a_deferred_constraint_is_refused_before_the_commit(void **state)
{
	struct db *db = connected(state);
	struct reclaim_error error = { 0 };
	script(db, "CREATE TABLE t (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	change(db, "INSERT INTO t VALUES (1), (1)");
	assert_failed(db_commit(db, &error), RECLAIM_INVALID, &error, "commit", "constraint",
		      NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	script(db, "DROP TABLE t");
	db_close(db);
}

static void test_a_notification_ends_a_wait(void **state)
{
	struct db *db = connected(state), *other = connected(state);
	struct reclaim_error error = { 0 };
	db_wait(db, 0, /* wake= */ -1, &error); /* listens from here on */
	change(other, "NOTIFY reclaim_ready");
	int64_t start = monotonic_now();
	assert_int_equal(db_wait(db, 30 * USEC_PER_SEC, /* wake= */ -1, &error), RECLAIM_OK);
	assert_true(monotonic_now() - start < 5 * USEC_PER_SEC);
	db_close(db);
	db_close(other);
}

static void test_types(void **state)
{
	static const struct {
		const char *sql, *printed;
		enum value_type type;
	} cases[] = {
		{ "1::smallint", "1", VALUE_INT },
		{ "-2::integer", "-2", VALUE_INT },
		{ "true", "1", VALUE_INT },
		{ "0.5::real", "0.5", VALUE_REAL },
		{ "'a'::varchar", "a", VALUE_TEXT },
		{ "'{\"a\": 1}'::jsonb", "{\"a\": 1}", VALUE_TEXT },
		{ "'\\x00ff'::bytea", "00ff", VALUE_BLOB },
		{ "'0B5F7C1E-3c0e-4a55-9f5e-0d8e7f6a5b4c'::uuid",
		  "0b5f7c1e-3c0e-4a55-9f5e-0d8e7f6a5b4c", VALUE_TEXT },
		{ "'2026-04-06 12:34:56.123456+02'::timestamptz",
		  "2026-04-06T10:34:56.123456+00:00", VALUE_TEXT },
		{ "'2026-04-06 12:34:56'::timestamp", "2026-04-06 12:34:56.000000",
		  VALUE_TEXT },
		{ "'0001-01-01'::timestamp", "0001-01-01 00:00:00.000000", VALUE_TEXT },
		{ "'9999-12-31 23:59:59.999999'::timestamp", "9999-12-31 23:59:59.999999",
		  VALUE_TEXT },
		{ "'10000-01-01'::timestamp", "10000-01-01 00:00:00.000000", VALUE_TEXT },
		{ "'294276-12-31 23:59:59.999999+00'::timestamptz",
		  "294276-12-31 23:59:59.999999+00", VALUE_TEXT },
		{ "'0044-03-15 12:00:00.5+00 BC'::timestamptz",
		  "0044-03-15 12:00:00.500000+00 BC", VALUE_TEXT },
		{ "'4713-01-01 00:00:00 BC'::timestamp", "4713-01-01 00:00:00.000000 BC",
		  VALUE_TEXT },
		{ "'infinity'::timestamptz", "infinity", VALUE_TEXT },
		{ "'-infinity'::timestamp", "-infinity", VALUE_TEXT },
	};
	struct db *db = connected(state);
	struct reclaim_error error = { 0 };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		RESULT_CLEANUP struct result result = { 0 };
		TEXT_CLEANUP struct text printed = { 0 };
		struct statement statement =
			plain("type", format("SELECT %s", cases[i].sql), false);
		assert_int_equal(db_run(db, &statement, NULL, &result, &error), RECLAIM_OK);
		assert_int_equal(result_cell(&result, 0, 0)->type, cases[i].type);
		value_print(&printed, result_cell(&result, 0, 0));
		assert_string_equal(text_string(&printed), cases[i].printed);
	}
	assert_int_equal(run(db, "SELECT 1.5::numeric", false, &error), RECLAIM_UNSUPPORTED);
	db_close(db);
}

static void test_many(void **state)
{
	static const int slots[] = { 0 };
	enum { COUNT = 1700 };
	struct db *db = connected(state);
	struct reclaim_error error = { 0 };
	static struct value params[COUNT];
	static int64_t changed[COUNT];
	struct statement update = { .name = "many",
				    .sql = "UPDATE t SET n = n + 1 WHERE n = $1",
				    .slots = slots,
				    .slot_count = 1,
				    .param_count = 1,
				    .writes = true };
	script(db, "CREATE TABLE t (n int UNIQUE);"
		   "INSERT INTO t SELECT 10 * i FROM generate_series(1, 1000) AS i");
	for (int i = 0; i < COUNT; i++) {
		params[i] = value_int(10 * (i + 1));
	}
	assert_int_equal(db_run_many(db, &update, params, COUNT, changed, &error),
			 RECLAIM_INTERNAL);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(db_run_many(db, &update, params, COUNT, changed, &error), RECLAIM_OK);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(changed[i], i < 1000);
	}
	params[1] = value_string("no number");
	assert_failed(db_run_many(db, &update, params, 3, changed, &error), RECLAIM_INVALID,
		      &error, "many", NULL);
	db_rollback(db);
	assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE n % 10 = 0"), 1000);
	script(db, "DROP TABLE t");
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_session_that_ends_between_statements_is_replaced),
		in_folder(test_a_session_that_ends_takes_its_transaction_with_it),
		in_folder(test_a_lock_is_waited_for_so_long),
		in_folder(test_strings_are_the_standards),
		in_folder(test_a_call_can_be_cancelled),
		in_folder(test_who_only_reads_writes_nothing),
		in_folder(test_a_deferred_constraint_is_refused_before_the_commit),
		in_folder(test_a_notification_ends_a_wait),
		in_folder(test_types),
		in_folder(test_many),
	};
	return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
