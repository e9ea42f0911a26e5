/* A pass over tables that are not ours: odd ids, read-only dry runs, reports, a log for an audit, leases of workers. */
#include "scene.h"

#include "turn.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *ids_of(const struct sweep_result *result)
{
	TEXT_CLEANUP struct text text = { 0 };
	for (size_t i = 0; i < result->task_count; i++) {
		text_printf(&text, "%s%s", i ? "|" : "", result->tasks[i].id);
	}
	return format("%s", text_string(&text));
}

/* A profile of our own making, and the table it maps. */
static struct ledger *open_made(void **state, const char *tables, const char *rest)
{
	const char *path = in(state, "made.conf");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"
		"states { ready = { \"new\" } running = { \"run\" } completed = { \"done\" } "
		"}\n%s",
		rest);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	struct db *db =
		open_with(ledger_url(state, path), &(struct db_options){ .create = true });
	script(db, tables);
	db_close(db);
	struct ledger *ledger = open_ledger(state, path, NULL, NULL);
	OK(ledger_plan(ledger, &error));
	return ledger;
}

#define JOBS                                                                                   \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL DEFAULT 'new', who "   \
	"TEXT, since INTEGER);"

static void begin_job(struct ledger *ledger, int id, const char *who)
{
	long long now = (long long)(clock_read() / S);
	if (change(ledger->db, format("UPDATE jobs SET state = 'run', who = '%s', since = %lld "
				      "WHERE id = %d",
				      who, now, id)) == 0) {
		script(ledger->db, format("INSERT INTO jobs (id, state, who, since)"
					  " VALUES (%d, 'run', '%s', %lld)",
					  id, who, now));
	}
}

/* ---- ids ---- */

static const struct odd_id {
	const char *literal, *told;
	bool loose; /* only where a column of texts holds bytes, and texts hold NUL */
} odd_ids[] = {
	{ "'it''s'", "it's" },
	{ "' a b '", " a b " },
	{ "'a' || char(0) || 'b'", "a%00b", .loose = true },
	{ "'a' || char(0) || 'c'", "a%00c", .loose = true },
	{ "'🐢'", "🐢" },
	{ "'x/y%z'", "x/y%25z" },
	{ "''", "" },
	{ "x'00ff'", "00ff", .loose = true },
	{ "'42'", "42" },
};

/* Claimed, one after the other; how they are told. */
static const char *claim_odd_ids(struct ledger *ledger, int64_t *ret_count)
{
	TEXT_CLEANUP struct text told = { 0 };
	int64_t count = 0;
	for (size_t i = 0; i < COUNT_OF(odd_ids); i++) {
		if (odd_ids[i].loose && !ledger->db->driver->loose_types) {
			continue;
		}
		script(ledger->db,
		       format("INSERT INTO foundry_tasks (task_id, task_type, updated_at)"
			      " VALUES (%s, 't', '2026-01-01 00:00:%02zu')",
			      odd_ids[i].literal, i));
		claim(ledger, "o'brien \xf0\x9f\x90\xa2", 0);
		text_printf(&told, "%s%s", count++ ? "|" : "", odd_ids[i].told);
	}
	*ret_count = count;
	return format("%s", text_string(&told));
}

static void test_odd_ids(void **state)
{
	int64_t count = 0;
	struct ledger *ledger = open_host(state, host_named("foundry"));
	const char *told = claim_odd_ids(ledger, &count);
	ledger->profile->per_sweep = 100;
	clock_pass(6 * 3600 * S + S);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_int_equal(result.requeued, count);
	assert_int_equal(result.errors, 0);
	assert_string_equal(ids_of(&result), told);
	assert_int_equal(
		ask(ledger->db, "SELECT count(*) FROM foundry_tasks WHERE status = 'pending'"),
		count);
	assert_int_equal(ask(ledger->db,
			     "SELECT count(*) FROM task_audit_log AS a JOIN foundry_tasks AS t"
			     " ON a.task_id = t.task_id"),
			 count);
	for (size_t i = 0; i < result.task_count;
	     i++) { /* an id that was told finds its row again */
		RESULT_CLEANUP struct result row = { 0 };
		if (strcmp(result.tasks[i].id, "00ff") != 0) {
			OK(ledger_read(ledger, result.tasks[i].id, &row, &error));
		}
	}
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* ---- dry runs ---- */

static void test_a_dry_run_before_our_tables(void **state)
{
	for (size_t i = 0; i < host_count; i++) {
		const struct host *host = &hosts[i];
		clock_reset();
		ledger_forget(state, host->profile);
		struct ledger *ledger = open_host(state, host);
		host_add(ledger, host, TASK);
		/* Not host_begin: a renewal of ours would make them. */
		if (host->claim) {
			host_runs(ledger->db, host, host->claim, TASK);
		} else {
			claim(ledger, WORKER, 0);
		}
		if (strcmp(host->name, "foundry") == 0) {
			OK(verb_beat(ledger, WORKER, NULL, &error));
		}
		ledger_close(ledger);
		clock_pass(host->patience);
		const struct ledger_options options = { .url = ledger_url(state, host->profile),
							.profile = host->profile,
							.db = { .read_only = true } };
		OK(ledger_open(&options, &ledger, &error));
		struct sweep_result dry =
			swept(ledger, (struct pass_options){ .dry_run = true, .limit = -1 });
		assert_int_equal(dry.requeued + dry.stuck, 1);
		assert_int_equal(own_tables(ledger->db), 0);
		ledger_close(ledger);
		ledger = open_ledger(state, host->profile, NULL, NULL);
		struct sweep_result real = swept(ledger, (struct pass_options){ .limit = -1 });
		assert_string_equal(ids_of(&dry), ids_of(&real));
		assert_string_equal(dry.tasks[0].rule, real.tasks[0].rule);
		assert_int_equal(dry.tasks[0].remedy, real.tasks[0].remedy);
		sweep_result_finish(&dry);
		sweep_result_finish(&real);
		ledger_close(ledger);
	}
}

/* ---- report ---- */

#define REPORTING                                                                              \
	"columns { state = \"state\" owner = \"who\" claimed_at = \"since\" time = \"epoch\" " \
	"%s }\n"                                                                               \
	"rule old { when = \"age\" after = \"60s\" then = \"report\" }\n"

static void test_a_report_is_told_once_a_claim(void **state)
{
	struct ledger *ledger =
		open_made(state, JOBS, format(REPORTING, "token = { \"who\", \"since\" }"));
	begin_job(ledger, 7, "ann");
	clock_pass(61 * S);
	for (int i = 0; i < 3; i++) {
		struct sweep_result result = sweep(ledger);
		assert_int_equal(result.stale, 1);
		assert_int_equal(result.reported, 1);
		assert_int_equal(result.held_back, 0);
		assert_int_equal(audits(ledger, "7", "report"), 1);
	}
	assert_string_equal(ask_text(ledger, "SELECT state || who FROM jobs"), "runann");
	begin_job(ledger, 7, "ann"); /* another claim */
	clock_pass(61 * S);
	sweep(ledger);
	assert_int_equal(audits(ledger, "7", "report"), 2);
	struct sweep_result capped = swept(ledger, (struct pass_options){ .limit = 0 });
	assert_int_equal(capped.reported, 1); /* it takes nothing, so it uses no cap */
	sweep_result_finish(&capped);
	ledger_close(ledger);
}

static void test_a_report_uses_no_cap(void **state)
{
	struct ledger *ledger =
		open_made(state, JOBS "ALTER TABLE jobs ADD COLUMN kind TEXT",
			  "columns { state = \"state\" owner = \"who\" claimed_at = \"since\" "
			  "kind = \"kind\" time = \"epoch\" }\n"
			  "rule told { when = \"age\" after = \"60s\" then = \"report\" "
			  "override { kind = \"take\" after = \"never\" } }\n"
			  "rule taken { when = \"age\" after = \"60s\" then = \"requeue\" }\n");
	for (int i = 0; i < 6; i++) {
		begin_job(ledger, i, "ann");
	}
	script(ledger->db, "UPDATE jobs SET kind = 'take' WHERE id > 2");
	clock_pass(61 * S);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = 2 });
	assert_int_equal(result.reported, 3);
	assert_int_equal(result.requeued, 2);
	assert_int_equal(result.held_back, 1);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* A tenth of the threshold stands for the beat: 100 s of outage, then 60 s. */
static void test_grace_where_no_beat_is_known(void **state)
{
	const struct host *host = host_named("delegations");
	struct ledger *ledger = open_host(state, host);
	host_add(ledger, host, TASK);
	host_begin(ledger, host, TASK);
	clock_pass(601 * S);
	OK(turn_outage(ledger, 100 * S, &error));
	clock_pass(158 * S);
	assert_int_equal(sweep(ledger).held_back, 1);
	clock_pass(3 * S);
	assert_int_equal(sweep(ledger).stuck, 1);
	ledger_close(ledger);
}

static void test_a_report_without_tokens(void **state)
{
	struct ledger *ledger = open_made(state, JOBS, format(REPORTING, ""));
	begin_job(ledger, 7, "ann");
	clock_pass(61 * S);
	sweep(ledger);
	sweep(ledger);
	assert_int_equal(audits(ledger, "7", "report"), 1);
	ledger_close(ledger);
}

/* ---- a log for an audit ---- */

static void test_an_audit_that_is_a_log(void **state)
{
	struct ledger *ledger =
		open_made(state, JOBS,
			  "columns { state = \"state\" owner = \"who\" claimed_at = \"since\" "
			  "time = \"epoch\" }\n"
			  "rule old { when = \"age\" after = \"60s\" then = \"requeue\" }\n"
			  "audit { mode = \"log\" }\n");
	begin_job(ledger, 1, "ann");
	begin_job(ledger, 2, "bob");
	clock_pass(61 * S);
	struct sweep_result result =
		swept(ledger, (struct pass_options){ .limit = 1, .wait_turn = true });
	assert_string_equal(ids_of(&result), "1");
	sweep_result_finish(&result);
	result = swept(ledger, (struct pass_options){ .limit = -1, .wait_turn = true });
	assert_string_equal(ids_of(&result), "2");
	sweep_result_finish(&result);
	assert_int_equal(own_tables(ledger->db), 0);
	assert_int_equal(ask(ledger->db,
			     "SELECT count(*) FROM jobs WHERE state = 'new' AND who IS NULL"),
			 2);
	ledger_close(ledger);
}

/* ---- thresholds of their own ---- */

static void test_overrides_and_the_bound(void **state)
{
	struct ledger *ledger = open_made(
		state,
		JOBS
		"CREATE TABLE nodes (name VARCHAR(64) PRIMARY KEY, seen INTEGER, label TEXT);"
		"ALTER TABLE jobs ADD COLUMN kind TEXT",
		"columns { state = \"state\" owner = \"who\" claimed_at = \"since\" kind = "
		"\"kind\" time = \"epoch\" }\n"
		"workers { table = \"nodes\" key = \"name\" seen = \"seen\" }\n"
		"rule gone { when = \"worker\" after = \"600s\" then = \"requeue\"\n"
		"  override { kind = \"quick\" after = \"60s\" }\n"
		"  override { kind = \"slow\" after = \"never\" } }\n");
	static const char *const kinds[] = { "quick", "slow", "plain" };
	script(ledger->db, format("INSERT INTO nodes VALUES ('ann', %lld, NULL)",
				  (long long)(clock_read() / S)));
	for (int i = 0; i < 3; i++) {
		begin_job(ledger, i, "ann");
		script(ledger->db,
		       format("UPDATE jobs SET kind = '%s' WHERE id = %d", kinds[i], i));
	}
	clock_pass(62 * S);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_string_equal(ids_of(&result), "0");
	sweep_result_finish(&result);
	clock_pass(600 * S);
	result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_string_equal(ids_of(&result), "2");
	sweep_result_finish(&result);
	ledger_close(ledger);
}

/* ---- leases that a host keeps with its workers ---- */

#define NODES                                                                                  \
	JOBS "CREATE TABLE nodes (name VARCHAR(64) PRIMARY KEY, seen INTEGER, until INTEGER, " \
	     "label "                                                                          \
	     "TEXT);"
#define LEASED                                                                                 \
	"columns { state = \"state\" owner = \"who\" claimed_at = \"since\" time = \"epoch\" " \
	"}\n"                                                                                  \
	"workers { table = \"nodes\" key = \"name\" seen = \"seen\" lease = \"until\" state "  \
	"= \"label\"\n"                                                                        \
	"  active = { \"up\" } stalled = { \"down\" } }\n"

static void node_beats(struct db *db)
{
	long long now = (long long)(clock_read() / S);
	if (change(db, format("UPDATE nodes SET seen = %lld, until = %lld WHERE name = 'ann'",
			      now, now + 60)) == 0) {
		script(db, format("INSERT INTO nodes VALUES ('ann', %lld, %lld, 'up')", now,
				  now + 60));
	}
}

/* The label of an earlier pass neither hides the rest of the worker's claims nor makes a renewed lease void. */
static void test_a_label_is_no_verdict(void **state)
{
	struct ledger *ledger = open_made(
		state, NODES, LEASED "rule lease { when = \"lease\" then = \"requeue\" }\n");
	node_beats(ledger->db);
	for (int i = 0; i < 3; i++) {
		begin_job(ledger, i, "ann");
	}
	clock_pass(62 * S);
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = 1 });
	assert_string_equal(ids_of(&result), "0");
	sweep_result_finish(&result);
	assert_string_equal(ask_text(ledger, "SELECT label FROM nodes"), "down");
	result = swept(ledger, (struct pass_options){ .limit = 1 });
	assert_string_equal(ids_of(&result), "1");
	assert_int_equal(result.blind, 0);
	sweep_result_finish(&result);
	node_beats(ledger->db);
	assert_int_equal(sweep(ledger).stale, 0);
	ledger_close(ledger);
}

static void act_node_beats(void *context)
{
	node_beats(context);
}

/* I7: a silence of the task's own signal has read the worker's lease too, so a beat in between saves the claim. */
static void test_a_workers_lease_saves_from_other_silence(void **state)
{
	struct ledger *ledger =
		open_made(state, NODES,
			  LEASED "rule quiet { when = \"heartbeat\" of = { \"claimed_at\" } "
				 "after = \"10s\" then = \"requeue\" }\n");
	node_beats(ledger->db);
	begin_job(ledger, 1, "ann");
	clock_pass(30 * S);
	assert_int_equal(sweep(ledger).stale, 0);
	clock_pass(32 * S);
	struct meanwhile m = { "count_claims", "begin", act_node_beats, ledger->db };
	struct ledger *sweeper = open_ledger(state, in(state, "made.conf"), meanwhile, &m);
	struct sweep_result result = sweep(sweeper);
	assert_true(m.done);
	assert_int_equal(result.requeued, 0);
	assert_int_equal(result.lost_races, 1);
	ledger_close(sweeper);
	clock_pass(62 * S);
	assert_int_equal(sweep(ledger).requeued, 1);
	ledger_close(ledger);
}

static void act_begins_again(void *context)
{
	begin_job(context, 1, "ann");
}

/* Candidates, then evidence: a name that came back after it was proven dead keeps what it has claimed since. */
static void test_a_proof_is_of_what_was_claimed_before(void **state)
{
	struct ledger *ledger =
		open_made(state, JOBS,
			  "columns { state = \"state\" owner = \"who\" claimed_at = \"since\" "
			  "time = \"epoch\" }\n"
			  "probe { command = { \"sh\", \"-c\", \"exit 1\", \"{owner}\" } }\n"
			  "rule gone { when = \"evidence\" then = \"requeue\" }\n");
	begin_job(ledger, 1, "ann");
	begin_job(ledger, 2, "ann");
	clock_pass(5 * S);
	struct meanwhile m = { "find", "find", act_begins_again, ledger };
	struct ledger *sweeper = open_ledger(state, in(state, "made.conf"), meanwhile, &m);
	struct sweep_result result = swept(sweeper, (struct pass_options){ .limit = -1 });
	assert_true(m.done);
	assert_string_equal(ids_of(&result), "2");
	sweep_result_finish(&result);
	ledger_close(sweeper);
	assert_int_equal(sweep(ledger).requeued, 1);
	ledger_close(ledger);
}

/* I4: a change without an audit row is none. Where a row is known by its place, a key need not be its own. */
static void test_a_key_that_is_several_rows(void **state)
{
	struct ledger *ledger = open_made(
		state, "CREATE TABLE jobs (id TEXT, state TEXT, since INTEGER);",
		"columns { state = \"state\" claimed_at = \"since\" time = \"epoch\" }\n"
		"rule old { when = \"age\" after = \"1h\" then = \"requeue\" }\n");
	bool by_place = runs_on(ledger->db, "postgres");
	script(ledger->db,
	       "INSERT INTO jobs VALUES ('a', 'run', 1), ('a', 'run', 1), ('b', 'run', 1)");
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	assert_int_equal(result.lost_races, 0);
	if (by_place) {
		assert_string_equal(ids_of(&result), "a|a|b");
		assert_int_equal(result.errors, 0);
	} else {
		assert_string_equal(ids_of(&result), "b");
		assert_int_equal(result.errors, 2);
		assert_string_equal(result.problems[0].message,
				    "its key stands for 2 rows of 'jobs'");
	}
	assert_int_equal(ask(ledger->db, "SELECT count(*) FROM jobs WHERE state = 'run'"),
			 result.errors);
	assert_int_equal(audits(ledger, NULL, "recover"), result.requeued);
	sweep_result_finish(&result);
	ledger_close(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_odd_ids),
		in_scene(test_a_dry_run_before_our_tables),
		in_scene(test_a_report_is_told_once_a_claim),
		in_scene(test_a_report_without_tokens),
		in_scene(test_a_report_uses_no_cap),
		in_scene(test_grace_where_no_beat_is_known),
		in_scene(test_an_audit_that_is_a_log),
		in_scene(test_overrides_and_the_bound),
		in_scene(test_a_label_is_no_verdict),
		in_scene(test_a_workers_lease_saves_from_other_silence),
		in_scene(test_a_key_that_is_several_rows),
		in_scene(test_a_proof_is_of_what_was_claimed_before),
	};
	return cmocka_run_group_tests_name("host_sweep", tests, NULL, NULL);
}
