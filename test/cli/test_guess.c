/* What adopt guesses, from names, definitions and counts: without a database. */
#include "guess.h"
#include "labels.h"
#include "profile.h"
#include "unit.h"

#include <stdio.h>

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)

/* ---- the dictionary ---- */

static struct column column(const char *name, const char *type, enum column_kind kind)
{
	return (struct column){ .name = name, .type = type, .kind = kind, .nullable = true };
}

static const char *found_as(struct column *columns, size_t count, enum part part)
{
	const struct table table = { .name = "t", .columns = columns, .column_count = count };
	const struct column *found = part_column(&table, part);
	return found ? found->name : NULL;
}

static void test_columns_by_the_conventions_of_the_field(void **state)
{
	static const struct {
		const char *name;
		enum part part;
	} known[] = {
		{ "status", PART_STATE },      { "State", PART_STATE },
		{ "locked_by", PART_OWNER },   { "lockedBy", PART_OWNER },
		{ "claimedAt", PART_CLAIMED }, { "STARTED_AT", PART_CLAIMED },
		{ "locked at", PART_CLAIMED }, { "HeartbeatAt", PART_BEAT },
		{ "lockedUntil", PART_LEASE }, { "attempts", PART_ATTEMPTS },
		{ "updatedAt", PART_UPDATED }, { "completed-at", PART_FINISHED },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		struct column one = column(known[i].name, "text", COLUMN_PLAIN);
		assert_string_equal(found_as(&one, 1, known[i].part), known[i].name);
	}
}

static void test_a_type_can_speak_against_a_name(void **state)
{
	struct column columns[] = {
		column("locked", "boolean", COLUMN_PLAIN),
		column("status", "timestamp", COLUMN_INSTANT),
		column("started_at", "time with time zone", COLUMN_OPAQUE),
		column("attempts", "text", COLUMN_TEXT),
		column("started", "timestamp", COLUMN_INSTANT),
	};
	(void)state;
	assert_null(found_as(columns, COUNT_OF(columns), PART_STATE));
	assert_null(found_as(columns, COUNT_OF(columns), PART_ATTEMPTS));
	assert_string_equal(found_as(columns, COUNT_OF(columns), PART_CLAIMED), "started");
}

static void test_the_likelier_name_wins(void **state)
{
	struct column columns[] = { column("started_at", "timestamp", COLUMN_INSTANT),
				    column("claimed_at", "timestamp", COLUMN_INSTANT) };
	(void)state;
	assert_string_equal(found_as(columns, 2, PART_CLAIMED), "claimed_at");
}

static void test_states_by_their_words(void **state)
{
	(void)state;
	assert_int_equal(state_meant("PENDING"), STATE_READY);
	assert_int_equal(state_meant("in-progress"), STATE_RUNNING);
	assert_int_equal(state_meant("inProgress"), STATE_RUNNING);
	assert_int_equal(state_meant("timed out"), STATE_FAILED);
	assert_int_equal(state_meant("canceled"), STATE_CANCELLED);
	assert_int_equal(state_meant("paused"), STATE_NONE);
	assert_true(state_rank("pending") < state_rank("scheduled"));
	assert_true(state_rank("scheduled") < state_rank("paused"));
}

static void test_what_looks_like_tasks(void **state)
{
	struct column columns[] = { column("state", "text", COLUMN_TEXT),
				    column("started_at", "timestamp", COLUMN_INSTANT),
				    column("zip", "text", COLUMN_TEXT) };
	struct table table = { .name = "app_jobs", .columns = columns, .column_count = 3 };
	(void)state;
	assert_true(looks_like_tasks(&table));
	table.name = "addresses";
	assert_false(looks_like_tasks(&table));
	columns[2].name = "worker_id";
	assert_true(looks_like_tasks(&table));
}

/* ---- definitions ---- */

static void says(const char *definition, const char *expected)
{
	ARENA_CLEANUP struct arena arena = { 0 };
	TEXT_CLEANUP struct text text = { 0 };
	const char *labels[8];
	size_t count = labels_of(&arena, definition, "status", labels, COUNT_OF(labels));
	for (size_t i = 0; i < count && i < COUNT_OF(labels); i++) {
		text_printf(&text, "%s%s", i ? "|" : "", labels[i]);
	}
	assert_string_equal(text_string(&text), expected);
}

static void test_the_values_that_a_definition_lists(void **state)
{
	(void)state;
	says("enum('New','it''s','a,b)')", "New|it's|a,b)");
	says("CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))", "a|b");
	says("CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character "
	     "varying])::text[])))",
	     "a|b");
	says("CHECK ((VALUE = ANY (ARRAY['a'::text])))", "a");
	says("CHECK (((status = 'a'::text) OR (status = 'b'::text)))", "a|b");
	says("CHECK ((status = ANY (ARRAY[0, 1, 2])))", "0|1|2");
	says("`status` in ('a','b')", "a|b");
	says("CREATE TABLE t (id INT, \"status\" varchar(9) DEFAULT 'x' CHECK (\"status\" IN "
	     "('a', 'b')), kind TEXT CHECK (kind IN ('c')))",
	     "a|b");
	says("CREATE TABLE t (status TEXT NOT NULL, n INT CHECK (n IN (1, 2)))", "");
	says("CHECK (kind <> 'status' AND n = 3)", "");
	says("CHECK (status IN (", "");
	says("CHECK (status = 'open", "");
	says("enum('a", "");
	says("", "");
}

static void test_defaults(void **state)
{
	static const struct {
		const char *expression, *label;
	} defaults[] = {
		{ "'new'", "new" },
		{ "'new'::character varying", "new" },
		{ "('it''s')", "it's" },
		{ "0", "0" },
		{ "'-1'::integer", "-1" },
		{ "now()", NULL },
		{ "'a' || 'b'", NULL },
		{ "NULL", NULL },
		{ "", NULL },
	};
	ARENA_CLEANUP struct arena arena = { 0 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(defaults); i++) {
		const char *label = label_of_default(&arena, defaults[i].expression);
		assert_true(string_equal(label, defaults[i].label));
	}
}

/* ---- evidence ---- */

static enum time_format format_of(const char *type, const char *text, int64_t number)
{
	const struct column at = column("at", type, COLUMN_PLAIN);
	const struct value sample = text ? value_string(text) : value_int(number);
	return format_meant(&at, text || number ? &sample : NULL);
}

static void test_times_by_a_sample(void **state)
{
	(void)state;
	assert_int_equal(format_of("text", "2026-04-06 12:34:56.123456", 0), TIME_UTC);
	assert_int_equal(format_of("text", "2026-04-06T12:34:56.123Z", 0), TIME_RFC3339);
	assert_int_equal(format_of("text", "2026-04-06T12:34:56", 0), TIME_ISO);
	assert_int_equal(format_of("text", "2026-04-06 12:34:56.123 +00:00", 0), TIME_ZONED);
	assert_int_equal(format_of("integer", NULL, 1775478896), TIME_EPOCH);
	assert_int_equal(format_of("integer", NULL, 1775478896500), TIME_EPOCH_MS);
	assert_int_equal(format_of("integer", NULL, 1775478896500000), TIME_EPOCH_US);
	assert_int_equal(format_of("integer", NULL, 7), TIME_FORMAT_COUNT);
	assert_int_equal(format_of("text", "yes", 0), TIME_FORMAT_COUNT);
	assert_int_equal(format_of("integer", NULL, 0), TIME_EPOCH);
	assert_int_equal(format_of("text", NULL, 0), TIME_FORMAT_COUNT);
}

static void test_a_threshold_by_history(void **state)
{
	(void)state;
	assert_int_equal(threshold_by(0), 15 * MINUTE);
	assert_int_equal(threshold_by(15 * MINUTE / 4), 15 * MINUTE);
	assert_int_equal(threshold_by(15 * MINUTE / 4 + 1), 20 * MINUTE);
	assert_int_equal(threshold_by(4 * MINUTE), 20 * MINUTE);
	assert_int_equal(threshold_by(50 * MINUTE), 4 * HOUR);
	assert_true(threshold_by(INT64_MAX) > 0);
}

struct rows {
	const char *native;
	int64_t count, claimed, finished, failed;
	enum state expected;
};

static struct evidence_of_table evidence_of(const struct rows *rows, size_t count)
{
	struct evidence_of_table found = { .longest = NO_TIME };
	for (size_t i = 0; i < count; i++) {
		*evidence_state(&found, rows[i].native) =
			(struct state_seen){ .native = rows[i].native,
					     .count = rows[i].count,
					     .claimed = rows[i].claimed,
					     .finished = rows[i].finished,
					     .failed = rows[i].failed };
	}
	return found;
}

static void settles(struct evidence_of_table *found, const struct rows *rows, size_t count)
{
	evidence_settle(found);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(evidence_state(found, rows[i].native)->meant,
				 rows[i].expected);
	}
}

static void test_numbers_by_what_their_rows_have(void **state)
{
	static const struct rows rows[] = { { "0", 9, 0, 0, 0, STATE_READY },
					    { "1", 50, 50, 50, 1, STATE_COMPLETED },
					    { "5", 2, 2, 2, 2, STATE_FAILED },
					    { "7", 3, 3, 0, 0, STATE_RUNNING },
					    { "9", 4, 2, 1, 0, STATE_NONE } };
	const struct column claimed = column("started_at", "timestamp", COLUMN_INSTANT);
	struct evidence_of_table found = evidence_of(rows, COUNT_OF(rows));
	(void)state;
	found.state_is_number = true;
	found.columns[PART_CLAIMED] = found.columns[PART_FINISHED] = &claimed;
	settles(&found, rows, COUNT_OF(rows));
}

static void test_numbers_by_their_place_alone(void **state)
{
	static const struct rows rows[] = { { "3", 1, 0, 0, 0, STATE_FAILED },
					    { "0", 1, 0, 0, 0, STATE_READY },
					    { "2", 1, 0, 0, 0, STATE_COMPLETED } };
	struct evidence_of_table found = evidence_of(rows, COUNT_OF(rows));
	(void)state;
	found.state_is_number = true;
	settles(&found, rows, COUNT_OF(rows));
	assert_false(evidence_means(&found, STATE_RUNNING)); /* 1 was not seen: nobody knows */
}

static void test_words_say_more_than_rows(void **state)
{
	static const struct rows rows[] = { { "paused", 3, 3, 0, 0, STATE_NONE },
					    { "running", 3, 3, 0, 0, STATE_RUNNING },
					    { "fresh", -1, 0, 0, 0, STATE_READY },
					    { "pending", 9, 0, 0, 0, STATE_READY } };
	const struct column claimed = column("started_at", "timestamp", COLUMN_INSTANT);
	struct evidence_of_table found = evidence_of(rows, COUNT_OF(rows));
	(void)state;
	found.columns[PART_CLAIMED] = found.columns[PART_FINISHED] = &claimed;
	found.initial = "fresh";
	settles(&found, rows, COUNT_OF(rows));
	assert_string_equal(found.states[0].native, "fresh"); /* what is written comes first */
}

static void test_too_many_values_are_no_states(void **state)
{
	struct evidence_of_table found = { 0 };
	char names[STATES_MAX + 1][8];
	(void)state;
	for (int i = 0; i < STATES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "s%d", i);
		assert_non_null(evidence_state(&found, names[i]));
	}
	assert_null(evidence_state(&found, "one more"));
	assert_non_null(evidence_state(&found, "s0"));
}

/* ---- the profile ---- */

/* A table of these columns, with some rows. */
struct made {
	struct column columns[PART_COUNT + 1];
	struct table table;
	struct evidence_of_table found;
};

static void make(struct made *made, const char *const *names, size_t count)
{
	static const struct rows rows[] = { { "pending", 3, 0, 0, 0, STATE_READY },
					    { "running", 2, 2, 0, 0, STATE_RUNNING },
					    { "we\"ird ${x} \\", 1, 0, 0, 0, STATE_NONE },
					    { "failed", 0, 0, 0, 0, STATE_FAILED } };
	*made = (struct made){ .found = evidence_of(rows, COUNT_OF(rows)) };
	for (size_t i = 0; i < count; i++) {
		made->columns[i] = column(names[i], "text", COLUMN_PLAIN);
	}
	made->columns[0].key = 1;
	made->table = (struct table){ .name = "jobs",
				      .columns = made->columns,
				      .column_count = count };
	made->found.table = &made->table;
	made->found.name = "jobs";
	made->found.quote = '"';
	for (int p = 0; p < PART_COUNT; p++) {
		made->found.columns[p] = part_column(&made->table, (enum part)p);
		made->found.formats[p] = TIME_UTC;
	}
	evidence_settle(&made->found);
}

/* Its text, which loads if it is complete; "" if it is not. */
static const char *profile_of(struct made *made, struct text *text,
			      struct profile **ret_profile)
{
	struct reclaim_error error = { 0 };
	bool complete = guess_profile(&made->found, text);
	*ret_profile = NULL;
	if (complete &&
	    profile_parse(text->data, text->size, "guess", NULL, ret_profile, &error)) {
		print_message("%s\n%s\n", text->data, error.message);
		assert_string_equal(error.message, "");
	}
	return complete ? text->data : "";
}

static void test_every_choice_of_columns_loads_or_asks(void **state)
{
	static const char *const names[] = { "id",          "status",       "locked_by",
					     "claimed_at",  "heartbeat_at", "lease_until",
					     "deadline",    "attempts",     "max_attempts",
					     "finished_at", "updated_at",   "error" };
	(void)state;
	for (unsigned choice = 0; choice < 1U << (COUNT_OF(names) - 1); choice++) {
		const char *chosen[COUNT_OF(names)] = { "id" };
		size_t count = 1;
		for (size_t i = 1; i < COUNT_OF(names); i++) {
			if (choice & (1U << (i - 1))) {
				chosen[count++] = names[i];
			}
		}
		struct made made;
		struct profile *profile;
		TEXT_CLEANUP struct text text = { 0 };
		int line;
		size_t size;
		make(&made, chosen, count);
		profile_of(&made, &text, &profile);
		assert_int_equal(profile == NULL,
				 guess_missing(&text, 0, &line, &size) != NULL);
		profile_destroy(profile);
	}
}

static void test_odd_names_are_written_as_they_are(void **state)
{
	static const char *const names[] = { "the \"id\"", "status", "claimed at",
					     "locked-by" };
	struct made made;
	struct profile *profile;
	TEXT_CLEANUP struct text text = { 0 };
	(void)state;
	make(&made, names, COUNT_OF(names));
	made.found.name = "o'dd \"${x}\" t\u00e4ble \\";
	assert_non_null(strstr(profile_of(&made, &text, &profile), "\"claimed at = NULL\""));
	assert_string_equal(profile->table, made.found.name);
	assert_string_equal(profile->key.items[0], names[0]);
	profile_destroy(profile);
}

static void test_who_gives_signs_of_life_is_not_robbed_by_age(void **state)
{
	static const char *const names[] = { "id", "status", "claimed_at", "heartbeat_at" };
	struct made made;
	struct profile *profile;
	TEXT_CLEANUP struct text text = { 0 };
	(void)state;
	make(&made, names, COUNT_OF(names));
	made.found.longest = 37 * USEC_PER_SEC;
	made.found.finished = 812;
	assert_non_null(
		strstr(profile_of(&made, &text, &profile),
		       "\"15m\"  # guess: four times the longest of the newest 812 that "
		       "finished, which took 37s"));
	assert_int_equal(profile_rule(profile, "silent")->then, REMEDY_REQUEUE);
	assert_int_equal(profile_rule(profile, "too-old")->then, REMEDY_REPORT);
	profile_destroy(profile);
}

static void test_without_a_ready_state_it_only_reports(void **state)
{
	static const char *const names[] = { "id", "status", "claimed_at" };
	struct made made;
	struct profile *profile;
	TEXT_CLEANUP struct text text = { 0 };
	(void)state;
	make(&made, names, COUNT_OF(names));
	evidence_state(&made.found, "pending")->meant = STATE_NONE;
	assert_non_null(strstr(profile_of(&made, &text, &profile), "No state means ready"));
	assert_int_equal(profile_rule(profile, "too-old")->then, REMEDY_REPORT);
	profile_destroy(profile);
}

static void test_what_is_missing_is_asked_for_line_by_line(void **state)
{
	static const char *const names[] = { "id", "status" };
	struct made made;
	TEXT_CLEANUP struct text text = { 0 };
	int line = 0;
	size_t size = 0;
	(void)state;
	make(&made, names, COUNT_OF(names));
	made.columns[0].key = 0;
	assert_false(guess_profile(&made.found, &text));
	const char *what = guess_missing(&text, 0, &line, &size);
	assert_memory_equal(what, "key =", 5);
	assert_int_equal(what[size], '\n');
	assert_int_equal(line, 6);
	assert_non_null(strstr(guess_missing(&text, 1, &line, &size), "claimed_at"));
	assert_null(guess_missing(&text, 2, &line, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_by_the_conventions_of_the_field),
		cmocka_unit_test(test_a_type_can_speak_against_a_name),
		cmocka_unit_test(test_the_likelier_name_wins),
		cmocka_unit_test(test_states_by_their_words),
		cmocka_unit_test(test_what_looks_like_tasks),
		cmocka_unit_test(test_the_values_that_a_definition_lists),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_times_by_a_sample),
		cmocka_unit_test(test_a_threshold_by_history),
		cmocka_unit_test(test_numbers_by_what_their_rows_have),
		cmocka_unit_test(test_numbers_by_their_place_alone),
		cmocka_unit_test(test_words_say_more_than_rows),
		cmocka_unit_test(test_too_many_values_are_no_states),
		cmocka_unit_test(test_every_choice_of_columns_loads_or_asks),
		cmocka_unit_test(test_odd_names_are_written_as_they_are),
		cmocka_unit_test(test_who_gives_signs_of_life_is_not_robbed_by_age),
		cmocka_unit_test(test_without_a_ready_state_it_only_reports),
		cmocka_unit_test(test_what_is_missing_is_asked_for_line_by_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
