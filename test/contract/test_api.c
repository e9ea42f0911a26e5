/* The public header alone: its example, each call's happy path, and its errors. */
#include <reclaim.h>

#include "scene_engine.h"
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)

static char folder[256], url[320];

static int remove_entry(const char *path, const struct stat *found, int type, struct FTW *walk)
{
	(void)found;
	(void)type;
	(void)walk;
	return remove(path);
}

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%.200s/api-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder)) {
		return -1;
	}
	*state = folder;
	engine_reset();
	snprintf(url, sizeof(url), "%s", ledger_url(state, "tasks"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A macro, so that a failure names the line of the test. */
#define OK(call)                                                                               \
	do {                                                                                   \
		struct reclaim_error e_ = { 0 };                                               \
		struct reclaim_error *error = &e_;                                             \
		if ((call) != RECLAIM_OK) {                                                    \
			print_error("%s: %s\n", #call, e_.message);                            \
			_fail(__FILE__, __LINE__);                                             \
		}                                                                              \
	} while (0)
/* It fails with that status, in the error too, and its message has that part. */
#define FAILS(wanted, part, call)                                                              \
	do {                                                                                   \
		struct reclaim_error e_ = { 0 };                                               \
		struct reclaim_error *error = &e_;                                             \
		assert_int_equal((call), (wanted));                                            \
		assert_int_equal(e_.status, (wanted));                                         \
		if (!strstr(e_.message, (part))) {                                             \
			print_error("no '%s' in: %s\n", (part), e_.message);                   \
			_fail(__FILE__, __LINE__);                                             \
		}                                                                              \
	} while (0)

static struct reclaim *open_made(void)
{
	struct reclaim *ledger = NULL;
	OK(reclaim_open(&(struct reclaim_options){ .db = url, .create = true }, &ledger,
			error));
	return ledger;
}

static void submit(struct reclaim *ledger, const struct reclaim_task *task,
		   char (*ret_id)[RECLAIM_ID_SIZE])
{
	OK(reclaim_submit(ledger, task, 1, ret_id, error));
}

/* One claim by "me"; the caller destroys it. */
static struct reclaim_claims *claim(struct reclaim *ledger, int64_t lease)
{
	struct reclaim_claims *claims = NULL;
	OK(reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me", .lease = lease },
			 &claims, error));
	assert_int_equal(reclaim_claims_count(claims), 1);
	return claims;
}

/* ---- the example ---- */

/* As it stands in the header. */
static int example(const char *db)
{
	struct reclaim_error error = { 0 };
	struct reclaim *ledger = NULL;
	struct reclaim_claims *claims = NULL;
	if (reclaim_open(&(struct reclaim_options){ .db = db, .create = true }, &ledger,
			 &error) ||
	    reclaim_submit(ledger, &(struct reclaim_task){ .payload = "{\"n\":1}" }, 1, NULL,
			   &error) ||
	    reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me" }, &claims,
			  &error)) {
		fprintf(stderr, "%s\n", error.message);
	}
	for (size_t i = 0; i < reclaim_claims_count(claims); i++) {
		const struct reclaim_claimed *c = reclaim_claims_at(claims, i);
		reclaim_complete(ledger, c->id, c->token, "\"done\"", &error);
	}
	reclaim_claims_destroy(claims);
	reclaim_close(ledger);
	return (int)error.status;
}

static void test_example(void **state)
{
	(void)state;
	assert_int_equal(example(url), RECLAIM_OK);
	struct reclaim *ledger = open_made();
	FAILS(RECLAIM_NOT_FOUND, "nothing to claim",
	      reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me" },
			    &(struct reclaim_claims *){ NULL }, error));
	reclaim_close(ledger);
}

/* ---- open ---- */

static void test_open(void **state)
{
	struct reclaim *ledger = NULL;
	(void)state;
	if (!engine_is_remote()) { /* a server's database is made by others */
		FAILS(RECLAIM_UNAVAILABLE, "tasks.db",
		      reclaim_open(&(struct reclaim_options){ .db = url }, &ledger, error));
	}
	FAILS(RECLAIM_INVALID, "nothing",
	      reclaim_open(&(struct reclaim_options){ .db = "nothing" }, &ledger, error));
	FAILS(RECLAIM_INVALID, "no-such-profile",
	      reclaim_open(&(struct reclaim_options){ .db = url, .profile = "no-such-profile" },
			   &ledger, error));
	assert_null(ledger);
	assert_int_equal(
		reclaim_open(&(struct reclaim_options){ .db = "nothing" }, &ledger, NULL),
		RECLAIM_INVALID);
	ledger = open_made();
	OK(reclaim_init(ledger, error));
	OK(reclaim_init(ledger, error));
	reclaim_close(ledger);
	reclaim_close(NULL);
	setenv("RECLAIM_DB", url, /* overwrite= */ 1);
	OK(reclaim_open(NULL, &ledger, error));
	unsetenv("RECLAIM_DB");
	reclaim_close(ledger);
}

/* ---- submit and claim ---- */

static void test_submit(void **state)
{
	struct reclaim *ledger = open_made();
	char ids[3][RECLAIM_ID_SIZE];
	(void)state;
	const struct reclaim_task tasks[] = { { .id = "a", .queue = "q", .priority = 1 },
					      { .key = "once", .kind = "k" },
					      { .key = "once", .payload = "[1, 2]" } };
	OK(reclaim_submit(ledger, tasks, 3, ids, error));
	assert_string_equal(ids[0], "a");
	assert_string_equal(ids[1], ids[2]);
	assert_int_equal(strlen(ids[1]), 36);
	OK(reclaim_submit(ledger, NULL, 0, NULL, error));

	const struct reclaim_task wrong[] = { { .payload = "1" }, { .payload = "{" } };
	FAILS(RECLAIM_INVALID, "task 2: payload", reclaim_submit(ledger, wrong, 2, ids, error));
	const struct reclaim_task known = { .id = "a" };
	FAILS(RECLAIM_INVALID, "'a' exists", reclaim_submit(ledger, &known, 1, ids, error));
	const struct reclaim_task before = { .delay = -2 };
	FAILS(RECLAIM_INVALID, "delay", reclaim_submit(ledger, &before, 1, ids, error));
	FAILS(RECLAIM_INVALID, "tasks", reclaim_submit(ledger, NULL, 1, ids, error));
	reclaim_close(ledger);
}

static void test_claim(void **state)
{
	struct reclaim *ledger = open_made();
	struct reclaim_claims *claims = NULL;
	(void)state;
	submit(ledger, &(struct reclaim_task){ .id = "late", .delay = 60 * SECOND }, NULL);
	submit(ledger, &(struct reclaim_task){ .id = "low", .queue = "q" }, NULL);
	submit(ledger,
	       &(struct reclaim_task){ .id = "high",
				       .priority = 5,
				       .kind = "k",
				       .payload = "{\"n\": 1}",
				       .deadline = 60 * SECOND,
				       .max_attempts = 7 },
	       NULL);
	OK(reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me", .count = 9 },
			 &claims, error));
	assert_int_equal(reclaim_claims_count(claims), 2);
	const struct reclaim_claimed *first = reclaim_claims_at(claims, 0);
	assert_string_equal(first->id, "high");
	assert_string_equal(first->queue, "default");
	assert_string_equal(first->kind, "k");
	assert_string_equal(first->payload, "{\"n\": 1}");
	assert_int_equal(first->attempt, 1);
	assert_int_equal(first->max_attempts, 7);
	assert_true(first->lease_until > 0 && first->deadline > first->lease_until);
	const struct reclaim_claimed *second = reclaim_claims_at(claims, 1);
	assert_string_equal(second->id, "low");
	assert_null(second->payload);
	assert_true(second->deadline == INT64_MIN);
	assert_null(reclaim_claims_at(claims, 2));
	reclaim_claims_destroy(claims);

	assert_int_equal(reclaim_claims_count(NULL), 0);
	assert_null(reclaim_claims_at(NULL, 0));
	reclaim_claims_destroy(NULL);
	FAILS(RECLAIM_INVALID, "owner",
	      reclaim_claim(ledger, &(struct reclaim_claiming){ 0 }, &claims, error));
	FAILS(RECLAIM_INVALID, "owner", reclaim_claim(ledger, NULL, &claims, error));
	FAILS(RECLAIM_INVALID, "count",
	      reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me", .count = -1 },
			    &claims, error));
	FAILS(RECLAIM_INVALID, "lease",
	      reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me", .lease = -7 },
			    &claims, error));
	FAILS(RECLAIM_NOT_FOUND, "nothing to claim in queue nowhere",
	      reclaim_claim(ledger,
			    &(struct reclaim_claiming){ .owner = "me", .queue = "nowhere" },
			    &claims, error));
	reclaim_close(ledger);
}

/* ---- the worker's verbs ---- */

static void test_verbs(void **state)
{
	struct reclaim *ledger = open_made();
	(void)state;
	submit(ledger, &(struct reclaim_task){ .id = "a" }, NULL);
	struct reclaim_claims *claims = claim(ledger, 0);
	const char *token = reclaim_claims_at(claims, 0)->token;
	OK(reclaim_renew(ledger, "a", token, 0, "{\"done\": 40}", error));
	OK(reclaim_renew(ledger, "a", token, -1, "{\"done\": 50}", error));
	FAILS(RECLAIM_INVALID, "progress", reclaim_renew(ledger, "a", token, 0, "{", error));
	FAILS(RECLAIM_LOST, "'a'", reclaim_renew(ledger, "a", "1", 0, NULL, error));
	FAILS(RECLAIM_NOT_FOUND, "'b'", reclaim_complete(ledger, "b", token, NULL, error));
	FAILS(RECLAIM_LOST, "'a'", reclaim_complete(ledger, "a", "nonsense", NULL, error));
	FAILS(RECLAIM_INVALID, "result",
	      reclaim_complete(ledger, "a", token, "nonsense", error));
	FAILS(RECLAIM_INVALID, "token", reclaim_complete(ledger, "a", NULL, NULL, error));
	FAILS(RECLAIM_INVALID, "id", reclaim_complete(ledger, NULL, token, NULL, error));
	OK(reclaim_complete(ledger, "a", token, "\"done\"", error));
	OK(reclaim_complete(ledger, "a", token, "\"done\"", error));
	FAILS(RECLAIM_LOST, "completed", reclaim_release(ledger, "a", token, error));
	reclaim_claims_destroy(claims);
	reclaim_close(ledger);
}

static void test_fail(void **state)
{
	struct reclaim *ledger = open_made();
	struct reclaim_claims *claims;
	(void)state;
	submit(ledger, &(struct reclaim_task){ .id = "a" }, NULL);

	claims = claim(ledger, 0);
	OK(reclaim_release(ledger, "a", reclaim_claims_at(claims, 0)->token, error));
	reclaim_claims_destroy(claims);

	claims = claim(ledger, 0);
	assert_int_equal(reclaim_claims_at(claims, 0)->attempt, 1);
	const char *token = reclaim_claims_at(claims, 0)->token;
	FAILS(RECLAIM_INVALID, "message", reclaim_fail(ledger, "a", token, NULL, error));
	FAILS(RECLAIM_INVALID, "retry_in",
	      reclaim_fail(ledger, "a", token,
			   &(struct reclaim_failing){ .message = "no", .retry_in = -5 },
			   error));
	OK(reclaim_fail(ledger, "a", token,
			&(struct reclaim_failing){ .message = "no", .retry_in = -1 }, error));
	reclaim_claims_destroy(claims);

	claims = claim(ledger, 0);
	assert_int_equal(reclaim_claims_at(claims, 0)->attempt, 2);
	OK(reclaim_fail(ledger, "a", reclaim_claims_at(claims, 0)->token,
			&(struct reclaim_failing){ .message = "never", .no_retry = true },
			error));
	reclaim_claims_destroy(claims);
	FAILS(RECLAIM_NOT_ALLOWED, "failed", reclaim_cancel(ledger, "a", error));
	OK(reclaim_retry(ledger, "a", error));
	OK(reclaim_cancel(ledger, "a", error));
	FAILS(RECLAIM_NOT_FOUND, "'b'", reclaim_retry(ledger, "b", error));
	FAILS(RECLAIM_INVALID, "id", reclaim_retry(ledger, NULL, error));
	reclaim_close(ledger);
}

static void test_hand_in(void **state)
{
	struct reclaim *ledger = open_made();
	struct reclaim_claims *claims = NULL;
	enum reclaim_status statuses[3];
	(void)state;
	submit(ledger, &(struct reclaim_task){ .id = "a", .priority = 1 }, NULL);
	submit(ledger, &(struct reclaim_task){ .id = "b" }, NULL);
	OK(reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me", .count = 2 },
			 &claims, error));
	const struct reclaim_handing handings[] = {
		{ .verb = RECLAIM_COMPLETE,
		  .id = "a",
		  .token = reclaim_claims_at(claims, 0)->token },
		{ .verb = RECLAIM_COMPLETE, .id = "none", .token = "1" },
		{ .verb = RECLAIM_RELEASE, .id = "b", .token = "1" },
	};
	OK(reclaim_hand_in(ledger, handings, 3, statuses, error));
	assert_int_equal(statuses[0], RECLAIM_OK);
	assert_int_equal(statuses[1], RECLAIM_NOT_FOUND);
	assert_int_equal(statuses[2], RECLAIM_LOST);
	const struct reclaim_handing wrong = { .verb = RECLAIM_FAIL, .id = "b", .token = "1" };
	FAILS(RECLAIM_INVALID, "handing 1: fail: message",
	      reclaim_hand_in(ledger, &wrong, 1, statuses, error));
	OK(reclaim_hand_in(ledger, NULL, 0, NULL, error));
	reclaim_claims_destroy(claims);
	reclaim_close(ledger);
}

/* ---- sweep ---- */

static void test_sweep(void **state)
{
	struct reclaim *ledger = open_made();
	struct reclaim_swept swept = { 0 };
	(void)state;
	submit(ledger, &(struct reclaim_task){ .id = "a" }, NULL);
	reclaim_claims_destroy(claim(ledger, 1000));
	usleep(5000);
	OK(reclaim_sweep(ledger, &(struct reclaim_sweeping){ .dry_run = true }, &swept, error));
	assert_int_equal(swept.requeued, 1);
	OK(reclaim_sweep(ledger, &(struct reclaim_sweeping){ .limit = -1 }, &swept, error));
	assert_int_equal(swept.requeued, 0);
	assert_int_equal(swept.held_back, 1);
	OK(reclaim_sweep(ledger, NULL, &swept, error));
	assert_int_equal(swept.in_flight, 1);
	assert_int_equal(swept.stale, 1);
	assert_int_equal(swept.requeued, 1);
	assert_false(swept.valve_holding);
	OK(reclaim_sweep(ledger, NULL, NULL, error));
	FAILS(RECLAIM_INVALID, "limit",
	      reclaim_sweep(ledger, &(struct reclaim_sweeping){ .limit = -2 }, &swept, error));
	reclaim_close(ledger);
}

/* A host's ledger answers with what it has no verb for. */
static void test_unsupported(void **state)
{
	(void)state;
	struct reclaim *ledger = open_made();
	reclaim_close(ledger);
	OK(reclaim_open(&(struct reclaim_options){ .db = url, .profile = "foundry" }, &ledger,
			error));
	FAILS(RECLAIM_UNSUPPORTED, "submit",
	      reclaim_submit(ledger, &(struct reclaim_task){ 0 }, 1, NULL, error));
	FAILS(RECLAIM_INVALID, "foundry_tasks",
	      reclaim_claim(ledger, &(struct reclaim_claiming){ .owner = "me" },
			    &(struct reclaim_claims *){ NULL }, error));
	reclaim_close(ledger);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(reclaim_version(), RECLAIM_VERSION);
	for (int status = RECLAIM_OK; status <= RECLAIM_INTERNAL; status++) {
		assert_true(strlen(reclaim_status_text((enum reclaim_status)status)) > 0);
	}
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(test_example), in_place(test_open),  in_place(test_submit),
		in_place(test_claim),   in_place(test_verbs), in_place(test_fail),
		in_place(test_hand_in), in_place(test_sweep), in_place(test_unsupported),
		in_place(test_words),
	};
	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
