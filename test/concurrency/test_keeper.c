/* The keeper: beats, reconciliation with the ledger's answer, refused beats, and the fence (I11). */
#include "driver.h"
#include "keeper.h"
#include "scene.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MSEC INT64_C(1000)
#define LEASE (600 * MSEC)
#define PATIENCE (20 * USEC_PER_SEC)

/* Beats over a network take their time. */
static int64_t lease_here(void)
{
	return engine_is_remote() ? 4 * LEASE : LEASE;
}

/* What the keeper told, from its own thread. */
struct told {
	pthread_mutex_t mutex;
	int count;
	int64_t at;
	char id[64], reason[256];
};

struct fixture {
	const char *url;
	struct db *db; /* another connection than the keeper's */
	struct ledger *ledger;
	struct reclaim_keeper *keeper;
	struct told told;
};

static void on_lost(void *context, const char *id, const char *token, const char *reason)
{
	struct told *told = context;
	pthread_mutex_lock(&told->mutex);
	told->count++;
	told->at = monotonic_now();
	snprintf(told->id, sizeof(told->id), "%s", id);
	snprintf(told->reason, sizeof(told->reason), "%s", reason);
	assert_true(*token != '\0');
	pthread_mutex_unlock(&told->mutex);
}

static struct told told_so_far(struct fixture *f)
{
	pthread_mutex_lock(&f->told.mutex);
	struct told told = { .count = f->told.count, .at = f->told.at };
	memcpy(told.id, f->told.id, sizeof(told.id));
	memcpy(told.reason, f->told.reason, sizeof(told.reason));
	pthread_mutex_unlock(&f->told.mutex);
	return told;
}

typedef bool condition_fn(struct fixture *f, int64_t argument);

static void wait_for(struct fixture *f, condition_fn *condition, int64_t argument,
		     const char *what)
{
	int64_t until = monotonic_now() + PATIENCE;
	while (!condition(f, argument)) {
		if (monotonic_now() > until) {
			FAIL_WITH("waited in vain for: %s", what);
		}
		usleep(2000);
	}
}

static bool was_told(struct fixture *f, int64_t count)
{
	return told_so_far(f).count >= count;
}

static bool is_healthy(struct fixture *f, int64_t wanted)
{
	return reclaim_keeper_healthy(f->keeper) == (wanted != 0);
}

static int64_t beats_seen(struct fixture *f)
{
	return ask_time(f->ledger, "SELECT max(seen_at) FROM reclaim_workers");
}

static bool has_beaten_since(struct fixture *f, int64_t seen)
{
	return beats_seen(f) > seen;
}

static bool none_runs(struct fixture *f, int64_t unused)
{
	(void)unused;
	return ask(f->db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'running'") == 0;
}

/* The answer of a whole beat that began after now. */
static void pass_beats(struct fixture *f, int count)
{
	for (int i = 0; i <= count; i++) {
		int64_t seen = beats_seen(f);
		wait_for(f, has_beaten_since, seen, "a beat");
	}
}

static void must(enum reclaim_status status, const struct reclaim_error *error)
{
	if (status) {
		FAIL_WITH("%s", error->message);
	}
}

static struct fixture set_up(void **state)
{
	struct fixture f = { .url = ledger_url(state, "reclaim"),
			     .told = { .mutex = PTHREAD_MUTEX_INITIALIZER } };
	f.ledger = open_own(state);
	f.db = open_ours(f.url);
	return f;
}

/* `f` stays where it is: the keeper's thread writes into it. */
static void start_with(struct fixture *f, struct reclaim_keeping keeping)
{
	struct reclaim_error error = { 0 };
	keeping.lost = on_lost;
	keeping.context = &f->told;
	const struct reclaim_options options = { .db = f->url };
	must(reclaim_keeper_start(&options, &keeping, &f->keeper, &error), &error);
}

static void start(struct fixture *f)
{
	start_with(f, (struct reclaim_keeping){ .lease = lease_here(), .beat = 50 * MSEC });
}

static void tear_down(struct fixture *f)
{
	reclaim_keeper_stop(f->keeper);
	ledger_close(f->ledger);
	db_close(f->db);
}

static void submit_many(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++) {
		submit(f->ledger, format("task-%d", i));
	}
}

static struct claims claim_for(struct fixture *f, int count)
{
	struct reclaim_error error = { 0 };
	struct claims claims = { 0 };
	char worker[RECLAIM_ID_SIZE];
	reclaim_keeper_worker(f->keeper, &worker);
	const struct claiming claiming = { .owner = worker,
					   .count = count,
					   .registered = true };
	must(verb_claim(f->ledger, &claiming, &claims, &error), &error);
	assert_int_equal(claims.count, count);
	return claims;
}

/* As a program does: nothing is unexplained at any time. */
static struct claims claim_and_hold(struct fixture *f, int count)
{
	struct reclaim_error error = { 0 };
	reclaim_keeper_claiming(f->keeper, 1);
	struct claims claims = claim_for(f, count);
	for (size_t i = 0; i < claims.count; i++) {
		must(reclaim_keeper_hold(f->keeper, claims.items[i].id, claims.items[i].token,
					 &error),
		     &error);
	}
	reclaim_keeper_claiming(f->keeper, -1);
	return claims;
}

static void test_beats_keep_the_lease(void **state)
{
	struct fixture f = set_up(state);
	start(&f);
	submit_many(&f, 1);
	struct claims claims = claim_and_hold(&f, 1);
	int64_t until = monotonic_now() + 2 * lease_here();
	while (monotonic_now() < until) {
		pass_beats(&f, 1);
		assert_true(ask_time(f.ledger, "SELECT lease_until FROM reclaim_workers") >
			    clock_read());
		assert_true(reclaim_keeper_healthy(f.keeper));
	}
	assert_false(none_runs(&f, 0));
	assert_int_equal(told_so_far(&f).count, 0);
	claims_finish(&claims);
	tear_down(&f);
}

/* The answer to a claim request was lost: nobody works on the task. */
static void test_what_nobody_knows_is_released(void **state)
{
	struct fixture f = set_up(state);
	start(&f);
	submit_many(&f, 3);
	struct claims held = claim_and_hold(&f, 1);
	reclaim_keeper_claiming(f.keeper, 1);
	struct claims claims = claim_for(&f, 2);
	pass_beats(&f, 3);
	assert_int_equal(
		ask(f.db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'running'"), 3);
	reclaim_keeper_claiming(f.keeper, -1);
	pass_beats(&f, 2);
	assert_int_equal(
		ask(f.db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'running'"), 1);
	assert_int_equal(ask(f.db, "SELECT sum(attempts) FROM reclaim_tasks"), 1);
	assert_int_equal(told_so_far(&f).count, 0);
	claims_finish(&claims);
	claims_finish(&held);
	tear_down(&f);
}

static void test_what_the_ledger_lacks_is_lost(void **state)
{
	struct fixture f = set_up(state);
	struct reclaim_error error = { 0 };
	start(&f);
	submit_many(&f, 2);
	struct claims claims = claim_and_hold(&f, 2);
	must(verb_cancel(f.ledger, claims.items[1].id, &error), &error);
	wait_for(&f, was_told, 1, "the loss");
	assert_string_equal(told_so_far(&f).id, claims.items[1].id);
	assert_string_equal(told_so_far(&f).reason, "the task is cancelled");
	pass_beats(&f, 3);
	assert_int_equal(told_so_far(&f).count, 1);
	reclaim_keeper_drop(f.keeper, claims.items[0].id, claims.items[0].token);
	wait_for(&f, none_runs, 0, "the release of what was dropped");
	assert_int_equal(told_so_far(&f).count, 1);
	claims_finish(&claims);
	tear_down(&f);
}

static bool has_other_worker(struct fixture *f, int64_t unused)
{
	(void)unused;
	return ask(f->db, "SELECT count(*) FROM reclaim_workers WHERE state = 'active'") == 1;
}

static void test_a_refused_beat_ends_the_registration(void **state)
{
	struct fixture f = set_up(state);
	char before[RECLAIM_ID_SIZE], after[RECLAIM_ID_SIZE];
	start(&f);
	submit_many(&f, 2);
	struct claims claims = claim_and_hold(&f, 2);
	reclaim_keeper_worker(f.keeper, &before);
	change(f.db, "UPDATE reclaim_workers SET state = 'lost'");
	wait_for(&f, was_told, 2, "both losses");
	wait_for(&f, has_other_worker, 0, "a new registration");
	wait_for(&f, is_healthy, 1, "health");
	reclaim_keeper_worker(f.keeper, &after);
	assert_string_not_equal(before, after);
	assert_int_equal(ask(f.db, "SELECT count(*) FROM reclaim_workers"), 2);
	claims_finish(&claims);
	tear_down(&f);
}

/* Nobody else can write a worker's row, nor, in a file, anything. */
static void lock_workers(struct fixture *f)
{
	struct reclaim_error error = { 0 };
	must(db_begin(f->db, DB_WRITE, &error), &error);
	change(f->db, "UPDATE reclaim_workers SET name = name");
}

/* I11, and that the end of the lease on our side is not the end of the beats. */
static void test_the_fence_does_not_wait_for_the_database(void **state)
{
	struct fixture f = set_up(state);
	struct reclaim_error error = { 0 };
	start(&f);
	submit_many(&f, 2);
	struct claims claims = claim_and_hold(&f, 2);
	pass_beats(&f, 1);
	lock_workers(&f);
	int64_t locked = monotonic_now();
	wait_for(&f, was_told, 2, "the fence");
	/* The last beat that was acknowledged was sent before the lock. */
	assert_true(told_so_far(&f).at <= locked + lease_here());
	assert_non_null(strstr(told_so_far(&f).reason, "could not be renewed in time"));
	assert_false(reclaim_keeper_healthy(f.keeper));
	must(reclaim_keeper_hold(f.keeper, "too-late", "1", &error), &error);
	wait_for(&f, was_told, 3, "what is held too late");
	must(db_commit(f.db, &error), &error);
	wait_for(&f, is_healthy, 1, "health");
	/* The work may still be ending: nobody else gets it before it is dropped. */
	pass_beats(&f, 1);
	assert_int_equal(
		ask(f.db, "SELECT count(*) FROM reclaim_tasks WHERE state = 'running'"), 2);
	reclaim_keeper_drop(f.keeper, claims.items[0].id, claims.items[0].token);
	reclaim_keeper_drop(f.keeper, claims.items[1].id, claims.items[1].token);
	wait_for(&f, none_runs, 0, "the release of what was dropped");
	assert_int_equal(told_so_far(&f).count, 3);
	claims_finish(&claims);
	tear_down(&f);
}

/* A program that is told and never drops: the task is not in limbo for that (I6). */
static void test_what_was_told_is_forgotten_in_the_end(void **state)
{
	struct fixture f = set_up(state);
	struct reclaim_error error = { 0 };
	start(&f);
	submit_many(&f, 1);
	struct claims claims = claim_and_hold(&f, 1);
	lock_workers(&f);
	wait_for(&f, was_told, 1, "the fence");
	must(db_commit(f.db, &error), &error);
	wait_for(&f, none_runs, 0, "the release");
	claims_finish(&claims);
	tear_down(&f);
}

static void test_the_lock_proves_life_and_death(void **state)
{
	struct fixture f = set_up(state);
	struct reclaim_error error = { 0 };
	char worker[RECLAIM_ID_SIZE];
	struct lockfile lockfile;
	int guardian = -1;
	start(&f);
	int64_t slot = ask(f.db, "SELECT slot FROM reclaim_workers");
	int64_t inode = ask(f.db, "SELECT lock_inode FROM reclaim_workers");
	assert_int_equal(ask(f.db, "SELECT pid FROM reclaim_workers"), getpid());
	assert_true(ask(f.db, "SELECT start_time FROM reclaim_workers") > 0);
	assert_int_equal(ask(f.db, "SELECT length(boot) FROM reclaim_workers"), 36);
	must(lockfile_open(in(state, "reclaim.db"), /* to_hold= */ false, &lockfile, &error),
	     &error);
	assert_int_equal(lockfile_probe(&lockfile, slot, inode), EVIDENCE_ALIVE);
	reclaim_keeper_worker(f.keeper, &worker);
	assert_true(keeper_lock(f.keeper, worker, &guardian));
	reclaim_keeper_stop(f.keeper);
	f.keeper = NULL;
	assert_int_equal(
		ask(f.db, "SELECT count(*) FROM reclaim_workers WHERE state = 'stopped'"), 1);
	assert_int_equal(lockfile_probe(&lockfile, slot, inode), EVIDENCE_ALIVE);
	close(guardian);
	assert_int_equal(lockfile_probe(&lockfile, slot, inode), EVIDENCE_DEAD);
	lockfile_close(&lockfile);
	tear_down(&f);
}

/* The lock goes with the registration. */
static void test_a_new_registration_has_a_lock_of_its_own(void **state)
{
	struct fixture f = set_up(state);
	char before[RECLAIM_ID_SIZE], after[RECLAIM_ID_SIZE];
	int lock = -1;
	start(&f);
	reclaim_keeper_worker(f.keeper, &before);
	change(f.db, "UPDATE reclaim_workers SET state = 'lost'");
	wait_for(&f, has_other_worker, 0, "a new registration");
	wait_for(&f, is_healthy, 1, "health");
	reclaim_keeper_worker(f.keeper, &after);
	assert_int_equal(ask(f.db, "SELECT count(DISTINCT slot) FROM reclaim_workers"), 2);
	assert_false(keeper_lock(f.keeper, before, &lock));
	assert_true(keeper_lock(f.keeper, after, &lock));
	assert_true(lock >= 0);
	close(lock);
	tear_down(&f);
}

static mode_t rights_of(const char *path)
{
	struct stat found;
	assert_int_equal(lstat(path, &found), 0);
	return found.st_mode & 07777;
}

/* Whoever may use the database may register, and nobody else. */
static void test_the_lock_files_rights(void **state)
{
	static const mode_t rights[] = { 0600, 0660 };
	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		struct fixture f = set_up(state);
		const mode_t mask = umask(022);
		assert_int_equal(chmod(in(state, "reclaim.db"), rights[i]), 0);
		start(&f);
		umask(mask);
		assert_int_equal(rights_of(in(state, "reclaim.db-workers")), rights[i]);
		tear_down(&f);
		assert_int_equal(unlink(in(state, "reclaim.db-workers")), 0);
	}
}

/* What a link in its place points at is nobody's lock file. */
static void test_a_link_is_no_lock_file(void **state)
{
	struct fixture f = set_up(state);
	assert_int_equal(symlink(in(state, "elsewhere"), in(state, "reclaim.db-workers")), 0);
	start(&f);
	assert_int_equal(access(in(state, "elsewhere"), F_OK), -1);
	assert_int_equal(ask(f.db, "SELECT count(*) FROM reclaim_workers WHERE slot IS NULL"),
			 1);
	tear_down(&f);
}

static void test_timing_is_checked(void **state)
{
	static const struct {
		struct reclaim_keeping keeping;
		const char *part;
	} cases[] = {
		{ { .lease = 10 * MSEC }, "the lease is 10ms" },
		{ { .lease = -1 }, "the lease is" },
		{ { .lease = LEASE, .kill_grace = 300 * MSEC }, "the kill grace is 300ms" },
		{ { .lease = LEASE, .beat = 500 * MSEC }, "the beat is 500ms" },
	};
	struct fixture f = set_up(state);
	const struct reclaim_options options = { .db = f.url };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reclaim_error error = { 0 };
		assert_failed(
			reclaim_keeper_start(&options, &cases[i].keeping, &f.keeper, &error),
			RECLAIM_INVALID, &error, cases[i].part, "allowed: ", NULL);
		assert_null(f.keeper);
	}
	assert_int_equal(ask(f.db, "SELECT count(*) FROM reclaim_workers"), 0);
	tear_down(&f);
}

struct hammer {
	struct fixture *f;
	int number;
};

static void *hammer(void *context)
{
	const struct hammer *h = context;
	for (int i = 0; i < 400; i++) {
		char id[32], worker[RECLAIM_ID_SIZE];
		snprintf(id, sizeof(id), "none-%d-%d", h->number, i % 7);
		reclaim_keeper_claiming(h->f->keeper, 1);
		reclaim_keeper_hold(h->f->keeper, id, "1", NULL);
		reclaim_keeper_claiming(h->f->keeper, -1);
		reclaim_keeper_worker(h->f->keeper, &worker);
		reclaim_keeper_healthy(h->f->keeper);
		if (i % 16 == 0) {
			usleep(1000);
		}
		reclaim_keeper_drop(h->f->keeper, id, "1");
	}
	return NULL;
}

static void test_many_threads_may_talk_to_it(void **state)
{
	struct fixture f = set_up(state);
	pthread_t threads[4];
	struct hammer hammers[4];
	start_with(&f, (struct reclaim_keeping){ .lease = LEASE, .beat = 2 * MSEC });
	for (int i = 0; i < 4; i++) {
		hammers[i] = (struct hammer){ .f = &f, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &hammers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	tear_down(&f);
}

/* ---- a host's ledger ---- */

static bool beats_at_host(struct fixture *f, int64_t unused)
{
	(void)unused;
	return ask(f->db,
		   "SELECT count(*) FROM task_executions WHERE heartbeat_at >= '2026-01-01'") ==
	       1;
}

static void test_a_hosts_claims_are_renewed_one_by_one(void **state)
{
	struct reclaim_error error = { 0 };
	struct claims claims = { 0 };
	char worker[RECLAIM_ID_SIZE];
	unsigned char bytes[16];
	const struct host *host = host_named("cloacina");
	struct fixture f = { .url = ledger_url(state, host->profile),
			     .told = { .mutex = PTHREAD_MUTEX_INITIALIZER } };
	f.ledger = open_host(state, host);
	f.db = open_ours(f.url);
	host_add(f.ledger, host, TASK);
	const struct reclaim_keeping keeping = { .beat = 50 * MSEC,
						 .lost = on_lost,
						 .context = &f.told };
	const struct reclaim_options options = { .db = f.url, .profile = "cloacina" };
	must(reclaim_keeper_start(&options, &keeping, &f.keeper, &error), &error);
	reclaim_keeper_worker(f.keeper, &worker);
	assert_true(uuid_parse(worker, strlen(worker), bytes));
	const struct claiming claiming = { .owner = worker, .count = 1 };
	must(verb_claim(f.ledger, &claiming, &claims, &error), &error);
	assert_int_equal(claims.count, 1);
	change(f.db,
	       "UPDATE task_executions SET heartbeat_at = '2020-01-01T00:00:00.000000+00:00'");
	must(reclaim_keeper_hold(f.keeper, claims.items[0].id, claims.items[0].token, &error),
	     &error);
	wait_for(&f, beats_at_host, 0, "a renewal");
	assert_true(reclaim_keeper_healthy(f.keeper));
	host_runs(f.db, host, "UPDATE task_executions SET claimed_by = %s", WORKER);
	wait_for(&f, was_told, 1, "the loss");
	claims_finish(&claims);
	tear_down(&f);
}

static int place_setup(void **state)
{
	engine_reset();
	return folder_setup(state);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(test_beats_keep_the_lease),
		in_place(test_what_nobody_knows_is_released),
		in_place(test_what_the_ledger_lacks_is_lost),
		in_place(test_a_refused_beat_ends_the_registration),
		in_place(test_the_fence_does_not_wait_for_the_database),
		in_place(test_what_was_told_is_forgotten_in_the_end),
		in_place(test_timing_is_checked),
		in_place(test_many_threads_may_talk_to_it),
		in_place(test_a_hosts_claims_are_renewed_one_by_one),
	};
	/* The lock stands beside the database's file. */
	const struct CMUnitTest locks[] = {
		in_place(test_the_lock_proves_life_and_death),
		in_place(test_a_new_registration_has_a_lock_of_its_own),
		in_place(test_the_lock_files_rights),
		in_place(test_a_link_is_no_lock_file),
	};
	int failed = cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
	return engine_is_remote()
		       ? failed
		       : failed + cmocka_run_group_tests_name("locks", locks, NULL, NULL);
}
