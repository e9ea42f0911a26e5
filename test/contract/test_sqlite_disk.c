/* SQLite: files that are damaged, without rights, read-only, or may not grow. */
#include "contract.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void overwrite(const char *path, long at, const char *data, size_t size)
{
	int file = open(path, O_RDWR);
	assert_true(file >= 0);
	assert_int_equal(pwrite(file, data, size, at), size);
	close(file);
}

static void test_a_damaged_file_is_told(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = open_with(file_url(state, "a.db"), &(struct db_options){ .create = 1 });
	script(db, "CREATE TABLE t (n); INSERT INTO t VALUES (1)");
	db_close(db);
	char junk[3996];
	memset(junk, 0x5a, sizeof(junk));
	overwrite(in(state, "a.db"), 4096, junk, sizeof(junk));
	db = open_with(file_url(state, "a.db"), NULL);
	struct statement reading = plain("read", "SELECT n FROM t", false);
	assert_failed(db_run(db, &reading, NULL, NULL, &error), RECLAIM_UNAVAILABLE, &error,
		      "a.db", "read", "it is corrupted", NULL);
	db_close(db);
	overwrite(in(state, "a.db"), 100, junk, sizeof(junk));
	assert_no_open(file_url(state, "a.db"), NULL, "it is corrupted");
	overwrite(in(state, "a.db"), 0, junk, 16);
	assert_no_open(file_url(state, "a.db"), NULL, "not an SQLite database");
}

/* Children have no cmocka: their exit status is the number of the first thing that was wrong. */
struct child {
	const char *url;
	struct reclaim_error error;
};

#define CHECK(condition, number)                                                               \
	if (!(condition)) {                                                                    \
		fprintf(stderr, "%s\n", child->error.message);                                 \
		return number;                                                                 \
	}

static int use_read_only_file(void *context)
{
	struct child *child = context;
	struct db *db = NULL;
	struct statement writing = plain("write", "INSERT INTO t VALUES (1)", true);
	struct statement reading = plain("read", "SELECT count(*) FROM t", false);
	CHECK(db_open(child->url, NULL, &db, &child->error) == RECLAIM_OK, 1);
	CHECK(db_run(db, &reading, NULL, NULL, &child->error) == RECLAIM_OK, 2);
	CHECK(db_run(db, &writing, NULL, NULL, &child->error) == RECLAIM_UNAVAILABLE, 3);
	CHECK(strstr(child->error.message, "it is read-only"), 4);
	CHECK(db_run(db, &reading, NULL, NULL, &child->error) == RECLAIM_OK, 5);
	db_close(db);
	return 0;
}

static int open_in_vain(void *context)
{
	struct child *child = context;
	const struct db_options options[] = { { .read_only = true }, { .create = true } };
	for (int i = 0; i < 2; i++) {
		struct db *db = NULL;
		CHECK(db_open(child->url, &options[i], &db, &child->error) ==
			      RECLAIM_UNAVAILABLE,
		      10 + i);
		CHECK(strstr(child->error.message, "WAL mode") ||
			      strstr(child->error.message, "Permission denied") ||
			      strstr(child->error.message, "permission denied"),
		      20 + i);
	}
	return 0;
}

/* A WAL that is not there, or empty, is not needed; one with something in it is. */
static int look_without_a_wal(void *context)
{
	struct child *child = context;
	struct db *db = NULL;
	const struct db_options reading = { .read_only = true }, writing = { .create = true };
	const struct statement counting = plain("read", "SELECT count(*) FROM t", false);
	CHECK(db_open(child->url, &reading, &db, &child->error) == RECLAIM_OK, 1);
	CHECK(db_run(db, &counting, NULL, NULL, &child->error) == RECLAIM_OK, 2);
	db_close(db);
	CHECK(db_open(child->url, &writing, &db, &child->error) == RECLAIM_UNAVAILABLE, 3);
	CHECK(strstr(child->error.message, "WAL mode"), 4);
	return 0;
}

static void test_files_without_rights(void **state)
{
	struct child child = { .url = file_url(state, "host.db") };
	close_made(open_with(child.url, &(struct db_options){ .create = true }));
	close_made(open_ours(file_url(state, "ours.db")));
	assert_int_equal(chmod(in(state, "host.db"), 0444), 0);
	assert_int_equal(in_child(use_read_only_file, &child, /* drop_rights= */ true), 0);
	assert_int_equal(chmod(in(state, "host.db"), 0000), 0);
	assert_int_equal(in_child(open_in_vain, &child, /* drop_rights= */ true), 0);
	assert_int_equal(chmod(*state, 0555), 0);
	assert_int_equal(chmod(in(state, "ours.db"), 0444), 0);
	child.url = file_url(state, "ours.db");
	assert_int_equal(in_child(look_without_a_wal, &child, /* drop_rights= */ true), 0);
	assert_int_equal(chmod(*state, 0755), 0);
	FILE *wal = fopen(in(state, "ours.db-wal"), "w");
	assert_true(wal && fputs("x", wal) >= 0 && fclose(wal) == 0);
	assert_int_equal(chmod(*state, 0555), 0);
	assert_int_equal(in_child(open_in_vain, &child, /* drop_rights= */ true), 0);
	assert_int_equal(chmod(*state, 0755), 0);
}

static void test_a_wal_that_cannot_be_opened(void **state)
{
	close_made(open_ours(file_url(state, "a.db")));
	assert_int_equal(mkdir(in(state, "a.db-wal"), 0755), 0);
	assert_no_open(file_url(state, "a.db"), NULL, "WAL mode");
}

static void test_a_read_only_connection_writes_nothing(void **state)
{
	struct reclaim_error error = { 0 };
	const struct db_options reading = { .read_only = true, .ours = true, .create = true };
	close_made(open_ours(file_url(state, "a.db")));
	struct db *db = open_with(file_url(state, "a.db"), &reading);
	struct statement writing = plain("write", "INSERT INTO t VALUES (1)", true);
	assert_failed(db_run(db, &writing, NULL, NULL, &error), RECLAIM_UNAVAILABLE, &error,
		      "it is read-only", NULL);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	db_close(db);
}

static const char fill_up[] = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r "
			      "WHERE n < 2000) INSERT INTO t SELECT randomblob(1000) FROM r";

/* 0, or the number of what was wrong. */
static int meet_the_limit(void *url)
{
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	struct statement filling = plain("fill", fill_up, true);
	struct statement counting = plain("count", "SELECT count(*) FROM t", false);
	RESULT_CLEANUP struct result result = { 0 };
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit = { 256 << 10, 256 << 10 };
	if (setrlimit(RLIMIT_FSIZE, &limit) || db_open(url, NULL, &db, &error)) {
		return 1;
	}
	if (db_begin(db, DB_WRITE, &error)) {
		return 2;
	}
	enum reclaim_status status = db_run(db, &filling, NULL, NULL, &error);
	if (status == RECLAIM_OK) {
		status = db_commit(db, &error);
	}
	db_rollback(db);
	if (status != RECLAIM_UNAVAILABLE || !strstr(error.message, "not grow any more")) {
		fprintf(stderr, "%s\n", error.message);
		return 3;
	}
	if (db_run(db, &counting, NULL, &result, &error)) {
		fprintf(stderr, "%s\n", error.message);
		return 4;
	}
	return result_cell(&result, 0, 0)->number == 0 ? 0 : 5;
}

static void test_a_file_that_may_not_grow(void **state)
{
	void *url = (void *)(uintptr_t)file_url(state, "a.db");
	for (int ours = 0; ours < 2; ours++) {
		struct db *db =
			open_with(url, &(struct db_options){ .create = true, .ours = ours });
		script(db, "CREATE TABLE t (n)");
		assert_int_equal(in_child(meet_the_limit, url, /* drop_rights= */ false), 0);
		assert_int_equal(change(db, "INSERT INTO t VALUES (1)"), 1);
		script(db, "DROP TABLE t");
		db_close(db);
	}
}

static void test_a_full_database(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = open_ours(file_url(state, "a.db"));
	struct statement filling = plain("fill", fill_up, true);
	script(db, "CREATE TABLE t (n); PRAGMA max_page_count = 50");
	assert_failed(db_run(db, &filling, NULL, NULL, &error), RECLAIM_UNAVAILABLE, &error,
		      "fill", "the disk is full", NULL);
	assert_int_equal(db_begin(db, DB_WRITE, &error), RECLAIM_OK);
	assert_failed(db_run(db, &filling, NULL, NULL, &error), RECLAIM_UNAVAILABLE, &error,
		      "the disk is full", NULL);
	db_rollback(db);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_damaged_file_is_told),
		in_folder(test_files_without_rights),
		in_folder(test_a_wal_that_cannot_be_opened),
		in_folder(test_a_read_only_connection_writes_nothing),
		in_folder(test_a_file_that_may_not_grow),
		in_folder(test_a_full_database),
	};
	return cmocka_run_group_tests_name("sqlite disk", tests, NULL, NULL);
}
