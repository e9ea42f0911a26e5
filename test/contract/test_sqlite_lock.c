/* SQLite: locks, the clock of a statement, cancelling, and hearing of others' changes. */
#include "contract.h"
#include "driver.h"

#include <pthread.h>
#include <unistd.h>

#define MSEC INT64_C(1000)

static struct db *make(void **state, bool ours)
{
	struct db *db = open_with(file_url(state, "a.db"),
				  &(struct db_options){ .create = true, .ours = ours });
	script(db, "CREATE TABLE t (n INTEGER)");
	return db;
}

static struct db *open_patient(void **state, int64_t busy, volatile int *cancel)
{
	return open_with(file_url(state, "a.db"),
			 &(struct db_options){ .busy = busy, .cancel = cancel });
}

static void begin(struct db *db, enum db_mode mode)
{
	struct reclaim_error error = { 0 };
	if (db_begin(db, mode, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
}

static void commit(struct db *db)
{
	struct reclaim_error error = { 0 };
	if (db_commit(db, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
}

static void test_a_lock_is_waited_for_within_bounds(void **state)
{
	static const struct {
		int64_t busy, least, most;
		const char *part;
	} cases[] = {
		{ 150 * MSEC, 150 * MSEC, 5 * USEC_PER_SEC, "by somebody else for over 150ms" },
		{ -1, 0, 2 * USEC_PER_SEC, "is locked by somebody else" },
	};
	struct db *holder = make(state, /* ours= */ true);
	begin(holder, DB_WRITE);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		struct db *db = open_patient(state, cases[i].busy, NULL);
		struct statement writing = plain("write", "INSERT INTO t VALUES (1)", true);
		int64_t start = monotonic_now();
		assert_failed(db_begin(db, DB_WRITE, &error), RECLAIM_BUSY, &error, "a.db",
			      cases[i].part, NULL);
		int64_t waited = monotonic_now() - start;
		assert_true(waited >= cases[i].least && waited < cases[i].most);
		assert_false(db->in_transaction);
		assert_failed(db_run(db, &writing, NULL, NULL, &error), RECLAIM_BUSY, &error,
			      cases[i].part, NULL);
		assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
		db_close(db);
	}
	commit(holder);
	db_close(holder);
}

/* Somebody who holds a lock for a while, in a thread of their own. */
struct holder {
	const char *url;
	enum db_mode mode;
	int ready[2];
	int64_t released; /* wall clock, right before the end */
};

static void *hold(void *context)
{
	struct holder *holder = context;
	struct db *db = NULL;
	struct statement reading = plain("read", "SELECT count(*) FROM t", false);
	if (db_open(holder->url, NULL, &db, NULL) || db_begin(db, holder->mode, NULL) ||
	    db_run(db, &reading, NULL, NULL, NULL) || write(holder->ready[1], "x", 1) != 1) {
		abort();
	}
	usleep(120 * 1000);
	holder->released = wall_now();
	db_close(db);
	return NULL;
}

static pthread_t start_holder(struct holder *holder)
{
	pthread_t thread;
	char c;
	assert_int_equal(pipe(holder->ready), 0);
	assert_int_equal(pthread_create(&thread, NULL, hold, holder), 0);
	assert_int_equal(read(holder->ready[0], &c, 1), 1);
	close(holder->ready[0]);
	close(holder->ready[1]);
	return thread;
}

/* I13: a clock that was read before the lock is held is old. */
static void test_the_clock_is_read_when_the_lock_is_held(void **state)
{
	struct db *db = make(state, /* ours= */ true);
	struct holder holder = { .url = file_url(state, "a.db"), .mode = DB_WRITE };
	pthread_t thread = start_holder(&holder);
	assert_int_equal(change(db, "INSERT INTO t VALUES (reclaim_now())"), 1);
	pthread_join(thread, NULL);
	assert_true(ask(db, "SELECT n FROM t") >= holder.released);
	thread = start_holder(&holder);
	begin(db, DB_WRITE);
	assert_int_equal(change(db, "UPDATE t SET n = reclaim_now()"), 1);
	commit(db);
	pthread_join(thread, NULL);
	assert_true(ask(db, "SELECT n FROM t") >= holder.released);
	assert_true(ask(db, "SELECT n FROM t") <= wall_now());
	db_close(db);
}

static int64_t ticks;

static int64_t tick(void)
{
	return ++ticks;
}

static void test_one_now_for_a_statement_and_a_write_transaction(void **state)
{
	struct db *db = make(state, /* ours= */ true);
	const char *now = "SELECT reclaim_now()";
	ticks = 100;
	db_clock = tick;
	assert_int_equal(ask(db, now), 101);
	assert_int_equal(ask(db, now), 102);
	assert_int_equal(ask(db,
			     "WITH RECURSIVE r (n, t) AS (SELECT 1, reclaim_now() UNION ALL "
			     "SELECT n + 1, reclaim_now() FROM r WHERE n < 50) "
			     "SELECT count(DISTINCT t) FROM r"),
			 1);
	assert_int_equal(ticks, 103);
	begin(db, DB_WRITE);
	assert_int_equal(ticks, 104);
	assert_int_equal(ask(db, now), 104);
	script(db, "INSERT INTO t VALUES (reclaim_now())");
	assert_int_equal(change(db, "INSERT INTO t VALUES (reclaim_now())"), 1);
	commit(db);
	assert_int_equal(ask(db, "SELECT min(n) = 104 AND max(n) = 104 FROM t"), 1);
	begin(db, DB_READ);
	assert_int_equal(ask(db, now), 105);
	assert_int_equal(ask(db, now), 106);
	db_rollback(db);
	assert_int_equal(change(db, "UPDATE t SET n = reclaim_now()"), 2);
	assert_int_equal(ask(db, "SELECT min(n) = 107 AND max(n) = 107 FROM t"), 1);
	db_clock = NULL;
	db_close(db);
}

static void test_a_commit_waits_for_readers(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = make(state, /* ours= */ false);
	struct holder holder = { .url = file_url(state, "a.db"), .mode = DB_READ };
	pthread_t thread = start_holder(&holder);
	begin(db, DB_WRITE);
	assert_int_equal(change(db, "INSERT INTO t VALUES (1)"), 1);
	commit(db);
	pthread_join(thread, NULL);
	struct db *reader = open_patient(state, 0, NULL);
	begin(reader, DB_READ);
	assert_int_equal(ask(reader, "SELECT count(*) FROM t"), 1);
	struct db *hasty = open_patient(state, 50 * MSEC, NULL);
	begin(hasty, DB_WRITE);
	assert_int_equal(change(hasty, "INSERT INTO t VALUES (2)"), 1);
	assert_failed(db_commit(hasty, &error), RECLAIM_BUSY, &error, "for over 50ms", NULL);
	db_rollback(reader);
	assert_int_equal(ask(hasty, "SELECT count(*) FROM t"), 1);
	assert_int_equal(change(hasty, "INSERT INTO t VALUES (2)"), 1);
	db_close(hasty);
	db_close(reader);
	db_close(db);
}

static void test_an_old_snapshot_is_told(void **state)
{
	struct reclaim_error error = { 0 };
	struct db *db = make(state, /* ours= */ true), *other = open_patient(state, 0, NULL);
	begin(db, DB_READ);
	assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
	assert_int_equal(change(other, "INSERT INTO t VALUES (1)"), 1);
	assert_failed(db_script(db, "INSERT INTO t VALUES (2)", &error), RECLAIM_BUSY, &error,
		      "since this transaction began", NULL);
	db_close(other);
	db_close(db);
}

struct canceller {
	volatile int *cancel;
};

static void *cancel_later(void *context)
{
	struct canceller *canceller = context;
	usleep(60 * 1000);
	__atomic_store_n(canceller->cancel, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void test_a_call_can_be_cancelled(void **state)
{
	struct reclaim_error error = { 0 };
	volatile int cancel = 0;
	struct canceller canceller = { &cancel };
	pthread_t thread;
	struct db *holder = make(state, /* ours= */ true);
	struct db *db = open_patient(state, 60 * USEC_PER_SEC, &cancel);
	begin(holder, DB_WRITE);
	int64_t start = monotonic_now();
	pthread_create(&thread, NULL, cancel_later, &canceller);
	assert_failed(db_begin(db, DB_WRITE, &error), RECLAIM_BUSY, &error, "cancelled", NULL);
	pthread_join(thread, NULL);
	db_rollback(holder);
	cancel = 0;
	pthread_create(&thread, NULL, cancel_later, &canceller);
	struct statement endless =
		plain("endless",
		      "INSERT INTO t WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 "
		      "FROM r) SELECT n FROM r WHERE n < 0",
		      true);
	assert_failed(db_run(db, &endless, NULL, NULL, &error), RECLAIM_BUSY, &error, "endless",
		      "cancelled", NULL);
	pthread_join(thread, NULL);
	cancel = 0;
	pthread_create(&thread, NULL, cancel_later, &canceller);
	assert_failed(db_wait(db, -1, -1, &error), RECLAIM_BUSY, &error, "cancelled", NULL);
	pthread_join(thread, NULL);
	assert_true(monotonic_now() - start < 30 * USEC_PER_SEC);
	/* What holds its lock already is finished. */
	assert_int_equal(change(db, "INSERT INTO t VALUES (1)"), 1);
	db_close(db);
	db_close(holder);
}

static void *insert_later(void *context)
{
	struct db *db = NULL;
	usleep(60 * 1000);
	if (db_open(context, NULL, &db, NULL) ||
	    db_script(db, "INSERT INTO t VALUES (1)", NULL)) {
		abort();
	}
	db_close(db);
	return NULL;
}

static void test_wait_hears_of_others_changes(void **state)
{
	struct reclaim_error error = { 0 };
	pthread_t thread;
	struct db *db = make(state, /* ours= */ true);
	int64_t start = monotonic_now();
	/* Our own changes are no news. */
	assert_int_equal(db_wait(db, 50 * MSEC, -1, &error), RECLAIM_OK);
	assert_true(monotonic_now() - start >= 50 * MSEC);
	pthread_create(&thread, NULL, insert_later, (void *)(uintptr_t)file_url(state, "a.db"));
	assert_int_equal(db_wait(db, 60 * USEC_PER_SEC, -1, &error), RECLAIM_OK);
	pthread_join(thread, NULL);
	assert_true(monotonic_now() - start < 30 * USEC_PER_SEC);
	/* A change before the wait, and nothing twice. */
	insert_later((void *)(uintptr_t)file_url(state, "a.db"));
	start = monotonic_now();
	assert_int_equal(db_wait(db, 60 * USEC_PER_SEC, -1, &error), RECLAIM_OK);
	assert_true(monotonic_now() - start < 30 * USEC_PER_SEC);
	start = monotonic_now();
	assert_int_equal(db_wait(db, 50 * MSEC, -1, &error), RECLAIM_OK);
	assert_true(monotonic_now() - start >= 50 * MSEC);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(test_a_lock_is_waited_for_within_bounds),
		in_folder(test_the_clock_is_read_when_the_lock_is_held),
		in_folder(test_one_now_for_a_statement_and_a_write_transaction),
		in_folder(test_a_commit_waits_for_readers),
		in_folder(test_an_old_snapshot_is_told),
		in_folder(test_a_call_can_be_cancelled),
		in_folder(test_wait_hears_of_others_changes),
	};
	return cmocka_run_group_tests_name("sqlite lock", tests, NULL, NULL);
}
