/* Measures one thing on one ledger and prints its figures, a name and a number a line; bench.py makes the table. */
#include "pass.h"
#include "verbs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALONE 2000
#define TOGETHER 30000
#define WAKES 30
#define LOST (10 * USEC_PER_SEC)

static void die(const char *what, const struct reclaim_error *error)
{
	fprintf(stderr, "bench: %s: %s\n", what, error->message);
	exit(1);
}

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * USEC_PER_SEC + time.tv_nsec / 1000;
}

static void say_rate(const char *name, double count, int64_t took)
{
	printf("%s %.1f\n", name, count * (double)USEC_PER_SEC / (double)took);
}

static void say_ms(const char *name, int64_t took)
{
	printf("%s %.3f\n", name, (double)took / 1000);
}

static struct ledger *open_ledger(const char *url, const char *profile)
{
	struct reclaim_error error = { 0 };
	struct ledger *ledger = NULL;
	const struct ledger_options options = { .url = url,
						.profile = profile,
						.db = { .create = true } };
	if (ledger_open(&options, &ledger, &error) ||
	    ledger_init(ledger, /* show= */ NULL, /* context= */ NULL, &error) ||
	    ledger_plan(ledger, &error)) {
		die(url, &error);
	}
	return ledger;
}

/* ---- verbs ---- */

static void submit(struct ledger *ledger, size_t count)
{
	struct reclaim_error error = { 0 };
	struct submission tasks[1000];
	char ids[1000][RECLAIM_ID_SIZE];
	size_t bad;
	for (size_t i = 0; i < count; i++) {
		tasks[i] = (struct submission){ .payload = "{\"n\":1}", .max_attempts = 25 };
	}
	if (verb_submit(ledger, tasks, count, ids, &bad, &error)) {
		die("submit", &error);
	}
}

static void measure_submit(struct ledger *ledger, const char *name, int total, int batch)
{
	int64_t start = now();
	for (int done = 0; done < total; done += batch) {
		submit(ledger, (size_t)batch);
	}
	say_rate(name, total, now() - start);
}

static void claim(struct ledger *ledger, int count, struct claims *ret_claims)
{
	struct reclaim_error error = { 0 };
	const struct claiming how = { .owner = "bench",
				      .count = count,
				      .lease = 3600 * USEC_PER_SEC };
	if (verb_claim(ledger, &how, ret_claims, &error)) {
		die("claim", &error);
	}
	if (ret_claims->count != (size_t)count) {
		fprintf(stderr, "bench: claimed %zu, not %d\n", ret_claims->count, count);
		exit(1);
	}
}

static void complete(struct ledger *ledger, const struct claims *claims)
{
	struct reclaim_error error = { 0 };
	struct handing handings[100];
	enum reclaim_status statuses[100];
	for (size_t i = 0; i < claims->count; i++) {
		handings[i] = (struct handing){ .verb = VERB_COMPLETE,
						.id = claims->items[i].id,
						.token = claims->items[i].token,
						.text = "1" };
	}
	if (verb_hand_in(ledger, handings, claims->count, statuses, &error)) {
		die("complete", &error);
	}
}

static void measure_work(struct ledger *ledger, const char *claim_name,
			 const char *complete_name, int total, int batch)
{
	int64_t claiming = 0, completing = 0;
	for (int done = 0; done < total; done += batch) {
		struct claims claims = { 0 };
		int64_t start = now();
		claim(ledger, batch, &claims);
		int64_t middle = now();
		complete(ledger, &claims);
		claiming += middle - start;
		completing += now() - middle;
		claims_finish(&claims);
	}
	say_rate(claim_name, total, claiming);
	say_rate(complete_name, total, completing);
}

static void measure_verbs(struct ledger *ledger)
{
	measure_submit(ledger, "submit_1", ALONE, 1);
	measure_submit(ledger, "submit_1000", TOGETHER, 1000);
	measure_work(ledger, "claim_1", "complete_1", ALONE, 1);
	measure_work(ledger, "claim_100", "complete_100", TOGETHER, 100);
}

/* ---- a sweep ---- */

static void measure_sweep(struct ledger *ledger, int64_t expected)
{
	struct reclaim_error error = { 0 };
	struct sweep_result result = { 0 };
	const struct pass_options options = { .limit = -1 };
	int64_t start = now();
	if (pass_run(ledger, &options, &result, &error)) {
		die("sweep", &error);
	}
	int64_t took = now() - start;
	if (result.requeued != expected) {
		fprintf(stderr, "bench: swept %lld, expected %lld\n",
			(long long)result.requeued, (long long)expected);
		exit(1);
	}
	say_rate("rows", (double)expected, took);
	say_ms("ms", took);
	sweep_result_finish(&result);
}

/* ---- from submit to the start of the command ---- */

static int64_t read_stamp(int pipe)
{
	int64_t stamp;
	struct pollfd ready = { .fd = pipe, .events = POLLIN };
	if (poll(&ready, 1, (int)(LOST / 1000)) != 1 ||
	    read(pipe, &stamp, sizeof(stamp)) != sizeof(stamp)) {
		fprintf(stderr, "bench: the worker starts nothing\n");
		exit(1);
	}
	return stamp;
}

/* Between one second and two, so that no poll keeps step with it, and the worker's pauses have grown to their longest. */
static void idle(struct ledger *ledger)
{
	int64_t pause = USEC_PER_SEC + (int64_t)(ledger_random(ledger) % USEC_PER_SEC);
	const struct timespec time = { .tv_sec = pause / USEC_PER_SEC,
				       .tv_nsec = pause % USEC_PER_SEC * 1000 };
	nanosleep(&time, NULL);
}

/* All of them are printed; the one before the first only says that the worker is there. */
static void measure_wakes(struct ledger *ledger, const char *path)
{
	int pipe = open(path, O_RDWR | O_CLOEXEC);
	for (int i = -1; i < WAKES; i++) {
		int64_t start = now();
		submit(ledger, 1);
		int64_t committed = now(), stamp = read_stamp(pipe);
		if (i >= 0) {
			say_ms("submit", committed - start);
			say_ms("wake", stamp - start);
		}
		idle(ledger);
	}
}

enum what { INIT, VERBS, SWEEP, WAKE, WHATS };

static const struct {
	const char *name;
	int words;
} known[WHATS] = {
	[INIT] = { "init", 2 },
	[VERBS] = { "verbs", 2 },
	[SWEEP] = { "sweep", 4 },
	[WAKE] = { "wake", 3 },
};

static enum what read_words(int argc, char **argv)
{
	for (int i = 0; i < WHATS; i++) {
		if (argc - 1 == known[i].words && strcmp(argv[1], known[i].name) == 0) {
			return (enum what)i;
		}
	}
	fprintf(stderr, "usage: bench init URL | verbs URL | sweep URL PROFILE EXPECTED | "
			"wake URL PIPE\n");
	exit(2);
}

int main(int argc, char **argv)
{
	enum what what = read_words(argc, argv);
	struct ledger *ledger = open_ledger(argv[2], what == SWEEP ? argv[3] : "reclaim");
	switch (what) {
	case VERBS:
		measure_verbs(ledger);
		break;
	case SWEEP:
		measure_sweep(ledger, atoll(argv[4]));
		break;
	case WAKE:
		measure_wakes(ledger, argv[3]);
		break;
	case INIT:
	case WHATS:
		break;
	}
	ledger_close(ledger);
	return 0;
}
