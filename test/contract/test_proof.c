/* Proof that a worker's process is gone: by a lock beside the database's file, so only where it is one. */
#include "scene.h"

#include "lockfile.h"

/* The lock of a worker's process: while it is held the lease decides, once it is free the worker is gone. */
static void test_proof_of_death(void **state)
{
	struct ledger *ledger = open_own(state);
	struct lockfile lockfile;
	struct incarnation process = { .pid = 1 };
	char worker[1][RECLAIM_ID_SIZE];
	OK(lockfile_open(db_lock_path(ledger->db), /* to_hold= */ true, &lockfile, &error));
	OK(lockfile_hold(&lockfile, 12345, &process.slot, &error));
	process.lock_inode = lockfile.inode;
	OK(worker_register(ledger, "tester", 900 * S, &process, worker, &error));
	submit(ledger, "t");
	assert_int_equal(claim_as(ledger, worker[0], 1), 1);
	assert_int_equal(sweep(ledger).stale, 0);
	lockfile_close(&lockfile);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_int_equal(result.requeued, 1);
	assert_string_equal(result.tasks[0].id, "t");
	assert_string_equal(result.tasks[0].rule, "evidence");
	sweep_result_finish(&result);
	assert_string_equal(ask_text(ledger, "SELECT state FROM reclaim_workers"), "lost");
	FAILS(RECLAIM_LOST, worker_beat(ledger, worker[0], S, &(struct holding){ 0 }, &error));
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_proof_of_death),
	};
	return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
