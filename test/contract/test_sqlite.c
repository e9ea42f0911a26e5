/* SQLite: names of files, settings, values, statements, and what ends a transaction. */
#include "contract.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_file(const char *path, const char *data, size_t size)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_names_of_files(void **state)
{
	static const struct {
		const char *rest, *file;
		bool absolute;
	} cases[] = {
		{ "plain.db", "plain.db", false },
		{ "a%20b.db", "a%20b.db", false },
		{ "file:x?mode=memory", "file:x?mode=memory", false },
		{ ":x", ":x", false },
		{ "/a b?#.db", "a b?#.db", true },
		{ "///a%20%c3%A4%3f.db", "a \xc3\xa4?.db", true },
		{ "//localhost/b.db", "b.db", true },
	};
	char *before = getcwd(NULL, 0);
	assert_int_equal(chdir(*state), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t slashes = strcspn(cases[i].rest, "/") == 0
					 ? (size_t)(strrchr(cases[i].rest, '/') - cases[i].rest)
					 : 0;
		const char *rest = cases[i].rest;
		const char *url = cases[i].absolute
					  ? format("sqlite:%.*s%s/%s", (int)slashes, rest,
						   (const char *)*state, rest + slashes + 1)
					  : format("sqlite:%s", rest);
		struct db *db = open_ours(url);
		assert_int_equal(access(in(state, cases[i].file), R_OK), 0);
		assert_string_equal(strrchr(db_lock_path(db), '/') + 1, cases[i].file);
		db_close(db);
	}
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void test_wrong_names_are_refused(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "sqlite:", "names no file" },
		{ "sqlite://", "names no file" },
		{ "sqlite::memory:", "in memory" },
		{ "sqlite://host/a.db", "names a host" },
		{ "sqlite:///a.db?mode=ro", "parameters" },
		{ "sqlite:///a%2", "'%'" },
		{ "sqlite:///a%zz", "'%'" },
		{ "sqlite:///a%00b", "'%'" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		struct db *db = NULL;
		assert_failed(db_open(cases[i][0], NULL, &db, &error), RECLAIM_INVALID, &error,
			      cases[i][0], cases[i][1], NULL);
	}
}

static void test_what_is_wrong_with_a_file_is_said(void **state)
{
	const struct db_options creating = { .create = true }, reading = { .read_only = true };
	const char *missing = file_url(state, "none.db");
	const struct db_options ours = { .ours = true };
	assert_no_open(missing, &ours, "(`reclaim init` or `reclaim submit` creates it)");
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	assert_failed(db_open(missing, NULL, &db, &error), RECLAIM_UNAVAILABLE, &error, NULL);
	assert_null(strstr(error.message, "reclaim init"));
	assert_no_open(missing, &reading, "no database file");
	assert_int_equal(access(in(state, "none.db"), F_OK), -1);
	assert_no_open(file_url(state, "no/x.db"), NULL, "its folder does not exist");
	assert_no_open(file_url(state, "no/x.db"), &creating, "its folder does not exist");
	put_file(in(state, "text"), "this is no database, just text\n", 31);
	assert_no_open(file_url(state, "text/x.db"), &creating, "Not a directory");
	assert_no_open(file_url(state, "text"), NULL, "not an SQLite database");
	assert_int_equal(mkdir(in(state, "folder.db"), 0755), 0);
	assert_no_open(file_url(state, "folder.db"), &creating, "is a directory");
	assert_int_equal(mkfifo(in(state, "pipe.db"), 0666), 0);
	assert_no_open(file_url(state, "pipe.db"), NULL, "a regular file is needed");
	char name[400];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_no_open(file_url(state, name), NULL, "too long");
}

static void test_settings(void **state)
{
	struct stat before, after;
	const char *url = file_url(state, "host.db");
	close_made(open_with(url, &(struct db_options){ .create = true }));
	assert_int_equal(stat(in(state, "host.db"), &before), 0);
	struct db *db = open_with(url, &(struct db_options){ .ours = true });
	assert_int_equal(ask(db, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
	assert_int_equal(ask(db, "PRAGMA synchronous"), 2);
	assert_int_equal(ask(db, "PRAGMA foreign_keys"), 1);
	db_close(db);
	assert_int_equal(stat(in(state, "host.db"), &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
	db = open_ours(file_url(state, "ours.db"));
	assert_int_equal(ask(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(ask(db, "PRAGMA synchronous"), 2);
	db_close(db);
	db = open_with(file_url(state, "ours.db"), NULL);
	assert_int_equal(ask(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	db_close(db);
}

static void test_the_lock_path_is_the_file_itself(void **state)
{
	close_made(open_ours(file_url(state, "real.db")));
	assert_int_equal(symlink("real.db", in(state, "link.db")), 0);
	struct db *db = open_with(file_url(state, "link.db"), NULL);
	char *real = realpath(in(state, "real.db"), NULL);
	assert_string_equal(db_lock_path(db), real);
	free(real);
	db_close(db);
}

static void echo(struct db *db, struct value value)
{
	static const int slots[] = { 0 };
	struct reclaim_error error = { 0 };
	RESULT_CLEANUP struct result result = { 0 };
	struct statement statement = { .name = "echo",
				       .sql = "SELECT ?1",
				       .slots = slots,
				       .slot_count = 1,
				       .param_count = 1 };
	assert_int_equal(db_run(db, &statement, &value, &result, &error), RECLAIM_OK);
	assert_true(value_equal(result_cell(&result, 0, 0), &value));
}

static void test_bytes_come_back_as_they_were(void **state)
{
	const size_t large = 16 << 20;
	char *bytes = malloc(large);
	assert_non_null(bytes);
	for (size_t i = 0; i < large; i++) {
		bytes[i] = (char)(i * 7 + i / 256);
	}
	struct db *db = open_ours(file_url(state, "a.db"));
	echo(db, value_bytes(VALUE_TEXT, "a\0b\0", 4));
	echo(db, value_bytes(VALUE_TEXT, "", 0));
	echo(db, value_bytes(VALUE_BLOB, "", 0));
	echo(db, value_bytes(VALUE_BLOB, "\0\xff\0", 3));
	echo(db, value_bytes(VALUE_BLOB, bytes, large));
	db_close(db);
	db = open_with(file_url(state, "wide.db"), &(struct db_options){ .create = true });
	script(db, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (n)");
	echo(db, value_string("\xc3\xa4 \xf0\x9f\x8c\x8a"));
	db_close(db);
	free(bytes);
}

static void test_many_statements_share_the_cache(void **state)
{
	struct db *db = open_ours(file_url(state, "a.db"));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			/* The same address, another text. */
			char sql[32];
			snprintf(sql, sizeof(sql), "SELECT %d", i);
			assert_int_equal(ask(db, sql), i);
			assert_int_equal(ask(db, "SELECT -7"), -7);
		}
	}
	script(db, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	assert_int_equal(ask(db, "SELECT * FROM t"), 1);
	struct db *other = open_ours(file_url(state, "a.db"));
	script(other, "DROP TABLE t; CREATE TABLE t (a, b); INSERT INTO t VALUES (2, 3)");
	assert_int_equal(ask(db, "SELECT * FROM t"), 2);
	db_close(other);
	db_close(db);
}

static void assert_refused(struct db *db, struct statement statement,
			   enum reclaim_status expected, const char *part)
{
	struct reclaim_error error = { 0 };
	struct value param = value_int(1);
	assert_failed(db_run(db, &statement, &param, NULL, &error), expected, &error,
		      statement.name, part, NULL);
}

static void test_wrong_statements_are_refused(void **state)
{
	static const int slots[] = { 1 };
	struct db *db = open_ours(file_url(state, "a.db"));
	script(db, "CREATE TABLE t (n CHECK (n > 0))");
	assert_refused(db, plain("quoted", "SELECT \"m\" FROM t", false), RECLAIM_INVALID,
		       "no such column: m");
	assert_refused(db, plain("two", "SELECT 1; SELECT 2", false), RECLAIM_INTERNAL, "two");
	assert_refused(db, plain("none", "-- nothing", false), RECLAIM_INTERNAL, "none");
	assert_refused(db, plain("unbound", "SELECT ?1", false), RECLAIM_INTERNAL, "parameter");
	struct statement far = { "far", "SELECT ?1", slots, 1, 1, false };
	assert_refused(db, far, RECLAIM_INTERNAL, "parameter");
	assert_refused(db, plain("check", "INSERT INTO t VALUES (0)", true), RECLAIM_INVALID,
		       "CHECK constraint failed: n > 0");
	assert_refused(db, plain("large", "SELECT zeroblob(2000000000)", false),
		       RECLAIM_INVALID, "too large");
	script(db, "CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT raise(ABORT, 'keep it'); "
		   "END; INSERT INTO t VALUES (1)");
	assert_refused(db, plain("delete", "DELETE FROM t", true), RECLAIM_INVALID, "keep it");
	db_close(db);
}

static void test_a_lost_transaction_is_not_written_into(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = open_ours(file_url(state, "a.db"));
	script(db, "CREATE TABLE t (n UNIQUE ON CONFLICT ROLLBACK); INSERT INTO t VALUES (1)");
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(change(db, "INSERT INTO t VALUES (2)"), 1);
	assert_refused(db, plain("twice", "INSERT INTO t VALUES (1)", true), RECLAIM_INVALID,
		       "UNIQUE");
	assert_refused(db, plain("after", "INSERT INTO t VALUES (3)", true),
		       RECLAIM_UNAVAILABLE, "rolled");
	assert_failed(db_script(db, "INSERT INTO t VALUES (3)", &error), RECLAIM_UNAVAILABLE,
		      &error, "rolled", NULL);
	assert_failed(db_commit(db, &error), RECLAIM_UNAVAILABLE, &error, "rolled", NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
	script(db, "CREATE TABLE c (p REFERENCES q DEFERRABLE INITIALLY DEFERRED); "
		   "CREATE TABLE q (id INTEGER PRIMARY KEY)");
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_int_equal(change(db, "INSERT INTO c VALUES (1)"), 1);
	assert_failed(db_commit(db, &error), RECLAIM_INVALID, &error, "FOREIGN KEY", NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM c"), 0);
	db_close(db);
}

static void test_reads_and_writes_keep_to_their_transactions(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = open_ours(file_url(state, "a.db"));
	script(db, "CREATE TABLE t (n)");
	assert_int_equal(db_begin(db, DB_READ, &error), RECLAIM_OK);
	assert_refused(db, plain("write", "INSERT INTO t VALUES (1)", true), RECLAIM_INTERNAL,
		       "for reading");
	assert_refused(db, plain("sly", "INSERT INTO t VALUES (1)", false), RECLAIM_INTERNAL,
		       "for reading");
	db_rollback(db);
	assert_failed(db_script(db, "BEGIN; INSERT INTO t VALUES (1)", &error),
		      RECLAIM_INTERNAL, &error, "left its transaction open", NULL);
	assert_failed(db_script(db, "BEGIN; INSERT INTO t VALUES (1); oops", &error),
		      RECLAIM_INVALID, &error, "script", "oops", NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	ask(db, "SAVEPOINT s");
	assert_int_equal(change(db, "INSERT INTO t VALUES (1)"), 1);
	ask(db, "ROLLBACK TO s");
	assert_int_equal(change(db, "INSERT INTO t VALUES (2)"), 1);
	ask(db, "RELEASE s");
	assert_int_equal(db_commit(db, &error), RECLAIM_OK);
	assert_int_equal(ask(db, "SELECT sum(n) FROM t"), 2);
	db_close(db);
}

static const struct table_index *find_index(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->index_count; i++) {
		if (strcmp(table->indexes[i].name, name) == 0) {
			return &table->indexes[i];
		}
	}
	FAIL_WITH("no index '%s'", name);
	return NULL;
}

static struct table *look_up(struct db *db, const char *name)
{
	struct reclaim_error error = { 0 };
	struct table *table = NULL;
	if (db_look_up(db, name, &table, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
	return table;
}

static void test_look_up_knows_sqlites_own_ways(void **state)
{
	static const char partial[] =
		"CREATE INDEX some ON Jobs (State) WHERE State = 'running'";
	struct db *db = open_ours(file_url(state, "a.db"));
	script(db,
	       "CREATE TABLE Jobs (Id INTEGER PRIMARY KEY, State VARCHAR(9) NOT NULL UNIQUE, "
	       "n DEFAULT 3, twice AS (n * 2))");
	script(db, partial);
	script(db, "CREATE INDEX odd ON Jobs (n + 1, n); CREATE VIEW v AS SELECT Id FROM Jobs; "
		   "CREATE TABLE pair (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID; "
		   "CREATE TABLE 'dotted.name' (n)");
	struct table *table = look_up(db, "MAIN.jobs");
	assert_true(table->exists);
	assert_false(table->is_view);
	assert_int_equal(table->column_count, 4);
	assert_int_equal(table_column(table, "id")->key, 1);
	assert_false(table_column(table, "Id")->nullable);
	assert_true(table_column(table, "Id")->has_default);
	assert_string_equal(table_column(table, "state")->type, "varchar(9)");
	assert_false(table_column(table, "state")->nullable);
	assert_false(table_column(table, "state")->has_default);
	assert_true(table_column(table, "n")->has_default);
	assert_string_equal(table_column(table, "n")->type, "");
	assert_true(table_column(table, "twice")->has_default);
	assert_int_equal(table->index_count, 3);
	assert_true(find_index(table, "some")->partial);
	assert_string_equal(find_index(table, "some")->definition, partial);
	assert_string_equal(find_index(table, "some")->first, "State");
	assert_string_equal(find_index(table, "odd")->first, "");
	assert_true(find_index(table, "sqlite_autoindex_Jobs_1")->unique);
	assert_string_equal(find_index(table, "sqlite_autoindex_Jobs_1")->definition, "");
	table_destroy(table);
	table = look_up(db, "v");
	assert_true(table->exists && table->is_view);
	assert_int_equal(table->column_count, 1);
	table_destroy(table);
	table = look_up(db, "pair");
	assert_int_equal(table_column(table, "a")->key, 2);
	assert_int_equal(table_column(table, "b")->key, 1);
	assert_false(table_column(table, "b")->nullable);
	table_destroy(table);
	table = look_up(db, "dotted.name");
	assert_true(table->exists);
	table_destroy(table);
	table = look_up(db, "other.jobs");
	assert_false(table->exists);
	table_destroy(table);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_names_of_files),
		in_folder(test_wrong_names_are_refused),
		in_folder(test_what_is_wrong_with_a_file_is_said),
		in_folder(test_settings),
		in_folder(test_the_lock_path_is_the_file_itself),
		in_folder(test_bytes_come_back_as_they_were),
		in_folder(test_many_statements_share_the_cache),
		in_folder(test_wrong_statements_are_refused),
		in_folder(test_a_lost_transaction_is_not_written_into),
		in_folder(test_reads_and_writes_keep_to_their_transactions),
		in_folder(test_look_up_knows_sqlites_own_ways),
	};
	return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
