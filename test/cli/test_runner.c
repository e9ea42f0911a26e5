/* A command that the worker can't watch ends, and counts as failed. */
#include "runner.h"
#include "unit.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_an_unwatched_command_ends_and_has_failed(void **state)
{
	(void)state;
	struct loop closed = { .fd = -1 };
	char name[] = "sleep", seconds[] = "1000";
	char *const argv[] = { name, seconds, NULL };
	const struct running running = { .loop = &closed,
					 .path = "/bin/sleep",
					 .argv = argv,
					 .kill_grace = 1000,
					 .files = { 64, 64 } };
	const struct errand errand = { .id = "a", .token = "1", .attempt = 1 };
	struct run run;
	struct reclaim_error error = { 0 };
	TEXT_CLEANUP struct text message = { 0 };
	assert_int_equal(run_start(&run, &running, &errand, /* lock= */ -1, &error),
			 RECLAIM_OK);
	assert_true(run.ended);
	assert_int_equal(run_ending(&run), ENDING_FAILED);
	run_error(&run, running.path, &message);
	assert_non_null(strstr(text_string(&message), "can't be watched"));
	close(run.guardian.control);
	assert_int_equal(waitpid(run.guardian.pid, NULL, 0), run.guardian.pid);
	run_finish(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_unwatched_command_ends_and_has_failed),
	};
	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
