/* SQLite: processes and threads that write into one file at once. */
#include "contract.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 50
#define CROWD 4

/* Reads, then writes what it read and one: wrong as soon as two hold the lock. */
static int count_up(void *context)
{
	struct db *db = NULL;
	struct statement reading = plain("read", "SELECT n FROM t", false);
	struct statement writing =
		plain("write", "UPDATE t SET n = (SELECT n FROM t) + 1", true);
	if (db_open(context, &(struct db_options){ .busy = 60 * USEC_PER_SEC }, &db, NULL)) {
		return 1;
	}
	for (int i = 0; i < ROUNDS; i++) {
		RESULT_CLEANUP struct result before = { 0 }, after = { 0 };
		if (db_begin(db, DB_WRITE, NULL) || db_run(db, &reading, NULL, &before, NULL) ||
		    db_run(db, &writing, NULL, NULL, NULL) ||
		    db_run(db, &reading, NULL, &after, NULL) || db_commit(db, NULL)) {
			return 2;
		}
		if (result_cell(&after, 0, 0)->number !=
		    result_cell(&before, 0, 0)->number + 1) {
			return 3;
		}
	}
	db_close(db);
	return 0;
}

static void *count_up_in_thread(void *context)
{
	return (void *)(intptr_t)count_up(context);
}

static void contend(void **state, bool ours)
{
	void *url = (void *)(uintptr_t)file_url(state, "a.db");
	struct db *db = open_with(url, &(struct db_options){ .create = true, .ours = ours });
	script(db, "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)");
	db_close(db);
	pid_t children[CROWD];
	pthread_t threads[CROWD];
	for (int i = 0; i < CROWD; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			_exit(count_up(url));
		}
	}
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count_up_in_thread, url), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		int status = 0;
		void *result = NULL;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	db = open_with(url, NULL);
	assert_int_equal(ask(db, "SELECT n FROM t"), 2 * CROWD * ROUNDS);
	db_close(db);
}

static void test_a_crowd_takes_turns_on_our_file(void **state)
{
	contend(state, /* ours= */ true);
}

static void test_a_crowd_takes_turns_on_a_hosts_file(void **state)
{
	contend(state, /* ours= */ false);
}

static void *make_it_ours(void *url)
{
	struct db *db = NULL;
	struct reclaim_error error = { 0 };
	const struct db_options ours = { .create = true, .ours = true };
	if (db_open(url, &ours, &db, &error) ||
	    db_script(db, "CREATE TABLE IF NOT EXISTS t (n)", &error)) {
		fprintf(stderr, "%s\n", error.message);
		return url;
	}
	db_close(db);
	return NULL;
}

static void test_a_crowd_makes_one_file(void **state)
{
	pthread_t threads[2 * CROWD];
	void *url = (void *)(uintptr_t)file_url(state, "new.db");
	for (int i = 0; i < 2 * CROWD; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, make_it_ours, url), 0);
	}
	for (int i = 0; i < 2 * CROWD; i++) {
		void *result = NULL;
		pthread_join(threads[i], &result);
		assert_null(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_crowd_takes_turns_on_our_file),
		in_folder(test_a_crowd_takes_turns_on_a_hosts_file),
		in_folder(test_a_crowd_makes_one_file),
	};
	return cmocka_run_group_tests_name("sqlite crowd", tests, NULL, NULL);
}
