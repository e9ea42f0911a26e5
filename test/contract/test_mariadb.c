/* What is MariaDB's own: locks, deadlocks, settings that others chose, types, lost connections. Needs a server of its own. */
#include "contract.h"
#include "driver.h"

#include <pthread.h>
#include <unistd.h>

static const char *server(void)
{
	const char *url = getenv("RECLAIM_TEST_DB");
	if (!url || strncmp(url, "mariadb:", 8) != 0) {
		skip();
	}
	return url;
}

static struct db *open_patient(int64_t busy)
{
	return open_with(server(), &(struct db_options){ .busy = busy });
}

static struct db *fresh(const char *tables)
{
	struct db *db = open_patient(0);
	script(db, "DROP TABLE IF EXISTS t");
	script(db, tables);
	return db;
}

static const int in_order[] = { 0, 1, 2, 3 };

static struct statement with(const char *sql, int params, bool writes)
{
	return (struct statement){ .name = "it",
				   .sql = sql,
				   .slots = in_order,
				   .slot_count = params,
				   .param_count = params,
				   .writes = writes };
}

static enum reclaim_status run(struct db *db, const char *sql, struct reclaim_error *error)
{
	struct statement statement = plain("it", sql, /* writes= */ true);
	return db_run(db, &statement, NULL, NULL, error);
}

#define ROWS "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0), (2, 0)"

static void test_a_lock_is_waited_for_and_then_busy(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *holder = fresh(ROWS), *other = open_patient(USEC_PER_SEC);
	assert_int_equal(db_begin(holder, DB_WRITE, &error), RECLAIM_OK);
	change(holder, "UPDATE t SET n = 1 WHERE id = 1");
	int64_t start = monotonic_now();
	assert_failed(run(other, "UPDATE t SET n = 2 WHERE id = 1", &error), RECLAIM_BUSY,
		      &error, "lock", "1s", NULL);
	int64_t waited = monotonic_now() - start;
	assert_true(waited > USEC_PER_SEC / 2 && waited < 5 * USEC_PER_SEC);
	assert_int_equal(db_begin(other, DB_WRITE, &error), RECLAIM_OK);
	change(other, "UPDATE t SET n = 7 WHERE id = 2");
	assert_failed(run(other, "UPDATE t SET n = 2 WHERE id = 1", &error), RECLAIM_BUSY,
		      &error, NULL);
	db_rollback(other);
	assert_int_equal(ask(other, "SELECT n FROM t WHERE id = 2"), 0);
	db_close(other);
	other = open_patient(-1);
	start = monotonic_now();
	assert_failed(run(other, "UPDATE t SET n = 2 WHERE id = 1", &error), RECLAIM_BUSY,
		      &error, NULL);
	assert_true(monotonic_now() - start < USEC_PER_SEC / 2);
	db_close(holder);
	db_close(other);
}

static void *second_update(void *context)
{
	struct reclaim_error error = { 0 };
	enum reclaim_status status = run(context, "UPDATE t SET n = 2 WHERE id = 1", &error);
	return (void *)(intptr_t)status;
}

static void test_a_deadlock_is_busy_and_nothing_of_it_stays(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *one = fresh(ROWS), *two = open_patient(0);
	pthread_t thread;
	void *returned;
	assert_int_equal(db_begin(one, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(db_begin(two, DB_WRITE, &error), RECLAIM_OK);
	change(one, "UPDATE t SET n = 1 WHERE id = 1");
	change(two, "UPDATE t SET n = 2 WHERE id = 2");
	assert_int_equal(pthread_create(&thread, NULL, second_update, two), 0);
	usleep(200000);
	enum reclaim_status mine = run(one, "UPDATE t SET n = 1 WHERE id = 2", &error);
	struct db *victim = mine == RECLAIM_BUSY ? one : two;
	if (victim == two) {
		assert_int_equal(mine, RECLAIM_OK);
		pthread_join(thread, &returned);
		assert_int_equal((intptr_t)returned, RECLAIM_BUSY);
	}
	/* What follows is in no transaction by mistake. */
	assert_failed(run(victim, "INSERT INTO t VALUES (3, 3)", &error), RECLAIM_UNAVAILABLE,
		      &error, "rolled the transaction back", NULL);
	assert_failed(db_commit(victim, &error), RECLAIM_UNAVAILABLE, &error,
		      "rolled the transaction back", NULL);
	if (victim == one) {
		pthread_join(thread, &returned);
		assert_int_equal((intptr_t)returned, RECLAIM_OK);
	}
	assert_int_equal(db_commit(victim == one ? two : one, &error), RECLAIM_OK);
	assert_int_equal(ask(one, "SELECT count(*) FROM t"), 2);
	db_close(one);
	db_close(two);
}

static void test_others_settings_change_nothing(void **state)
{
	(void)state;
	struct db *admin = open_patient(0);
	script(admin, "SET GLOBAL sql_mode = 'NO_ZERO_DATE', GLOBAL time_zone = '+05:30',"
		      " GLOBAL autocommit = 0, GLOBAL tx_isolation = 'SERIALIZABLE',"
		      " GLOBAL completion_type = 'CHAIN'");
	struct db *db = fresh("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(5), a INT, b INT,"
			      " at TIMESTAMP(6) NULL)");
	assert_int_equal(
		ask(db, "SELECT abs(timestampdiff(SECOND, utc_timestamp(), now())) < 5"), 1);
	assert_int_equal(ask(db, "SELECT 'a\\' || 'b' = concat('a', char(92), 'b')"), 1);
	change(db, "INSERT INTO t (id, s, a, b, at) VALUES (1, 'x', 1, 2, utc_timestamp(6))");
	change(db, "UPDATE \"t\" SET `a` = b, b = a");
	assert_int_equal(ask(db, "SELECT a * 10 + b FROM t"), 21);
	assert_int_equal(
		ask(db, "SELECT abs(timestampdiff(SECOND, at, utc_timestamp())) < 5 FROM t"),
		1);
	struct reclaim_error error = { 0 };
	assert_failed(run(db, "INSERT INTO t (id, s) VALUES (2, 'too long')", &error),
		      RECLAIM_INVALID, &error, "too long", NULL);
	assert_int_equal(ask(admin, "SELECT count(*) FROM t"), 1);
	assert_int_equal(ask(db, "SELECT @@tx_isolation = 'READ-COMMITTED'"), 1);
	script(admin, "SET GLOBAL sql_mode = DEFAULT, GLOBAL time_zone = DEFAULT,"
		      " GLOBAL autocommit = DEFAULT, GLOBAL tx_isolation = DEFAULT,"
		      " GLOBAL completion_type = DEFAULT");
	db_close(db);
	db_close(admin);
}

/* Each cell is bound back, and finds its row. */
static void test_every_type_comes_back_and_finds_its_row(void **state)
{
	(void)state;
	static const struct {
		const char *type, *value, *shown;
		enum value_type is;
	} cases[] = {
		{ "TINYINT", "-7", "-7", VALUE_INT },
		{ "BIGINT", "9007199254740993", "9007199254740993", VALUE_INT },
		{ "BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615",
		  VALUE_TEXT },
		{ "BIT(10)", "b'1100000001'", "769", VALUE_INT },
		{ "YEAR", "2026", "2026", VALUE_INT },
		{ "DOUBLE", "0.1", NULL, VALUE_REAL },
		{ "FLOAT", "0.1", NULL, VALUE_REAL },
		{ "DECIMAL(30,10)", "12345678901234567890.0123456789",
		  "12345678901234567890.0123456789", VALUE_TEXT },
		{ "DATETIME", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05.000000",
		  VALUE_TEXT },
		{ "DATETIME(6)", "'2026-01-02 03:04:05.000001'", "2026-01-02 03:04:05.000001",
		  VALUE_TEXT },
		{ "TIMESTAMP(3) NULL", "'2026-01-02 03:04:05.120'",
		  "2026-01-02 03:04:05.120000", VALUE_TEXT },
		{ "DATE", "'2026-01-02'", "2026-01-02", VALUE_TEXT },
		{ "TIME(6)", "'-30:00:01.5'", "-30:00:01.500000", VALUE_TEXT },
		{ "VARCHAR(20)", "'\xc3\xa4 \xf0\x9f\x8c\x8a'", "\xc3\xa4 \xf0\x9f\x8c\x8a",
		  VALUE_TEXT },
		{ "CHAR(5) CHARACTER SET latin1", "'\xc3\xa4'", "\xc3\xa4", VALUE_TEXT },
		{ "LONGTEXT", "repeat('x', 100000)", NULL, VALUE_TEXT },
		{ "ENUM('a','b')", "'b'", "b", VALUE_TEXT },
		{ "JSON", "'{\"a\": 1}'", "{\"a\": 1}", VALUE_TEXT },
		{ "UUID", "'01a20093-53f6-7bcd-9cdd-e157b973d94b'",
		  "01a20093-53f6-7bcd-9cdd-e157b973d94b", VALUE_TEXT },
		{ "BINARY(16)", "x'01a2009353f67bcd9cdde157b973d94b'",
		  "01a20093-53f6-7bcd-9cdd-e157b973d94b", VALUE_BLOB },
		{ "BLOB", "x'00ff'", "00ff", VALUE_BLOB },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		struct db *db = fresh(
			format("CREATE TABLE t (v %s) CHARACTER SET utf8mb4", cases[i].type));
		RESULT_CLEANUP struct result found = { 0 }, again = { 0 };
		TEXT_CLEANUP struct text shown = { 0 };
		change(db, format("INSERT INTO t VALUES (%s)", cases[i].value));
		struct statement reading = plain("it", "SELECT v, v FROM t", false);
		assert_int_equal(db_run(db, &reading, NULL, &found, &error), RECLAIM_OK);
		const struct value *value = result_cell(&found, 0, 1);
		assert_int_equal(value->type, cases[i].is);
		value_print(&shown, value);
		if (cases[i].shown) {
			assert_string_equal(text_string(&shown), cases[i].shown);
		}
		struct statement finding = with("SELECT v FROM t WHERE v <=> ?", 1, false);
		if (db_run(db, &finding, value, &again, &error) != RECLAIM_OK ||
		    again.rows != 1) {
			FAIL_WITH("%s: %s", cases[i].type, error.message);
		}
		db_close(db);
	}
}

static void test_parts_run_while_they_match(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = fresh(ROWS);
	struct statement statement = with("UPDATE t SET n = n + ? WHERE id = ?"
					  "\n-- then\n"
					  "SELECT n FROM t WHERE id = ?",
					  3, true);
	struct value there[] = { value_int(5), value_int(1), value_int(1) };
	struct value absent[] = { value_int(5), value_int(9), value_int(1) };
	RESULT_CLEANUP struct result found = { 0 }, nothing = { 0 };
	assert_int_equal(db_run(db, &statement, there, &found, &error), RECLAIM_OK);
	assert_int_equal(found.rows, 1);
	assert_int_equal(found.changed, 1);
	assert_int_equal(result_cell(&found, 0, 0)->number, 5);
	assert_int_equal(db_run(db, &statement, absent, &nothing, &error), RECLAIM_OK);
	assert_int_equal(nothing.rows, 0);
	assert_int_equal(nothing.changed, 0);
	/* The first part of one that fails is not kept. */
	struct statement broken =
		plain("it", "UPDATE t SET n = 99\n-- then\nSELECT x FROM t", true);
	assert_failed(db_run(db, &broken, NULL, NULL, &error), RECLAIM_INVALID, &error, "'x'",
		      NULL);
	assert_int_equal(ask(db, "SELECT max(n) FROM t"), 5);
	db_close(db);
}

static void run_many_rows(bool at_once)
{
	struct reclaim_error error = { 0 };
	struct db *db = fresh("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(300), n DOUBLE)");
	struct value params[1000][3];
	int64_t changed[1000];
	struct statement inserting = with("INSERT INTO t VALUES (?, ?, ?)", 3, true);
	inserting.many = at_once;
	for (int i = 0; i < 1000; i++) {
		params[i][0] = value_int(i);
		params[i][1] = i % 3 ? value_string(format("row %d%*s", i, i % 250, ""))
				     : value_null();
		params[i][2] = i % 5 ? (struct value){ .type = VALUE_REAL, .real = i / 8.0 }
				     : value_null();
	}
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(db_run_many(db, &inserting, params[0], 1000, changed, &error),
			 RECLAIM_OK);
	struct statement updating =
		with("UPDATE t SET n = -1 WHERE id = ? AND s <=> ? AND n <=> ?", 3, true);
	updating.many = at_once;
	params[17][2] = value_int(4711); /* not what is there */
	assert_int_equal(db_run_many(db, &updating, params[0], 1000, changed, &error),
			 RECLAIM_OK);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(changed[i], i != 17);
	}
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE n = -1"), 999);
	db_close(db);
}

static void test_many_rows_one_by_one(void **state)
{
	(void)state;
	run_many_rows(/* at_once= */ false);
}

/* The sum of the changes is one short, so that they go one by one after all. */
static void test_many_rows_in_one_call(void **state)
{
	(void)state;
	run_many_rows(/* at_once= */ true);
}

/* The engine would give all rows what the first one's query gave. */
static void test_many_rows_with_a_query_inside(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = fresh("CREATE TABLE j (id INT PRIMARY KEY, q INT);"
			      "INSERT INTO j SELECT seq, 7 * seq FROM seq_1_to_9;"
			      "CREATE TABLE t (id INT PRIMARY KEY, q INT)");
	struct value params[9][2];
	int64_t changed[9];
	struct statement statements[] = {
		with("INSERT INTO t VALUES ((SELECT q FROM j WHERE id = ?) / 7, ?)", 2, true),
		with("UPDATE t SET q = (SELECT q FROM j WHERE id = ?) WHERE id = ?", 2, true),
	};
	for (int i = 0; i < 9; i++) {
		params[i][0] = params[i][1] = value_int(i + 1);
	}
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	for (size_t i = 0; i < 2; i++) {
		statements[i].many = true;
		assert_int_equal(db_run_many(db, &statements[i], params[0], 9, changed, &error),
				 RECLAIM_OK);
	}
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE q = 7 * id"), 9);
	db_close(db);
}

/* What is not in the way waits for nobody; and what happened before in the transaction stays. */
static void test_many_rows_and_one_is_locked(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = fresh("CREATE TABLE t (id INT PRIMARY KEY, n INT);"
			      "INSERT INTO t SELECT seq, 0 FROM seq_1_to_50");
	struct db *other = open_patient(0);
	struct value params[50];
	int64_t changed[50];
	struct statement at_once = with("UPDATE t SET n = 1 WHERE id = ?", 1, true);
	struct statement taking = with("SELECT 1 FROM t WHERE id = ? FOR UPDATE SKIP LOCKED\n"
				       "-- then\nUPDATE t SET n = 1 WHERE id = ?",
				       2, true);
	static const int both[] = { 0, 0 };
	taking.slots = both;
	taking.param_count = 1;
	taking.many = true;
	taking.at_once = &at_once;
	for (int i = 0; i < 50; i++) {
		params[i] = value_int(i + 1);
	}
	assert_int_equal(db_begin(other, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(change(other, "UPDATE t SET n = 9 WHERE id = 30"), 1);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(change(db, "INSERT INTO t VALUES (99, 99)"), 1);
	assert_int_equal(db_run_many(db, &taking, params, 50, changed, &error), RECLAIM_OK);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(changed[i], i != 29);
	}
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	db_rollback(other);
	assert_int_equal(ask(db, "SELECT sum(n) FROM t"), 99 + 49);
	db_close(other);
	db_close(db);
}

/* What is brief waits for nobody, and passes over what is locked where it says so. */
static void test_what_is_brief_waits_for_nobody(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *holder = fresh(ROWS), *db = open_patient(60 * USEC_PER_SEC);
	assert_int_equal(db_begin(holder, DB_WRITE, &error), RECLAIM_OK);
	change(holder, "UPDATE t SET n = 1 WHERE id = 1");
	assert_int_equal(db_begin(db, DB_WRITE_BRIEF, &error), RECLAIM_OK);
	assert_int_equal(change(db, "SELECT 1 FROM t WHERE id = 1 FOR UPDATE SKIP LOCKED\n"
				    "-- then\nUPDATE t SET n = 2 WHERE id = 1"),
			 0);
	assert_int_equal(change(db, "UPDATE t SET n = 2 WHERE id = 2"), 1);
	assert_failed(run(db, "UPDATE t SET n = 2 WHERE id = 1", &error), RECLAIM_BUSY, &error,
		      "somebody else holds a lock", NULL);
	db_rollback(db);
	assert_int_equal(ask(db, "SELECT @@innodb_lock_wait_timeout"), 60);
	assert_int_equal(ask(db, "SELECT @@max_statement_time"), 360);
	db_close(db);
	db_close(holder);
}

/* The server ends the connection of who sends more than that: it is not sent. */
static void test_values_that_are_too_large(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *admin = fresh("CREATE TABLE t (id INT PRIMARY KEY, x LONGTEXT)");
	int64_t before = ask(admin, "SELECT @@GLOBAL.max_allowed_packet");
	script(admin, "SET GLOBAL max_allowed_packet = 65536");
	struct db *db = open_patient(0);
	char *text = calloc(1, 70000);
	struct value param = value_bytes(VALUE_TEXT, text, 65000);
	struct statement add = with("INSERT INTO t VALUES (1, ?)", 1, true);
	memset(text, 'x', 69999);
	assert_failed(db_run(db, &add, &param, NULL, &error), RECLAIM_INVALID, &error,
		      "65000 bytes", "max_allowed_packet", NULL);
	param.size = 60000;
	assert_int_equal(db_run(db, &add, &param, NULL, &error), RECLAIM_OK);
	assert_int_equal(ask(db, "SELECT length(x) FROM t"), 60000);
	script(admin, format("SET GLOBAL max_allowed_packet = %lld", (long long)before));
	free(text);
	db_close(db);
	db_close(admin);
}

static void test_a_killed_connection_is_made_again(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = fresh(ROWS), *admin = open_patient(0);
	int64_t id = ask(db, "SELECT connection_id()");
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	change(db, "UPDATE t SET n = 1");
	script(admin, format("KILL %lld", (long long)id));
	usleep(100000);
	assert_failed(run(db, "UPDATE t SET n = 2", &error), RECLAIM_UNAVAILABLE, &error, NULL);
	assert_failed(db_commit(db, &error), RECLAIM_UNAVAILABLE, &error, "rolled", NULL);
	assert_int_equal(ask(db, "SELECT max(n) FROM t"), 0);
	assert_true(ask(db, "SELECT connection_id()") != id);
	/* The settings are there again. */
	assert_int_equal(
		ask(db, "SELECT @@sql_mode LIKE '%NO_BACKSLASH_ESCAPES%'"
			" AND @@time_zone = '+00:00' AND @@tx_isolation = 'READ-COMMITTED'"),
		1);
	script(admin, format("KILL %lld", (long long)ask(db, "SELECT connection_id()")));
	usleep(600000);
	assert_int_equal(change(db, "UPDATE t SET n = 3"), 2);
	script(admin, format("KILL %lld", (long long)ask(db, "SELECT connection_id()")));
	usleep(100000);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(change(db, "UPDATE t SET n = 3"), 2);
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	db_close(db);
	db_close(admin);
}

static void *set_cancel(void *context)
{
	usleep(300000);
	__atomic_store_n((volatile int *)context, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void test_a_call_can_be_cancelled(void **state)
{
	(void)state;
	volatile int cancel = 0;
	struct reclaim_error error = { 0 };
	struct db *holder = fresh(ROWS);
	struct db *db = open_with(server(), &(struct db_options){ .cancel = &cancel });
	pthread_t thread;
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2);
	assert_int_equal(db_begin(holder, DB_WRITE, &error), RECLAIM_OK);
	change(holder, "UPDATE t SET n = 1");
	assert_int_equal(pthread_create(&thread, NULL, set_cancel, (void *)&cancel), 0);
	int64_t start = monotonic_now();
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_failed(run(db, "UPDATE t SET n = 2", &error), RECLAIM_BUSY, &error, "cancelled",
		      NULL);
	assert_true(monotonic_now() - start < 3 * USEC_PER_SEC);
	pthread_join(thread, NULL);
	db_close(db);
	db_close(holder);
}

static void test_writing_needs_the_right(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = fresh(ROWS);
	assert_int_equal(db_begin(db, DB_READ, &error), RECLAIM_OK);
	assert_failed(run(db, "UPDATE t SET n = 2", &error), RECLAIM_INTERNAL, &error,
		      "for reading", NULL);
	db_rollback(db);
	struct db *reader = open_with(server(), &(struct db_options){ .read_only = true });
	assert_failed(run(reader, "UPDATE t SET n = 2", &error), RECLAIM_UNAVAILABLE, &error,
		      "reading only", NULL);
	db_close(reader);
	script(db,
	       "CREATE OR REPLACE USER eve@'127.0.0.1' IDENTIFIED BY 'x'; GRANT SELECT ON t TO "
	       "eve@'127.0.0.1'");
	const char *at = strchr(server(), '@');
	while (strchr(at + 1, '@')) {
		at = strchr(at + 1, '@');
	}
	struct db *eve = open_with(format("mysql://eve:x%s", at), NULL);
	assert_failed(run(eve, "UPDATE t SET n = 2", &error), RECLAIM_UNAVAILABLE, &error,
		      "GRANT UPDATE ON", "TO 'eve'@'127.0.0.1'", NULL);
	db_close(eve);
	struct db *none = NULL;
	assert_failed(db_open(format("mysql://eve:wrong%s", at), NULL, &none, &error),
		      RECLAIM_UNAVAILABLE, &error, "refuses this user or password", NULL);
	assert_null(strstr(error.message, "wrong"));
	db_close(db);
}

static void test_urls(void **state)
{
	(void)state;
	server();
	static const struct {
		const char *url, *part;
	} wrong[] = {
		{ "mariadb:x", "'//' must follow" },
		{ "mariadb://h:port/d", "port" },
		{ "mariadb://h:0/d", "port" },
		{ "mariadb://h:65536/d", "port" },
		{ "mariadb://a%zz@h/d", "%XX" },
		{ "mariadb://[::1/d", "']'" },
		{ "mariadb://h/d?colour=red",
		  "unknown parameter 'colour'; allowed: unix_socket" },
		{ "mariadb://h/d?ssl_ca", "no '='" },
		{ "mariadb://h/d?connect_timeout=0", "connect_timeout" },
		{ "mysql://h/d?connect_timeout=soon", "connect_timeout" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct reclaim_error error = { 0 };
		struct db *db = NULL;
		assert_failed(db_open(wrong[i].url, NULL, &db, &error), RECLAIM_INVALID, &error,
			      wrong[i].part, NULL);
	}
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	assert_failed(db_open("mariadb://ann:secret@127.0.0.1:1/d", NULL, &db, &error),
		      RECLAIM_UNAVAILABLE, &error, "can't be reached", NULL);
	assert_null(strstr(error.message, "secret"));
	/* A '/' in the password that is not coded: nothing of it is shown. */
	assert_failed(db_open("mariadb://ann:sec/ret@127.0.0.1/d", NULL, &db, &error),
		      RECLAIM_INVALID, &error, NULL);
	assert_null(strstr(error.message, "sec/"));
	assert_null(strstr(error.message, "ret@"));
}

static void test_look_up_tells_kinds_and_collations(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct table *table = NULL;
	struct db *db = fresh(
		"CREATE TABLE t (a BIGINT AUTO_INCREMENT, b DATETIME(6), c TIMESTAMP NULL,"
		" d BINARY(16), e UUID, f VARCHAR(9) COLLATE utf8mb4_nopad_bin,"
		" g VARCHAR(9), h VARCHAR(9) NOT NULL DEFAULT 'x', PRIMARY KEY (h, a), KEY (a),"
		" KEY two (c, b)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
	assert_int_equal(db_look_up(db, "t", &table, &error), RECLAIM_OK);
	assert_int_equal(table_column(table, "A")->kind, COLUMN_NUMBER);
	assert_int_equal(table_column(table, "a")->key, 2);
	assert_true(table_column(table, "a")->has_default);
	assert_int_equal(table_column(table, "b")->kind, COLUMN_INSTANT);
	assert_false(table_column(table, "b")->has_default);
	assert_int_equal(table_column(table, "c")->kind, COLUMN_INSTANT);
	assert_int_equal(table_column(table, "d")->kind, COLUMN_BYTES);
	assert_int_equal(table_column(table, "e")->kind, COLUMN_UUID);
	assert_null(table_column(table, "f")->collation);
	assert_string_equal(table_column(table, "g")->collation, "utf8mb4_general_ci");
	assert_int_equal(table_column(table, "h")->key, 1);
	assert_true(table_column(table, "h")->has_default);
	assert_false(table_column(table, "h")->nullable);
	table_destroy(table);
	script(db, "CREATE OR REPLACE VIEW seen AS SELECT a FROM t");
	assert_int_equal(db_look_up(db, "seen", &table, &error), RECLAIM_OK);
	assert_true(table->is_view);
	table_destroy(table);
	script(db, "DROP VIEW seen");
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_lock_is_waited_for_and_then_busy),
		in_folder(test_a_deadlock_is_busy_and_nothing_of_it_stays),
		in_folder(test_others_settings_change_nothing),
		in_folder(test_every_type_comes_back_and_finds_its_row),
		in_folder(test_parts_run_while_they_match),
		in_folder(test_many_rows_one_by_one),
		in_folder(test_many_rows_in_one_call),
		in_folder(test_many_rows_with_a_query_inside),
		in_folder(test_many_rows_and_one_is_locked),
		in_folder(test_a_killed_connection_is_made_again),
		in_folder(test_values_that_are_too_large),
		in_folder(test_what_is_brief_waits_for_nobody),
		in_folder(test_a_call_can_be_cancelled),
		in_folder(test_writing_needs_the_right),
		in_folder(test_urls),
		in_folder(test_look_up_tells_kinds_and_collations),
	};
	return cmocka_run_group_tests_name("mariadb", tests, NULL, NULL);
}
