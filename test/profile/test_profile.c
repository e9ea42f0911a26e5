/* The five profiles load and say what their systems say; mistakes are named with their line; mutations never crash. */
#include "mistakes.h"
#include "profile.h"
#include "random.h"
#include "sample.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* cmocka has no such macro that lives with a function named fail. */
#define REFUSE(...)                                                                            \
	do {                                                                                   \
		print_error(__VA_ARGS__);                                                      \
		assert_true(false);                                                            \
	} while (0)
#define SECONDS(n) ((n)*USEC_PER_SEC)

static struct profile *load(const char *name)
{
	struct profile *profile = NULL;
	struct reclaim_error error = { 0 };
	if (profile_load(name, NULL, &profile, &error) != RECLAIM_OK) {
		REFUSE("%s\n", error.message);
	}
	assert_non_null(profile);
	return profile;
}

static struct profile *parse(const char *text)
{
	struct profile *profile = NULL;
	struct reclaim_error error = { 0 };
	if (profile_parse(text, strlen(text), "mine.conf", NULL, &profile, &error) !=
	    RECLAIM_OK) {
		REFUSE("%s\n", error.message);
	}
	return profile;
}

static const char *set_of(const struct change *change, const char *column)
{
	for (size_t i = 0; i < change->set_count; i++) {
		if (string_equal(change->set[i].column, column)) {
			return change->set[i].expression;
		}
	}
	return NULL;
}

static void assert_rule(const struct profile *profile, size_t i, const char *name,
			enum rule_kind kind, int64_t after, enum remedy then)
{
	const struct rule *rule = &profile->policy.rules[i];
	assert_string_equal(rule->name, name);
	assert_int_equal(rule->kind, kind);
	assert_int_equal(rule->after, after);
	assert_int_equal(rule->then, then);
	assert_non_null(rule->reason);
}

static int lines_before(const char *text, const char *part)
{
	const char *at = strstr(text, part);
	assert_non_null(at);
	int count = 0;
	for (const char *c = text; c < at; c++) {
		count += *c == '\n';
	}
	return count;
}

/* The same column in two tables stands in two lines. */
static void test_lines_of_names(void **state)
{
	(void)state;
	const char *text = profile_builtin("foundry");
	struct profile *p = parse(text);
	assert_int_equal(profile_line_of(p, p->key.items[0]), lines_before(text, "\nkey ") + 2);
	assert_int_equal(profile_line_of(p, p->roles[ROLE_STATE]),
			 lines_before(text, "columns {") + 2);
	assert_int_equal(profile_line_of(p, p->workers.state),
			 lines_before(text, "workers {") + 5);
	profile_destroy(p);
}

/* ---- the built-in ones ---- */

/* On the engines that it has words for; a profile for none would be dead. */
static void test_builtin(void **state)
{
	(void)state;
	static const char *const all[] = { "sqlite", "postgres", "mariadb", NULL };
	const char *name = NULL;
	size_t count = 0;
	for (; profile_builtin_at(count, &name); count++) {
		int loaded = 0;
		assert_non_null(profile_builtin(name));
		for (size_t i = 0; all[i]; i++) {
			const struct engines engines = { all[i], all };
			struct profile *profile = NULL;
			struct reclaim_error error = { 0 };
			if (profile_load(name, &engines, &profile, &error) == RECLAIM_OK) {
				assert_string_equal(profile->name, name);
				profile_destroy(profile);
				loaded++;
			}
		}
		assert_true(loaded > 0);
	}
	assert_true(count > 5);
	assert_null(profile_builtin("nobody"));
	profile_destroy(NULL);
}

static void test_own(void **state)
{
	(void)state;
	struct profile *p = load("reclaim");
	assert_true(p->native);
	assert_int_equal(p->policy.rule_count, 3);
	assert_rule(p, 0, "deadline", RULE_DEADLINE, 0, REMEDY_FAIL);
	assert_rule(p, 1, "evidence", RULE_EVIDENCE, 0, REMEDY_REQUEUE);
	assert_rule(p, 2, "lease", RULE_LEASE, 0, REMEDY_REQUEUE);
	assert_int_equal(p->policy.rules[0].from, STATE_BIT(STATE_READY) |
							  STATE_BIT(STATE_RUNNING) |
							  STATE_BIT(STATE_STUCK));
	assert_int_equal(p->policy.budget_attempts, 25);
	assert_int_equal(p->policy.budget_recoveries, 3);
	assert_int_equal(p->policy.last_resort, REMEDY_STUCK);
	assert_int_equal(p->interval, SECONDS(5));
	assert_int_equal(p->lease, SECONDS(30));
	assert_int_equal(p->policy.lease, SECONDS(30));
	assert_int_equal(p->policy.beat, SECONDS(10));
	assert_int_equal(p->per_sweep, 1000);
	assert_int_equal(p->keep, SECONDS(INT64_C(30) * 86400));
	assert_int_equal(p->policy.valve_min, 20);
	assert_true(p->policy.valve_fraction == 0.55);
	assert_int_equal(p->signals[SIGNAL_LEASE].format, TIME_NATIVE);
	assert_int_equal(p->workers.seen.format, TIME_NATIVE);
	assert_true(p->workers.terminal && p->workers.evidence);
	assert_string_equal(set_of(&p->remedies[REMEDY_REQUEUE], "recoveries"),
			    "recoveries + 1");
	assert_string_equal(set_of(&p->remedies[REMEDY_REQUEUE], "lease_until"), "NULL");
	for (unsigned i = STATE_READY; i < STATE_COUNT; i++) {
		const char *word = state_word((enum state)i);
		assert_int_equal(profile_state(p, word, strlen(word)), i);
	}
	assert_int_equal(profile_state(p, "Ready", 5), STATE_NONE);
	profile_destroy(p);
}

static void test_foundry(void **state)
{
	(void)state;
	struct profile *p = load("foundry");
	assert_rule(p, 0, "silent-worker", RULE_WORKER, SECONDS(300), REMEDY_REQUEUE);
	assert_rule(p, 1, "stale-claim", RULE_AGE, SECONDS(21600), REMEDY_REQUEUE);
	assert_false(p->policy.rules[0].inclusive || p->policy.rules[0].missing_is_stale);
	assert_int_equal(p->policy.rules[1].of, SIGNAL_BIT(SIGNAL_CLAIMED));
	assert_int_equal(p->per_sweep, 5);
	assert_int_equal(p->policy.budget_attempts, NO_LIMIT);
	assert_int_equal(p->policy.budget_recoveries, NO_LIMIT);
	assert_string_equal(p->workers.ignore.items[0], "stopped");
	assert_true(p->health);
	assert_int_equal(p->signals[SIGNAL_CLAIMED].format, TIME_UTC);
	assert_non_null(p->worker_beat);
	assert_string_equal(set_of(p->worker_beat, "last_seen"), "{now}");
	assert_string_equal(p->audit[0].table, "task_audit_log");
	assert_string_equal(p->audit[0].assignments[1].expression, "'reclaimed'");
	assert_false(p->verbs[VERB_RETRY].present || p->verbs[VERB_CANCEL].present);
	assert_true(p->verbs[VERB_RENEW].present);
	assert_int_equal(p->verbs[VERB_RENEW].to, STATE_NONE);
	assert_string_equal(p->results[2].word, "reclaimed_tasks");
	assert_string_equal(p->results[2].rule, "stale-claim");
	assert_string_equal(p->results[2].counts, "taken");
	assert_string_equal(p->results[1].counts, "workers_stalled");
	assert_string_equal(p->messages[OCCASION_TASK][0].rule, "stale-claim");
	profile_destroy(p);
}

static void test_seedcore(void **state)
{
	(void)state;
	struct profile *p = load("seedcore");
	assert_rule(p, 0, "lease", RULE_LEASE, 0, REMEDY_REQUEUE);
	assert_rule(p, 1, "stale", RULE_HEARTBEAT, SECONDS(900), REMEDY_REQUEUE);
	const struct rule *stale = profile_rule(p, "stale");
	assert_true(stale->inclusive && stale->unless_alive);
	assert_int_equal(stale->of, SIGNAL_BIT(SIGNAL_BEAT) | SIGNAL_BIT(SIGNAL_UPDATED));
	assert_string_equal(stale->error, " | reaper: lease expired or owner dead");
	assert_string_equal(stale->spent_error, " | reaper: max requeues exceeded");
	assert_int_equal(p->error_mode, ERROR_APPEND);
	assert_int_equal(p->policy.budget_attempts, 3);
	assert_int_equal(p->policy.last_resort, REMEDY_FAIL);
	assert_int_equal(p->per_sweep, 200);
	assert_int_equal(p->lease, SECONDS(600));
	assert_int_equal(p->optional.count, 3);
	assert_string_equal(set_of(&p->remedies[REMEDY_REQUEUE], "attempts"), "attempts + 1");
	assert_string_equal(p->states[STATE_READY].items[0], "queued");
	assert_string_equal(p->verbs[VERB_RESCHEDULE].native, "retry");
	assert_int_equal(profile_state(p, "created", 7), STATE_NONE);
	assert_int_equal(p->recover.after, SECONDS(120));
	assert_int_equal(p->cleanup.after, SECONDS(900));
	assert_int_equal(p->cleanup.by, SIGNAL_UPDATED);
	assert_int_equal(p->cleanup.max_attempts, 3);
	assert_int_equal(p->migration_count, 6);
	assert_string_equal(p->migration[4].index_on, "owner_id");
	assert_string_equal(p->migration[5].script, "cleanup_stale_running_tasks");
	profile_destroy(p);
}

static void test_delegations(void **state)
{
	(void)state;
	struct profile *p = load("delegations");
	assert_rule(p, 0, "deadline", RULE_DEADLINE, 0, REMEDY_FAIL);
	assert_rule(p, 1, "heartbeat", RULE_HEARTBEAT, SECONDS(600), REMEDY_STUCK);
	assert_int_equal(p->policy.rules[1].from,
			 STATE_BIT(STATE_READY) | STATE_BIT(STATE_RUNNING));
	assert_string_equal(p->states[STATE_RUNNING].items[0], "in_progress");
	assert_int_equal(profile_state(p, "dispatched", 10), STATE_RUNNING);
	assert_int_equal(p->interval, SECONDS(300));
	assert_int_equal(p->per_sweep, NO_LIMIT);
	assert_int_equal(p->result_bytes, 4096);
	assert_int_equal(p->policy.valve_min, 20);
	assert_int_equal(p->signals[SIGNAL_BEAT].format, TIME_RFC3339);
	assert_int_equal(p->verbs[VERB_COMPLETE].from,
			 STATE_BIT(STATE_RUNNING) | STATE_BIT(STATE_STUCK));
	assert_int_equal(p->verbs[VERB_RETRY].from, STATE_BIT(STATE_STUCK));
	assert_string_equal(set_of(&p->verbs[VERB_RETRY], "deadline"), "{now+span}");
	assert_false(p->verbs[VERB_RELEASE].present);
	profile_destroy(p);
}

static void test_cloacina(void **state)
{
	(void)state;
	struct profile *p = load("cloacina");
	assert_rule(p, 0, "heartbeat", RULE_HEARTBEAT, SECONDS(60), REMEDY_REQUEUE);
	assert_int_equal(p->policy.rules[0].from,
			 STATE_BIT(STATE_READY) | STATE_BIT(STATE_RUNNING));
	assert_non_null(strstr(p->claims, "claimed_by IS NOT NULL"));
	assert_int_equal(p->interval, SECONDS(30));
	assert_int_equal(p->start_grace, SECONDS(60));
	assert_int_equal(p->policy.beat, SECONDS(10));
	assert_int_equal(p->policy.budget_recoveries, 3);
	assert_int_equal(p->policy.budget_attempts, NO_LIMIT);
	assert_null(p->roles[ROLE_MAX_ATTEMPTS]);
	assert_int_equal(p->policy.last_resort, REMEDY_FAIL);
	const struct change *requeue = &p->remedies[REMEDY_REQUEUE];
	assert_int_equal(requeue->set_count, 5);
	assert_string_equal(set_of(requeue, "retry_at"), "NULL");
	assert_int_equal(requeue->also_count, 2);
	assert_string_equal(requeue->also[0].table, "execution_events");
	assert_true(requeue->also[0].optional);
	assert_string_equal(requeue->also[0].assignments[1].expression,
			    "{old:pipeline_execution_id}");
	assert_int_equal(p->signals[SIGNAL_BEAT].format, TIME_ZONED);
	assert_true(p->messages[OCCASION_NOTHING][0].debug);
	assert_int_equal(profile_state(p, "Skipped", 7), STATE_NONE);
	profile_destroy(p);
}

/* ---- syntax ---- */

#define MINIMAL                                                                                \
	"ledger = mine table = t key = id columns { state = s owner = o claimed_at = c "       \
	"beat_at = b lease_until = l attempts = n max_attempts = m } "                         \
	"states { ready = r running = x failed = f stuck = z } "

/* The sketch of INTERFACE.md. */
static void test_sketch(void **state)
{
	(void)state;
	struct profile *p = parse(
		"ledger   = \"foundry\"\n"
		"table    = \"foundry_tasks\"\n"
		"key      = { \"task_id\" }\n"
		"columns  { state = \"status\"  owner = \"claimed_by\"  claimed_at = "
		"\"claimed_at\"  updated_at = \"updated_at\"  kind = \"task_type\"  time = "
		"\"timestamp-utc\" }\n"
		"states   { ready = { \"pending\" }  running = { \"claimed\" }  completed = { "
		"\"completed\" }  failed = { \"failed\" } }\n"
		"workers  { table = \"worker_heartbeats\"  key = \"worker_id\"  seen = "
		"\"last_seen\"  state = \"status\"  stalled = \"stalled\"  ignore = { "
		"\"stopped\" } }\n"
		"rule silent-worker { when = \"worker\"  after = \"300s\"  then = \"requeue\" "
		"}\n"
		"rule stale-claim   { when = \"age\"     after = \"6h\"    then = \"requeue\"  "
		"reason = \"Stale claim reclaimed from {owner} after {age_hours}h\" }\n"
		"limits   { per_sweep = 5 }\n"
		"results  { reclaimed_tasks = \"stale-claim\"  released_tasks = "
		"\"silent-worker\" }\n");
	assert_int_equal(p->policy.rule_count, 2);
	/* A requeue that names no columns clears the claim. */
	assert_int_equal(p->remedies[REMEDY_REQUEUE].set_count, 2);
	assert_string_equal(set_of(&p->remedies[REMEDY_REQUEUE], "claimed_by"), "NULL");
	assert_false(p->remedies[REMEDY_STUCK].present);
	profile_destroy(p);
}

static void test_overrides(void **state)
{
	(void)state;
	struct profile *p = parse(MINIMAL "rule a { when = age after = 6h then = requeue "
					  "override { kind = report after = 12h } override { "
					  "kind = train queue = gpu after = never } }"
					  "limits { per_sweep = off keep = off valve_min = off "
					  "valve_fraction = 0.25 skew = 2s }"
					  "budget { attempts = column last_resort = fail }"
					  "times { lease_until = epoch }");
	const struct rule *rule = &p->policy.rules[0];
	assert_int_equal(rule->override_count, 2);
	assert_string_equal(rule->overrides[0].kind, "report");
	assert_null(rule->overrides[0].queue);
	assert_int_equal(rule->overrides[0].after, SECONDS(43200));
	assert_int_equal(rule->overrides[1].after, AFTER_NEVER);
	assert_int_equal(p->per_sweep, NO_LIMIT);
	assert_int_equal(p->policy.valve_min, NO_LIMIT);
	assert_int_equal(p->policy.skew, SECONDS(2));
	assert_true(p->policy.valve_fraction == 0.25);
	assert_int_equal(p->signals[SIGNAL_LEASE].format, TIME_EPOCH);
	assert_int_equal(p->signals[SIGNAL_BEAT].format, TIME_AUTO);
	profile_destroy(p);
}

/* Commas and equal signs inside quotes and parentheses belong to the expression. */
static void test_set(void **state)
{
	(void)state;
	struct profile *p =
		parse(MINIMAL "rule a { when = age after = off then = requeue }"
			      "requeue { set = { \"a = coalesce(b, 'x,y=''z''') , c=CASE WHEN "
			      "d = 1 THEN {now} END\", 'e = \"f,g\"' } }");
	const struct change *requeue = &p->remedies[REMEDY_REQUEUE];
	assert_int_equal(requeue->set_count, 3);
	assert_string_equal(set_of(requeue, "a"), "coalesce(b, 'x,y=''z''')");
	assert_string_equal(set_of(requeue, "c"), "CASE WHEN d = 1 THEN {now} END");
	assert_string_equal(set_of(requeue, "e"), "\"f,g\"");
	assert_int_equal(p->policy.rules[0].after, AFTER_NEVER);
	profile_destroy(p);
}

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < mistake_count; i++) {
		const struct mistake *one = &mistakes[i];
		struct profile *profile = NULL;
		struct reclaim_error error = { 0 };
		char place[32];
		snprintf(place, sizeof(place), "mine.conf:%d: ", one->line);
		enum reclaim_status status = profile_parse(one->text, strlen(one->text),
							   "mine.conf", &red, &profile, &error);
		bool good = status == RECLAIM_INVALID && error.status == status && !profile &&
			    strncmp(error.message, place, strlen(place)) == 0 &&
			    strstr(error.message, one->what) &&
			    strstr(error.message, one->allowed) &&
			    !strpbrk(error.message, "\n\r\x1b");
		if (!good) {
			REFUSE("expected %s…%s…%s\n     got %s\n      in:\n%s", place,
			       one->what, one->allowed, error.message, one->text);
		}
		/* Somebody who wants no words gets the same status. */
		assert_int_equal(profile_parse(one->text, strlen(one->text), "mine.conf", &red,
					       &profile,
					       /* error= */ NULL),
				 RECLAIM_INVALID);
	}
	assert_true(mistake_count >= 40);
}

static void test_nul(void **state)
{
	(void)state;
	static const char text[] = "ledger = a\ntable = \"b\0c\"\n";
	struct profile *profile = NULL;
	struct reclaim_error error = { 0 };
	assert_int_equal(
		profile_parse(text, sizeof(text) - 1, "mine.conf", NULL, &profile, &error),
		RECLAIM_INVALID);
	assert_string_equal(error.message,
			    "mine.conf:2: a byte that is not text; allowed: UTF-8 without NUL");
}

/* ---- environment ---- */

static const char *variable, *variable_value;

static const char *get(const char *name)
{
	return string_equal(name, variable) ? variable_value : NULL;
}

struct warned {
	int count;
	char line[512];
};

static void warn(void *context, const char *line)
{
	struct warned *warned = context;
	warned->count++;
	snprintf(warned->line, sizeof(warned->line), "%s", line);
}

static struct warned apply(struct profile *profile, const char *name, const char *value)
{
	struct warned warned = { 0 };
	variable = name;
	variable_value = value;
	profile_environment(profile, get, warn, &warned);
	return warned;
}

static void test_environment_good(void **state)
{
	(void)state;
	struct profile *p = load("delegations");
	assert_int_equal(apply(p, "NOBODY", "7").count, 0);
	assert_int_equal(apply(p, "DELEGATION_SWEEPER_INTERVAL_S", "").count, 0);
	assert_int_equal(p->interval, SECONDS(300));
	assert_int_equal(apply(p, "DELEGATION_SWEEPER_INTERVAL_S", "+5").count, 0);
	assert_int_equal(p->interval, SECONDS(5));
	assert_int_equal(apply(p, "DELEGATION_STUCK_THRESHOLD_S", "1800").count, 0);
	assert_int_equal(profile_rule(p, "heartbeat")->after, SECONDS(1800));
	profile_destroy(p);

	p = load("seedcore");
	assert_int_equal(apply(p, "TASK_LEASE_S", "60").count, 0);
	assert_int_equal(p->lease, SECONDS(60));
	assert_int_equal(p->policy.lease, SECONDS(60));
	assert_int_equal(apply(p, "TASK_MAX_REQUEUE", "5").count, 0);
	assert_int_equal(p->policy.budget_attempts, 5);
	assert_int_equal(apply(p, "TASK_REAP_BATCH", "50").count, 0);
	assert_int_equal(p->per_sweep, 50);
	assert_int_equal(apply(p, "TASK_STALE_S", "120").count, 0);
	assert_int_equal(profile_rule(p, "stale")->after, SECONDS(120));
	/* Within a beat: a value like any other, about which `check` warns. */
	assert_int_equal(apply(p, "TASK_STALE_S", "10").count, 0);
	assert_int_equal(profile_rule(p, "stale")->after, SECONDS(10));
	assert_int_equal(apply(p, "TASK_LEASE_S", "10").count, 0);
	assert_int_equal(p->lease, SECONDS(10));
	profile_destroy(p);
}

static void test_environment_bad(void **state)
{
	(void)state;
	static const char *const values[] = {
		"soon",
		"0",
		"-1",
		"1e3",
		" 5",
		"5 ",
		"5s",
		"+",
		"++5",
		"0x10",
		"1.5",
		"315360001",
		"99999999999999999999",
		"\x1b[31m",
		"5\n",
	};
	struct profile *p = load("delegations");
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct warned warned = apply(p, "DELEGATION_SWEEPER_INTERVAL_S", values[i]);
		assert_int_equal(warned.count, 1);
		assert_int_equal(p->interval, SECONDS(300));
		assert_non_null(strstr(warned.line, "DELEGATION_SWEEPER_INTERVAL_S"));
		assert_null(strpbrk(warned.line, "\n\x1b"));
		if (values[i][0] > ' ' && !strchr(values[i], '\n')) {
			assert_non_null(strstr(warned.line, values[i]));
		}
	}
	profile_destroy(p);
	p = load("seedcore");
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		if (!string_equal(values[i], "315360001")) {
			assert_int_equal(apply(p, "TASK_MAX_REQUEUE", values[i]).count, 1);
			assert_int_equal(p->policy.budget_attempts, 3);
		}
	}
	profile_destroy(p);
}

/* ---- files ---- */

static void assert_refused(const char *name, const char *part)
{
	struct profile *profile = NULL;
	struct reclaim_error error = { 0 };
	assert_int_equal(profile_load(name, NULL, &profile, &error), RECLAIM_INVALID);
	if (!strstr(error.message, part)) {
		REFUSE("expected …%s…\n     got %s\n", part, error.message);
	}
}

static void test_files(void **state)
{
	(void)state;
	char folder[] = "/tmp/reclaim-profile-XXXXXX", path[64], pipe[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mine.conf", folder);
	snprintf(pipe, sizeof(pipe), "%s/pipe.conf", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(profile_builtin("foundry"), file);
	fclose(file);

	assert_int_equal(chmod(path, 0644), 0);
	struct profile *profile = load(path);
	assert_string_equal(profile->file, path);
	profile_destroy(profile);
	assert_int_equal(chmod(path, 0664), 0);
	assert_refused(path, "mode 0664 lets others write it");
	assert_int_equal(chmod(path, 0646), 0);
	assert_refused(path, "mode 0646 lets others write it");
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_refused(pipe, "not a regular file");
	assert_refused(folder, "not a regular file");
	unlink(pipe);
	unlink(path);
	assert_refused(path, "mine.conf: No such file");
	rmdir(folder);
	assert_refused("foundary",
		       "no profile 'foundary'; built in: reclaim, foundry, seedcore, "
		       "delegations, cloacina, ");
	assert_refused("foundary", "; a file needs a '/' or the ending .conf");
}

/* ---- robustness ---- */

static char *mutate(struct random *random, const char *text, size_t *size)
{
	static const char spice[] = "{}\"'=,#/*\\$\n (;)\0\x80";
	size_t room = *size + 64;
	char *copy = malloc(room);
	assert_non_null(copy);
	memcpy(copy, text, *size);
	for (uint64_t n = 1 + random_below(random, 4); n > 0 && *size > 40; n--) {
		size_t at = (size_t)random_below(random, *size - 32);
		size_t span = 1 + (size_t)random_below(random, 16);
		switch (random_below(random, 4)) {
		case 0:
			copy[at] = spice[random_below(random, sizeof(spice))];
			break;
		case 1:
			memmove(copy + at, copy + at + span, *size - at - span);
			*size -= span;
			break;
		case 2:
			if (*size + span <= room) {
				memmove(copy + at + span, copy + at, *size - at);
				*size += span;
			}
			break;
		case 3:
			*size = at + 32;
			break;
		}
	}
	return copy;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The built-in ones, and the sample often: it has all of the syntax. */
static const char *seed_text(size_t i)
{
	const char *name = NULL;
	const char *text = profile_builtin_at(i, &name);
	return text ? text : sample;
}

static void test_mutations(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 2829);
	double end = now() + 1.5;
	int loaded = 0, refused = 0;
	while (loaded + refused < 20000 && now() < end) {
		const char *text = seed_text((size_t)random_below(&random, 8));
		size_t size = strlen(text);
		char *copy = mutate(&random, text, &size);
		struct profile *profile = NULL;
		struct reclaim_error error = { 0 };
		if (profile_parse(copy, size, "m", &red, &profile, &error) == RECLAIM_OK) {
			loaded++;
		} else {
			refused++;
			assert_int_equal(error.status, RECLAIM_INVALID);
			assert_true(strncmp(error.message, "m:", 2) == 0 &&
				    error.message[2] >= '1' && error.message[2] <= '9');
			assert_null(strchr(error.message, '\n'));
		}
		profile_destroy(profile);
		free(copy);
	}
	assert_true(refused > 0 && loaded > 0);
}

static void *load_often(void *context)
{
	int *loaded = context;
	for (size_t i = 0; i < 40; i++) {
		const char *name = NULL;
		const char *text = profile_builtin_at(i % 5, &name);
		size_t size = strlen(text) - (i % 3 == 0 ? 4 : 0);
		struct profile *profile = NULL;
		*loaded += profile_parse(text, size, "m", NULL, &profile, /* error= */ NULL) ==
			   RECLAIM_OK;
		profile_destroy(profile);
	}
	return NULL;
}

/* libConfuse has globals; loading has none that shows. */
static void test_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	int loaded[4] = { 0 };
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, load_often, &loaded[i]), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(loaded[i], 26);
	}
}

/* Every allocation of ours fails once. */
static void fail_allocations(const char *text)
{
	enum reclaim_status status = RECLAIM_NO_MEMORY;
	long n = 0;
	for (; status == RECLAIM_NO_MEMORY; n++) {
		struct profile *profile = NULL;
		struct reclaim_error error = { 0 };
		allocation_fail_after(n);
		status = profile_parse(text, strlen(text), "m", &red, &profile, &error);
		allocation_fail_after(ALLOCATION_NEVER);
		profile_destroy(profile);
	}
	assert_int_equal(status, RECLAIM_OK);
	assert_true(n > 1);
}

static void test_no_memory(void **state)
{
	(void)state;
	fail_allocations(profile_builtin("seedcore"));
	fail_allocations(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_foundry),
		cmocka_unit_test(test_seedcore),
		cmocka_unit_test(test_delegations),
		cmocka_unit_test(test_cloacina),
		cmocka_unit_test(test_sketch),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_environment_good),
		cmocka_unit_test(test_environment_bad),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_lines_of_names),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
