/* What the sample says is read, for each engine what is its own; and what else may be said in those words. */
#include "sample.h"
#include "unit.h"

#include <string.h>

/* cmocka has no such macro that lives with a function named fail. */
#define REFUSE(...)                                                                            \
	do {                                                                                   \
		print_error(__VA_ARGS__);                                                      \
		assert_true(false);                                                            \
	} while (0)
#define SECONDS(n) ((n)*USEC_PER_SEC)

static struct profile *parse(const char *text, const struct engines *engines)
{
	struct profile *profile = NULL;
	struct reclaim_error error = { 0 };
	if (profile_parse(text, strlen(text), "mine.conf", engines, &profile, &error) !=
	    RECLAIM_OK) {
		REFUSE("%s\n", error.message);
	}
	return profile;
}

static int line_of(const char *part)
{
	int line = 1;
	const char *at = strstr(sample, part);
	assert_non_null(at);
	for (const char *c = sample; c < at; c++) {
		line += *c == '\n';
	}
	return line;
}

static void test_engines(void **state)
{
	(void)state;
	struct profile *p = parse(sample, &red);
	assert_string_equal(p->wake, "SELECT notify('jobs:insert', '{\"new\": true}')");
	assert_int_equal(p->computed_count, 2);
	assert_string_equal(profile_computed(p, "alive")->expression,
			    "locked_by IN (SELECT pid FROM sessions)");
	assert_int_equal(profile_computed(p, "alive")->line, line_of("on red  {"));
	profile_destroy(p);

	const char *rubbish = strstr(sample, "on \"blue\" { rubbish");
	assert_non_null(rubbish);
	char text[8192];
	assert_true(strlen(sample) < sizeof(text));
	strcpy(text, sample);
	memcpy(text + (rubbish - sample), "on \"red\"  ", 10);
	p = parse(text, &blue);
	assert_null(p->wake);
	assert_int_equal(p->computed_count, 3);
	assert_string_equal(profile_computed(p, "alive")->expression, "is_used_lock({row}.id)");
	assert_int_equal(profile_computed(p, "always")->line, line_of("on \"red blue\""));
	assert_null(profile_computed(p, "never"));
	assert_null(profile_computed(p, "locked_by"));
	profile_destroy(p);
}

/* Without an engine no part is read; without a list any name may stand there. */
static void test_no_engine(void **state)
{
	(void)state;
	static const char text[] =
		"ledger = a table = b key = c\non green { nonsense = 1 }\n"
		"columns { state = s claimed_at = c }\n"
		"states { running = x on red { ready = r } }\n"
		"rule a { when = age after = 1h then = report }\n"
		"migration { index i { on = \"a\" on red { where = \"b\" } } }\n";
	static const struct engines any = { "red", NULL };
	struct profile *p = parse(text, /* engines= */ NULL);
	assert_int_equal(p->states[STATE_READY].count, 0);
	assert_string_equal(p->migration[0].index_on, "a");
	assert_null(p->migration[0].index_where);
	profile_destroy(p);
	p = parse(text, &any);
	assert_int_equal(p->states[STATE_READY].count, 1);
	assert_string_equal(p->migration[0].index_where, "b");
	profile_destroy(p);
}

static void test_predicates(void **state)
{
	(void)state;
	struct profile *p = parse(sample, &red);
	assert_string_equal(p->roles[ROLE_STATE], STATE_BY_PREDICATE);
	assert_string_equal(p->predicates[STATE_READY], "locked_at IS NULL");
	assert_non_null(strstr(p->predicates[STATE_CANCELLED], "{row}.id"));
	assert_null(p->predicates[STATE_STUCK]);
	assert_int_equal(p->states[STATE_STUCK].count, 0);
	for (unsigned i = STATE_READY; i < STATE_COUNT; i++) {
		const char *word = state_word((enum state)i);
		assert_int_equal(profile_state(p, word, strlen(word)),
				 p->predicates[i] ? i : STATE_NONE);
	}
	assert_string_equal(p->roles[ROLE_ALIVE], "alive");
	assert_string_equal(p->roles[ROLE_TRIES], "errors");
	assert_string_equal(p->signals[SIGNAL_CLAIMED].column, "started");
	profile_destroy(p);
}

static void test_rules(void **state)
{
	(void)state;
	struct profile *p = parse(sample, &red);
	const struct rule *asked = profile_rule(p, "asked"), *gone = profile_rule(p, "gone");
	assert_int_equal(asked->after, AFTER_NEVER);
	assert_string_equal(asked->after_column, "expire_seconds");
	assert_string_equal(asked->where, "cancel_asked AND {row}.kind <> 'x'");
	assert_int_equal(asked->then, REMEDY_CANCEL);
	assert_string_equal(gone->spent_reason, "{attempts} are enough");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(p->policy.rules[i].place, i);
	}
	assert_int_equal(p->policy.budget_recoveries, 3);
	assert_true(p->counts_recoveries);
	assert_int_equal(p->counts_within, SECONDS(86400));
	assert_int_equal(p->policy.last_resort, REMEDY_CANCEL);
	assert_int_equal(p->conflict, REMEDY_CANCEL);
	assert_true(p->backoff.present);
	assert_int_equal(p->backoff.first, SECONDS(15));
	assert_int_equal(p->backoff.max, SECONDS(3600));
	assert_true(p->backoff.power == 4 && p->backoff.factor == 0);
	assert_true(p->backoff.jitter == 0.1);
	profile_destroy(p);
}

static void test_changes(void **state)
{
	(void)state;
	struct profile *p = parse(sample, &red);
	const struct change *requeue = &p->remedies[REMEDY_REQUEUE];
	assert_true(requeue->present && requeue->remove && requeue->set_count == 0);
	assert_int_equal(requeue->also_count, 2);
	assert_null(requeue->also[0].where);
	assert_string_equal(requeue->also[1].where, "{old:dead_letter} IS NOT NULL");
	assert_true(requeue->also[1].optional);
	assert_int_equal(requeue->run.count, 2);
	assert_string_equal(requeue->run.items[1], "DELETE FROM locks WHERE job_id = {id}");
	const struct change *failing = &p->remedies[REMEDY_FAIL];
	assert_true(failing->present && failing->set_count == 0);
	assert_string_equal(failing->call, "SELECT host.fail({old:id}, {error}, {now})");
	const struct change *cancel = &p->remedies[REMEDY_CANCEL];
	assert_true(cancel->present && !cancel->remove && !cancel->call);
	assert_int_equal(cancel->to, STATE_CANCELLED);
	assert_int_equal(cancel->set_count, 1);
	assert_int_equal(cancel->run.count, 1);
	assert_false(p->remedies[REMEDY_STUCK].present);
	assert_true(p->verbs[VERB_COMPLETE].remove);
	assert_int_equal(p->verbs[VERB_COMPLETE].run.count, 1);
	assert_string_equal(p->verbs[VERB_FAIL].call, failing->call);
	assert_string_equal(p->verbs[VERB_CLAIM].due, "started");
	assert_string_equal(p->version_query, "SELECT version FROM schema_version");
	profile_destroy(p);
}

static void test_error(void **state)
{
	(void)state;
	static const char *const members[][2] = {
		{ "attempt", "{attempts}" },
		{ "at", "{at}" },
		{ "error", "by {owner}: {error}" },
		{ "trace", "" },
	};
	struct profile *p = parse(sample, &red);
	assert_int_equal(p->error_mode, ERROR_PUSH);
	assert_int_equal(p->error_entry_count, COUNT_OF(members));
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		assert_string_equal(p->error_entry[i].name, members[i][0]);
		assert_string_equal(p->error_entry[i].text, members[i][1]);
	}
	profile_destroy(p);
}

#define SMALL                                                                                  \
	"ledger = a table = b key = c columns { state = s owner = o claimed_at = c } "         \
	"rule a { when = age after = 1h then = requeue } "

/* Without a column a remedy may take the object. */
static void test_error_elsewhere(void **state)
{
	(void)state;
	struct profile *p =
		parse(SMALL "states { running = x ready = r } error { entry { e = \"{error}\" "
			    "} } requeue { remove = true also t { set = \"e = {error}\" } }",
		      &red);
	assert_int_equal(p->error_entry_count, 1);
	profile_destroy(p);
}

/* A row that is deleted needs no state to go to; what is left out has its default. */
static void test_defaults(void **state)
{
	(void)state;
	struct profile *p =
		parse(SMALL "states { running = x } requeue { remove = true }", &red);
	assert_true(p->remedies[REMEDY_REQUEUE].present);
	assert_false(p->remedies[REMEDY_FAIL].present);
	assert_false(p->backoff.present || p->counts_recoveries);
	assert_int_equal(p->counts_within, NO_LIMIT);
	assert_int_equal(p->conflict, REMEDY_REPORT);
	assert_int_equal(p->error_mode, ERROR_REPLACE);
	profile_destroy(p);

	p = parse(SMALL "states { running = x ready = r cancelled = k } backoff { first = 10s }"
			"compute { o = \"f({row}.x)\" }",
		  &red);
	assert_int_equal(p->backoff.max, NO_LIMIT);
	assert_true(p->backoff.factor == 1 && p->backoff.power == 0);
	/* What is computed is not cleared. */
	assert_int_equal(p->remedies[REMEDY_REQUEUE].set_count, 1);
	assert_string_equal(p->remedies[REMEDY_REQUEUE].set[0].column, "c");
	assert_true(p->remedies[REMEDY_CANCEL].present);
	profile_destroy(p);

	p = parse(SMALL
		  "states { running = x ready = r } backoff { first = 1s factor = 1.5 max = "
		  "off }",
		  &red);
	assert_true(p->backoff.factor == 1.5 && p->backoff.max == NO_LIMIT);
	profile_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engines),         cmocka_unit_test(test_no_engine),
		cmocka_unit_test(test_predicates),      cmocka_unit_test(test_rules),
		cmocka_unit_test(test_changes),         cmocka_unit_test(test_error),
		cmocka_unit_test(test_error_elsewhere), cmocka_unit_test(test_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
