/* Faults and traces around a connection. */
#include "contract.h"
#include "fault.h"

/* One fault at one step, and a record of the names seen. */
struct plot {
	long at;
	enum fault fault;
	char seen[256];
};

static enum fault decide(void *context, const char *name, long step)
{
	struct plot *plot = context;
	strcat(plot->seen, name);
	strcat(plot->seen, " ");
	return step == plot->at ? plot->fault : FAULT_NONE;
}

static enum reclaim_status add_one(struct db *db, struct reclaim_error *error)
{
	struct statement statement = plain("add", "INSERT INTO t VALUES (1)", true);
	RESULT_CLEANUP struct result result = { 0 };
	enum reclaim_status status = db_begin(db, DB_WRITE, error);
	if (status == RECLAIM_OK) {
		status = db_run(db, &statement, NULL, &result, error);
	}
	if (status == RECLAIM_OK) {
		status = db_commit(db, error);
	}
	db_rollback(db);
	return status;
}

static struct db *prepare(void **state)
{
	struct db *db = open_ours(file_url(state, "t.db"));
	script(db, "CREATE TABLE t (n)");
	return db;
}

static void test_faults_fall_where_they_should(void **state)
{
	static const struct {
		long at;
		enum fault fault;
		enum reclaim_status status;
		int rows;
	} cases[] = {
		{ 0, FAULT_BEFORE, RECLAIM_OK, 1 },
		{ 1, FAULT_BEFORE, RECLAIM_UNAVAILABLE, 0 },
		{ 1, FAULT_BUSY, RECLAIM_BUSY, 0 },
		{ 1, FAULT_AFTER, RECLAIM_UNAVAILABLE, 0 },
		{ 2, FAULT_BEFORE, RECLAIM_UNAVAILABLE, 0 },
		{ 2, FAULT_BUSY, RECLAIM_BUSY, 0 },
		{ 2, FAULT_AFTER, RECLAIM_UNAVAILABLE, 0 },
		{ 3, FAULT_BEFORE, RECLAIM_UNAVAILABLE, 0 },
		{ 3, FAULT_BUSY, RECLAIM_BUSY, 0 },
		{ 3, FAULT_AFTER, RECLAIM_UNKNOWN, 1 },
	};
	struct db *watcher = prepare(state);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		struct plot plot = { .at = cases[i].at, .fault = cases[i].fault };
		struct db *db = fault_wrap(open_ours(file_url(state, "t.db")), decide, &plot);
		assert_non_null(db);
		assert_int_equal(add_one(db, &error), cases[i].status);
		assert_int_equal(change(watcher, "DELETE FROM t"), cases[i].rows);
		if (cases[i].at) {
			assert_non_null(strstr(error.message, "step"));
		}
		plot.at = 0;
		assert_int_equal(add_one(db, &error), RECLAIM_OK);
		assert_int_equal(change(watcher, "DELETE FROM t"), 1);
		db_close(db);
	}
	db_close(watcher);
}

static void test_a_statement_alone_is_a_commit(void **state)
{
	struct db *watcher = prepare(state);
	struct reclaim_error error = { 0 };
	struct plot plot = { .at = 1, .fault = FAULT_AFTER };
	struct db *db = fault_wrap(open_ours(file_url(state, "t.db")), decide, &plot);
	struct statement adding = plain("add", "INSERT INTO t VALUES (1)", true);
	struct statement asking = plain("ask", "SELECT 1", false);
	assert_int_equal(db_run(db, &adding, NULL, NULL, &error), RECLAIM_UNKNOWN);
	plot.at = 2;
	assert_int_equal(db_script(db, "INSERT INTO t VALUES (2)", &error), RECLAIM_UNKNOWN);
	plot.at = 3;
	assert_int_equal(db_run(db, &asking, NULL, NULL, &error), RECLAIM_UNAVAILABLE);
	assert_string_equal(plot.seen, "add script ask ");
	assert_int_equal(ask(watcher, "SELECT count(*) FROM t"), 2);
	db_close(db);
	db_close(watcher);
}

struct killing {
	const char *url;
	struct plot plot;
};

static int add_and_die(void *context)
{
	struct killing *killing = context;
	struct db *db = fault_wrap(open_ours(killing->url), decide, &killing->plot);
	return (int)add_one(db, NULL);
}

static void test_a_killed_process_leaves_all_or_nothing(void **state)
{
	struct db *db = prepare(state);
	static const enum fault faults[] = { FAULT_KILL_BEFORE, FAULT_KILL_AFTER };
	for (long at = 1; at <= 3; at++) {
		for (size_t i = 0; i < COUNT_OF(faults); i++) {
			struct killing killing = { file_url(state, "t.db"),
						   { .at = at, .fault = faults[i] } };
			assert_int_equal(in_child(add_and_die, &killing, false), 128 + 9);
			int rows = at == 3 && faults[i] == FAULT_KILL_AFTER;
			assert_int_equal(change(db, "DELETE FROM t"), rows);
		}
	}
	db_close(db);
}

static struct plot hooked;

static struct db *wrap_opened(struct db *db)
{
	return fault_wrap(db, decide, &hooked);
}

static struct db *wrap_nothing(struct db *db)
{
	db_close(db);
	return NULL;
}

static void test_decorators_can_be_put_around_every_connection(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	struct table *table = NULL;
	db_opened = wrap_opened;
	db = prepare(state);
	db_opened = NULL;
	assert_string_equal(hooked.seen, "script ");
	assert_non_null(strstr(db_lock_path(db), "/t.db"));
	assert_string_equal(db->driver->name, "sqlite");
	assert_non_null(strstr(db->url->shown, "t.db"));
	assert_int_equal(db_look_up(db, "t", &table, &error), RECLAIM_OK);
	assert_true(table->exists);
	assert_int_equal(db_wait(db, 0, -1, &error), RECLAIM_OK);
	table_destroy(table);
	db_close(db);
	db_opened = wrap_nothing;
	enum reclaim_status status = db_open(file_url(state, "t.db"), NULL, &db, &error);
	db_opened = NULL;
	assert_failed(status, RECLAIM_NO_MEMORY, &error, NULL);
}

static void gather(void *context, const char *line)
{
	struct text *lines = context;
	text_add(lines, line);
	text_add_char(lines, '\n');
}

static void assert_told(struct text *lines, const char *part)
{
	if (!strstr(text_string(lines), part)) {
		FAIL_WITH("no '%s' in:\n%s", part, text_string(lines));
	}
}

static void test_a_trace_tells_each_step(void **state)
{
	static const int slots[] = { 0, 1, 2, 3 };
	struct reclaim_error error = { 0 };
	TEXT_CLEANUP struct text lines = { 0 };
	struct db *db = trace_wrap(prepare(state), gather, &lines);
	char longer[71];
	memset(longer, 'x', 70);
	longer[70] = '\0';
	/* The 64th byte lies within a character. */
	longer[63] = (char)0xc3;
	longer[64] = (char)0xa4;
	struct value params[] = { value_int(7), value_null(), value_string("a\nb"),
				  value_string(longer) };
	struct statement asking = {
		.name = "four",
		.sql = "SELECT ?1,\n\t?2, ?3,  ?4\n",
		.slots = slots,
		.slot_count = 4,
		.param_count = 4,
	};
	struct statement wrong = plain("wrong", "SELECT nothing", false);
	RESULT_CLEANUP struct result result = { 0 };
	assert_int_equal(db_run(db, &asking, params, &result, &error), RECLAIM_OK);
	assert_int_equal(result.columns, 4);
	assert_int_equal(add_one(db, &error), RECLAIM_OK);
	assert_int_equal(db_run(db, &wrong, NULL, NULL, &error), RECLAIM_INVALID);
	assert_int_equal(db_begin(db, DB_READ, &error), RECLAIM_OK);
	db_rollback(db);
	script(db, "SELECT 1");
	assert_told(&lines, "four: SELECT ?1, ?2, ?3, ?4 (7, NULL, 'a\\nb', 'xxx");
	longer[63] = '\0';
	assert_told(&lines, format("'%s…') 1 rows, 0 changed, ", longer));
	assert_told(&lines, "begin: write ");
	assert_told(&lines, "add: INSERT INTO t VALUES (1) () 0 rows, 1 changed, ");
	assert_told(&lines, "commit: ");
	assert_told(&lines, "ms failed: invalid");
	assert_told(&lines, "begin: read ");
	assert_told(&lines, "rollback: ");
	assert_told(&lines, "script: SELECT 1, ");
	assert_told(&lines, " ms\n");
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_faults_fall_where_they_should),
		in_folder(test_a_statement_alone_is_a_commit),
		in_folder(test_a_killed_process_leaves_all_or_nothing),
		in_folder(test_decorators_can_be_put_around_every_connection),
		in_folder(test_a_trace_tells_each_step),
	};
	return cmocka_run_group_tests_name("decorators", tests, NULL, NULL);
}
