/* A ledger that a test makes: its tables first, then the plan of its profile. */
#include "scene_made.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int64_t seconds_ago(int64_t seconds)
{
	return clock_read() / S - seconds;
}

static const char *write_profile(void **state, const char *text)
{
	const char *path = in(state, "made.conf");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

struct ledger *open_unplanned(void **state, const char *tables, const char *profile)
{
	const char *path = write_profile(state, profile);
	struct db *db =
		open_with(ledger_url(state, path), &(struct db_options){ .create = true });
	script(db, tables);
	db_close(db);
	return open_ledger(state, path, NULL, NULL);
}

struct ledger *open_made(void **state, const char *tables, const char *profile)
{
	struct ledger *ledger = open_unplanned(state, tables, profile);
	OK(ledger_plan(ledger, &error));
	return ledger;
}

bool is_engine(const struct ledger *ledger, const char *name)
{
	return strcmp(ledger->db->driver->name, name) == 0;
}

/* The row of an id as the plan reads it; its facts. */
static void read_facts(struct ledger *ledger, const char *id, struct result *ret_row,
		       struct facts *ret_facts, bool *ret_readable)
{
	const char *bad = NULL;
	OK(ledger_read(ledger, id, ret_row, &error));
	*ret_readable = row_facts(ledger->plan, result_cell(ret_row, 0, 0), ret_facts, &bad);
	assert_true(*ret_readable || bad);
}

enum outcome judged(struct ledger *ledger, const char *id)
{
	RESULT_CLEANUP struct result row = { 0 };
	struct facts facts;
	struct verdict verdict;
	bool readable;
	read_facts(ledger, id, &row, &facts, &readable);
	if (!readable) {
		return OUTCOME_BLIND;
	}
	judge(&ledger->plan->policy, &facts, NULL, row_now(result_cell(&row, 0, 0)), &verdict);
	return verdict.outcome;
}

bool remedied(struct ledger *ledger, enum remedy remedy, const struct result *row,
	      const char *error_text)
{
	const struct planned_change *change = &ledger->plan->remedies[remedy];
	struct inputs inputs = { .row = result_cell(row, 0, 0) };
	const struct inputs *one = &inputs;
	int64_t count = 0, unwanted;
	inputs.named[INPUT_ERROR] = value_string(error_text);
	inputs.named[INPUT_REASON] = value_string("silent");
	inputs.named[INPUT_RETRY] = value_int(90 * S);
	inputs.named[INPUT_ATTEMPTS] = value_int(1);
	OK(db_begin(ledger->db, DB_WRITE, &error));
	OK(planned_run_many(ledger->db, &change->update[error_text != NULL], &one, 1, &count,
			    &error));
	for (size_t i = 0; count == 1 && i < change->also_count; i++) {
		OK(planned_run_many(ledger->db, &change->also[i], &one, 1, &unwanted, &error));
	}
	OK(db_commit(ledger->db, &error));
	assert_in_range(count, 0, 1);
	return count == 1;
}

bool take_row(struct ledger *ledger, const char *id, enum remedy remedy, const char *error_text)
{
	RESULT_CLEANUP struct result row = { 0 };
	OK(ledger_read(ledger, id, &row, &error));
	return remedied(ledger, remedy, &row, error_text);
}

size_t found(struct ledger *ledger)
{
	RESULT_CLEANUP struct result rows = { 0 };
	struct inputs inputs = { 0 };
	inputs.named[INPUT_LIMIT] = value_int(100);
	OK(planned_run(ledger->db, &ledger->plan->find.first, &inputs, &rows, &error));
	return rows.rows;
}
