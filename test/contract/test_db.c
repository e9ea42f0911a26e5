/* What every engine must give, whichever RECLAIM_TEST_DB names; without it a private SQLite file. */
#include "contract.h"
#include "driver.h"

#include <unistd.h>

static int engine_setup(void **state)
{
	if (folder_setup(state)) {
		return -1;
	}
	struct db *db = open_ours(engine_url(state));
	script(db, "DROP TABLE IF EXISTS reclaim_contract");
	script(db, "CREATE TABLE reclaim_contract (id bigint PRIMARY KEY, name text, "
		   "size double precision)");
	db_close(db);
	return 0;
}

#define on_engine(test) cmocka_unit_test_setup_teardown(test, engine_setup, folder_teardown)

/* Each '?' as the engine's next marker. */
static const char *with_markers(const struct db *db, const char *sql)
{
	TEXT_CLEANUP struct text text = { 0 };
	int n = 0;
	for (; *sql; sql++) {
		if (*sql == '?') {
			db->driver->marker(&text, ++n);
		} else {
			text_add_char(&text, *sql);
		}
	}
	return format("%s", text_string(&text));
}

static const int in_order[] = { 0, 1, 2 };

static struct statement inserting(const struct db *db)
{
	return (struct statement){
		.name = "insert",
		.sql = with_markers(db, "INSERT INTO reclaim_contract VALUES (?, ?, ?)"),
		.slots = in_order,
		.slot_count = 3,
		.param_count = 3,
		.writes = true,
	};
}

static void insert(struct db *db, int64_t id, const char *name)
{
	struct reclaim_error error = { 0 };
	RESULT_CLEANUP struct result result = { 0 };
	struct statement statement = inserting(db);
	struct value params[] = { value_int(id), value_string(name), value_null() };
	if (db_run(db, &statement, params, &result, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
	assert_int_equal(result.changed, 1);
}

static void test_wrong_urls_say_what_is_allowed(void **state)
{
	(void)state;
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	assert_failed(db_open("mongodb://ann:secret@host/db", NULL, &db, &error),
		      RECLAIM_INVALID, &error, "'mongodb://ann:***@host/db'", "'mongodb'",
		      "sqlite:", NULL);
	assert_null(strstr(error.message, "secret"));
	assert_failed(db_open("tasks.db", NULL, &db, &error), RECLAIM_INVALID, &error,
		      "'tasks.db'", "no scheme", "sqlite:", NULL);
	assert_failed(db_open("", NULL, &db, &error), RECLAIM_INVALID, &error, "sqlite:", NULL);
	assert_failed(db_open(NULL, NULL, &db, &error), RECLAIM_INVALID, &error, NULL);
	assert_null(db);
}

static void test_passwords_are_never_shown(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "sqlite:a b:c@d.db", "sqlite:a b:c@d.db" },
		{ "sqlite:///a:b@c.db", "sqlite:///a:b@c.db" },
		{ "postgres://ann@h/db", "postgres://ann@h/db" },
		{ "postgres://h:5432/db", "postgres://h:5432/db" },
		{ "postgres://h:5432/db?user=a@b", "postgres://h:5432/db?user=a@b" },
		{ "postgres://ann@h:1,i:2/db", "postgres://ann@h:1,i:2/db" },
		{ "postgres://ann:x@h:1,i:2/db?a=b", "postgres://ann:***@h:1,i:2/db?a=b" },
		{ "postgres://ann:@h/db", "postgres://ann:***@h/db" },
		{ "postgres://ann:x@y/z@h/db", "postgres://ann:***@h/db" },
		{ "postgres://ann:x/y?z@h/db", "postgres://ann:***@h/db" },
		{ "postgres://ann:1?z@h/db", "postgres://ann:***@h/db" },
		{ "postgres:///db?password=x%20y&sslmode=require",
		  "postgres:///db?password=***&sslmode=require" },
		{ "postgres:///db?a=1&PASSWORD=x", "postgres:///db?a=1&PASSWORD=***" },
		{ "postgres:///db?sslpassword=x#y", "postgres:///db?sslpassword=***" },
		{ "postgres:///db?pass%77ord=x&a=b", "postgres:///db?pass%77ord=***&a=b" },
		{ "mysql://h/db?passwd=x", "mysql://h/db?passwd=***" },
		{ "postgres:host=h password='x \\'y' dbname=d",
		  "postgres:host=h password=*** dbname=d" },
		{ "postgres:password=x y=z", "postgres:password=*** y=z" },
		/* Control characters: only that they are gone. */
		{ "sqlite:a\nb\x1b[0m", "sqlite:a\\nb\\x1b[0m" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ARENA_CLEANUP struct arena arena = { 0 };
		struct url url;
		assert_true(url_parse(&arena, cases[i].text, &url));
		assert_string_equal(url.text, cases[i].text);
		if (i + 1 < COUNT_OF(cases)) {
			assert_string_equal(url.shown, cases[i].shown);
		}
		assert_null(strpbrk(url.shown, "\n\x1b"));
	}
}

static void test_values_come_back_as_they_were(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	struct statement statement = inserting(db);
	struct value rows[][3] = {
		{ value_int(INT64_MIN), value_string(""), value_null() },
		{ value_int(-1),
		  value_string("it's \xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\x8a"),
		  { .type = VALUE_REAL, .real = -0.125 } },
		{ value_int(INT64_MAX), value_null(), { .type = VALUE_REAL, .real = 1e300 } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(db_run(db, &statement, rows[i], NULL, &error), RECLAIM_OK);
	}
	RESULT_CLEANUP struct result result = { 0 };
	struct statement all =
		plain("all", "SELECT id, name, size FROM reclaim_contract ORDER BY id", false);
	assert_int_equal(db_run(db, &all, NULL, &result, &error), RECLAIM_OK);
	assert_int_equal(result.rows, 3);
	assert_int_equal(result.columns, 3);
	assert_int_equal(result.changed, 0);
	for (size_t row = 0; row < 3; row++) {
		for (size_t column = 0; column < 3; column++) {
			assert_true(value_equal(result_cell(&result, row, column),
						&rows[row][column]));
		}
	}
	assert_true(value_is_null(result_cell(&result, 3, 0)));
	assert_true(value_is_null(result_cell(&result, 0, 3)));
	db_close(db);
}

static void test_slots_say_which_parameter_a_marker_takes(void **state)
{
	static const int slots[] = { 1, 0, 1 };
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	RESULT_CLEANUP struct result result = { 0 };
	struct statement statement = {
		.name = "slots",
		.sql = with_markers(db,
				    "SELECT id FROM reclaim_contract WHERE id = ? AND name = "
				    "? AND id = ?"),
		.slots = slots,
		.slot_count = 3,
		.param_count = 2,
	};
	insert(db, 7, "seven");
	struct value params[] = { value_string("seven"), value_int(7) };
	assert_int_equal(db_run(db, &statement, params, &result, &error), RECLAIM_OK);
	assert_int_equal(result.rows, 1);
	db_close(db);
}

static void test_a_transaction_is_kept_or_forgotten_whole(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_true(db->in_transaction);
	insert(db, 1, "a");
	db_rollback(db);
	assert_false(db->in_transaction);
	assert_int_equal(ask(db, "SELECT count(*) FROM reclaim_contract"), 0);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	insert(db, 1, "a");
	insert(db, 2, "b");
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	assert_int_equal(db_begin(db, DB_READ, &error), RECLAIM_OK);
	assert_int_equal(ask(db, "SELECT count(*) FROM reclaim_contract"), 2);
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	db_close(db);
	db = open_ours(engine_url(state));
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	insert(db, 3, "closing forgets it");
	db_close(db);
	db = open_ours(engine_url(state));
	assert_int_equal(ask(db, "SELECT count(*) FROM reclaim_contract"), 2);
	db_close(db);
	db_close(NULL);
}

static void test_transactions_do_not_nest(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	assert_failed(db_commit(db, &error), RECLAIM_INTERNAL, &error, "no transaction", NULL);
	db_rollback(db);
	assert_int_equal(db_begin(db, DB_READ, &error), RECLAIM_OK);
	assert_failed(db_begin(db, DB_READ, &error), RECLAIM_INTERNAL, &error, "open already",
		      NULL);
	assert_true(db->in_transaction);
	db_close(db);
}

static void test_changed_counts_the_rows_that_matched(void **state)
{
	struct db *db = open_ours(engine_url(state));
	insert(db, 1, "a");
	insert(db, 2, "b");
	assert_int_equal(change(db, "UPDATE reclaim_contract SET name = name"), 2);
	assert_int_equal(change(db, "UPDATE reclaim_contract SET name = 'a' WHERE id = 9"), 0);
	assert_int_equal(change(db, "DELETE FROM reclaim_contract WHERE id = 1"), 1);
	assert_int_equal(change(db, "DELETE FROM reclaim_contract WHERE id = 1"), 0);
	db_close(db);
}

static void test_a_refused_statement_names_itself_and_leaves_nothing(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	struct statement statement = inserting(db);
	struct value params[] = { value_int(1), value_null(), value_null() };
	insert(db, 1, "a");
	assert_failed(db_run(db, &statement, params, NULL, &error), RECLAIM_INVALID, &error,
		      "insert", NULL);
	struct statement wrong = plain("wrong one", "SELECT id FROM nowhere", false);
	assert_failed(db_run(db, &wrong, NULL, NULL, &error), RECLAIM_INVALID, &error,
		      "wrong one", "nowhere", NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM reclaim_contract"), 1);
	db_close(db);
}

static void test_many_rows(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	RESULT_CLEANUP struct result result = { 0 };
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	for (int i = 0; i < 1000; i++) {
		insert(db, i, "row");
	}
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	struct statement all =
		plain("all", "SELECT id, name FROM reclaim_contract ORDER BY id", false);
	assert_int_equal(db_run(db, &all, NULL, &result, &error), RECLAIM_OK);
	assert_int_equal(result.rows, 1000);
	for (size_t i = 0; i < result.rows; i++) {
		assert_int_equal(result_cell(&result, i, 0)->number, i);
		assert_string_equal(result_cell(&result, i, 1)->data, "row");
	}
	db_close(db);
}

static void test_look_up_tells_a_table_as_found(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	struct table *table = NULL;
	script(db, "CREATE UNIQUE INDEX reclaim_contract_size ON reclaim_contract (size, id)");
	assert_int_equal(db_look_up(db, "reclaim_contract", &table, &error), RECLAIM_OK);
	assert_true(table->exists);
	assert_false(table->is_view);
	assert_int_equal(table->column_count, 3);
	assert_int_equal(table_column(table, "id")->key, 1);
	assert_int_equal(table_column(table, "name")->key, 0);
	assert_true(table_column(table, "name")->nullable);
	assert_string_equal(table_column(table, "name")->type, "text");
	assert_null(table_column(table, "nothing"));
	bool found = false;
	for (size_t i = 0; i < table->index_count; i++) {
		const struct table_index *index = &table->indexes[i];
		if (strcmp(index->name, "reclaim_contract_size") == 0) {
			found = index->unique && index->valid && !index->partial;
			assert_string_equal(index->first, "size");
		}
	}
	assert_true(found);
	table_destroy(table);
	assert_int_equal(db_look_up(db, "reclaim_no_such_table", &table, &error), RECLAIM_OK);
	assert_false(table->exists);
	assert_int_equal(table->column_count, 0);
	table_destroy(table);
	table_destroy(NULL);
	db_close(db);
}

static void test_wait_ends_with_its_time_or_the_wake(void **state)
{
	struct db *db = open_ours(engine_url(state));
	struct reclaim_error error = { 0 };
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	db_wait(db, 0, /* wake= */ -1, &error);
	int64_t start = monotonic_now();
	assert_int_equal(db_wait(db, 50000, ends[0], &error), RECLAIM_OK);
	assert_true(monotonic_now() - start >= 50000);
	assert_int_equal(write(ends[1], "x", 1), 1);
	start = monotonic_now();
	assert_int_equal(db_wait(db, 60 * USEC_PER_SEC, ends[0], &error), RECLAIM_OK);
	assert_true(monotonic_now() - start < 10 * USEC_PER_SEC);
	close(ends[0]);
	close(ends[1]);
	db_close(db);
}

/* Everything once, with so many allocations granted. */
static enum reclaim_status use_all(const char *url, struct reclaim_error *error)
{
	struct db *db = NULL;
	struct table *table = NULL;
	RESULT_CLEANUP struct result result = { 0 };
	struct statement writing = plain("write", "UPDATE reclaim_contract SET size = 1", true);
	struct statement reading =
		plain("read", "SELECT id, 'text' FROM reclaim_contract", false);
	enum reclaim_status status =
		db_open(url, &(struct db_options){ .create = true }, &db, error);
	if (status == RECLAIM_OK) {
		status = db_run(db, &writing, NULL, NULL, error);
	}
	if (status == RECLAIM_OK) {
		status = db_run(db, &reading, NULL, &result, error);
	}
	if (status == RECLAIM_OK) {
		status = db_look_up(db, "reclaim_contract", &table, error);
	}
	table_destroy(table);
	db_close(db);
	return status;
}

static void test_no_memory_is_an_answer(void **state)
{
	const char *url = engine_url(state);
	struct db *db = open_ours(url);
	insert(db, 1, "a");
	db_close(db);
	enum reclaim_status status = RECLAIM_NO_MEMORY;
	long granted = 0;
	for (; status == RECLAIM_NO_MEMORY && granted < 1000; granted++) {
		struct reclaim_error error = { 0 };
		allocation_fail_after(granted);
		status = use_all(url, &error);
		allocation_fail_after(ALLOCATION_NEVER);
	}
	assert_int_equal(status, RECLAIM_OK);
	assert_true(granted > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_urls_say_what_is_allowed),
		cmocka_unit_test(test_passwords_are_never_shown),
		on_engine(test_values_come_back_as_they_were),
		on_engine(test_slots_say_which_parameter_a_marker_takes),
		on_engine(test_a_transaction_is_kept_or_forgotten_whole),
		on_engine(test_transactions_do_not_nest),
		on_engine(test_changed_counts_the_rows_that_matched),
		on_engine(test_a_refused_statement_names_itself_and_leaves_nothing),
		on_engine(test_many_rows),
		on_engine(test_look_up_tells_a_table_as_found),
		on_engine(test_wait_ends_with_its_time_or_the_wake),
		on_engine(test_no_memory_is_an_answer),
	};
	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
