/* The first benchmark: verbs one at a time and in batches, sweeps over many rows. Figures, never a verdict. */
#include "pass.h"
#include "verbs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/reclaim-bench-XXXXXX";

static void die(const char *what, const struct reclaim_error *error)
{
	fprintf(stderr, "bench: %s: %s\n", what, error->message);
	exit(1);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void path_of(const char *name, const char *prefix, char ret[128])
{
	snprintf(ret, 128, "%s%s/%s", prefix, folder, name);
}

static struct ledger *open_ledger(const char *name, const char *profile)
{
	char url[128];
	struct reclaim_error error = { 0 };
	struct ledger *ledger = NULL;
	path_of(name, "sqlite:", url);
	const struct ledger_options options = { .url = url, .profile = profile, .db = { .create = true } };
	if (ledger_open(&options, &ledger, &error) || ledger_init(ledger, NULL, NULL, &error) ||
	    ledger_plan(ledger, &error)) {
		die("open", &error);
	}
	return ledger;
}

static void remove_ledger(const char *name)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-workers" };
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		char file[128], path[160];
		path_of(name, "", file);
		snprintf(path, sizeof(path), "%s%s", file, endings[i]);
		unlink(path);
	}
}

static void say(const char *what, double rate, const char *unit)
{
	printf("%-58s %12.0f %s\n", what, rate, unit);
	fflush(stdout);
}

/* ---- verbs ---- */

static void submit_in(struct ledger *ledger, int total, int batch, const char *what)
{
	struct reclaim_error error = { 0 };
	struct submission *tasks = calloc((size_t)batch, sizeof(*tasks));
	char (*ids)[RECLAIM_ID_SIZE] = calloc((size_t)batch, sizeof(*ids));
	size_t bad;
	for (int i = 0; i < batch; i++) {
		tasks[i] = (struct submission){ .payload = "{\"n\":1}", .max_attempts = 25 };
	}
	double start = seconds();
	for (int done = 0; done < total; done += batch) {
		if (verb_submit(ledger, tasks, (size_t)batch, ids, &bad, &error)) {
			die("submit", &error);
		}
	}
	say(what, total / (seconds() - start), "/s");
	free(tasks);
	free(ids);
}

static void complete_all(struct ledger *ledger, const struct claims *claims)
{
	struct reclaim_error error = { 0 };
	struct handing *handings = calloc(claims->count, sizeof(*handings));
	enum reclaim_status *statuses = calloc(claims->count, sizeof(*statuses));
	for (size_t i = 0; i < claims->count; i++) {
		handings[i] = (struct handing){ .verb = VERB_COMPLETE,
						.id = claims->items[i].id,
						.token = claims->items[i].token,
						.text = "1" };
	}
	if (verb_hand_in(ledger, handings, claims->count, statuses, &error)) {
		die("complete", &error);
	}
	free(handings);
	free(statuses);
}

static void work_in(struct ledger *ledger, int total, int batch, const char *claim, const char *complete)
{
	struct reclaim_error error = { 0 };
	double claiming = 0, completing = 0;
	const struct claiming how = { .owner = "bench", .count = batch, .lease = 3600 * USEC_PER_SEC };
	for (int done = 0; done < total; done += batch) {
		struct claims claims = { 0 };
		double start = seconds();
		if (verb_claim(ledger, &how, &claims, &error)) {
			die("claim", &error);
		}
		double middle = seconds();
		complete_all(ledger, &claims);
		claiming += middle - start;
		completing += seconds() - middle;
		claims_finish(&claims);
	}
	say(claim, total / claiming, "/s");
	say(complete, total / completing, "/s");
}

static void verbs(void)
{
	struct ledger *ledger = open_ledger("verbs.db", "reclaim");
	submit_in(ledger, 2000, 1, "submit, one at a time");
	submit_in(ledger, 100000, 1000, "submit, 1 000 a batch");
	work_in(ledger, 2000, 1, "claim, one at a time (100 000 ready)", "complete, one at a time");
	work_in(ledger, 50000, 100, "claim, 100 a batch", "complete, 100 a batch");
	ledger_close(ledger);
	remove_ledger("verbs.db");
}

/* ---- sweeps ---- */

/* Rows in bulk, straight into the file: what is measured is the sweep. */
static void fill_rows(const char *name, const char *state, int count, const char *columns, const char *values)
{
	char file[128];
	sqlite3 *db;
	path_of(name, "", file);
	char *sql = sqlite3_mprintf(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		"INSERT INTO reclaim_tasks (id, state, created_at, updated_at, due_at, payload%s) "
		"SELECT '%s' || i, '%s', 1, 1, 1, '{\"n\":1}'%s FROM n",
		count, columns, state, state, values);
	char *problem = NULL;
	if (sqlite3_open(file, &db) || sqlite3_exec(db, sql, NULL, NULL, &problem)) {
		fprintf(stderr, "bench: %s\n", problem ? problem : "open");
		exit(1);
	}
	sqlite3_free(sql);
	sqlite3_close(db);
}

/* Our own profile without its cap. */
static const char *uncapped(void)
{
	static char file[128];
	struct text TEXT_CLEANUP text = { 0 };
	const char *own = profile_builtin("reclaim"), *cap = strstr(own, "per_sweep = 1000");
	path_of("uncapped.conf", "", file);
	text_add_bytes(&text, own, (size_t)(cap - own));
	text_add(&text, "per_sweep = \"off\"");
	text_add(&text, cap + strlen("per_sweep = 1000"));
	FILE *out = fopen(file, "w");
	if (!out || fputs(text_string(&text), out) < 0 || fclose(out)) {
		perror(file);
		exit(1);
	}
	return file;
}

static void sweep_once(struct ledger *ledger, const char *what, int64_t expected)
{
	struct reclaim_error error = { 0 };
	struct sweep_result result = { 0 };
	const struct pass_options options = { .limit = -1 };
	double start = seconds();
	if (pass_run(ledger, &options, &result, &error)) {
		die("sweep", &error);
	}
	double took = seconds() - start;
	if (result.requeued != expected) {
		fprintf(stderr, "bench: swept %lld, expected %lld\n", (long long)result.requeued,
			(long long)expected);
		exit(1);
	}
	if (expected) {
		say(what, (double)expected / took, "rows/s");
	}
	printf("%-58s %12.1f ms\n", what, took * 1e3);
	sweep_result_finish(&result);
}

static void sweep_stale(const char *name, int finished, const char *what)
{
	const char *profile = uncapped();
	struct ledger *ledger = open_ledger(name, profile);
	if (finished) {
		fill_rows(name, "completed", finished, ", finished_at", ", 1");
	}
	fill_rows(name, "running", 100000, ", owner, token, attempts, claimed_at, lease_until",
		  ", 'gone' || (i % 1000), i, 1, i, i + 1");
	sweep_once(ledger, what, 100000);
	ledger_close(ledger);
	remove_ledger(name);
	unlink(profile);
}

static void sweep_empty(void)
{
	struct ledger *ledger = open_ledger("empty.db", "reclaim");
	fill_rows("empty.db", "running", 10000, ", owner, token, attempts, claimed_at, lease_until",
		  ", 'alive' || (i % 100), i, 1, i, 9000000000000000");
	sweep_once(ledger, "empty sweep, 10 000 claims in flight (first)", 0);
	sweep_once(ledger, "empty sweep, 10 000 claims in flight", 0);
	ledger_close(ledger);
	remove_ledger("empty.db");
}

int main(void)
{
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	verbs();
	sweep_stale("stale.db", 0, "sweep, 100 000 stale");
	sweep_stale("full.db", 1000000, "sweep, 100 000 stale beside 1 000 000 finished");
	sweep_empty();
	rmdir(folder);
	return 0;
}
