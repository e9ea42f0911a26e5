/* Columns, what they hold, and indexes. */
#include "lint.h"

#include "index.h"

#include <inttypes.h>
#include <string.h>

#define PLAN_MATTERS 10000 /* rows below which a scan is as good as an index */

/* ---- columns ---- */

static bool is_migrated(const struct profile *profile, const char *column)
{
	for (size_t i = 0; i < profile->migration_count; i++) {
		if (profile->migration[i].column &&
		    strcmp(profile->migration[i].column, column) == 0) {
			return true;
		}
	}
	return false;
}

static void lint_absent(struct lint *lint)
{
	const struct profile *profile = lint->ledger->profile;
	for (size_t i = 0; i < profile->optional.count; i++) {
		const char *column = profile->optional.items[i];
		if (table_column(lint->ledger->plan->table, column)) {
			continue;
		}
		bool migrated = is_migrated(profile, column);
		lint_add(lint, migrated ? SEVERITY_WARNING : SEVERITY_NOTE, column, NULL,
			 "the table has no such column; what needs it is left out%s",
			 migrated ? ", and `reclaim init` adds it" : "");
	}
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		const char *name = profile->policy.rules[i].name;
		bool kept = false;
		for (size_t j = 0; j < lint->ledger->plan->policy.rule_count; j++) {
			kept |= string_equal(name, lint->ledger->plan->policy.rules[j].name);
		}
		if (!kept) {
			lint_add(lint, SEVERITY_WARNING, name, NULL,
				 "this rule is off: the table lacks every column that it looks "
				 "at");
		}
	}
}

static const char *type_word(const struct value *value)
{
	static const char *const words[] = { "NULL", "an integer", "a real number", "text",
					     "bytes" };
	return words[value->type];
}

/* The first sample that can't be read as the profile says. */
static void lint_time(struct lint *lint, enum signal signal)
{
	const struct plan *plan = lint->ledger->plan;
	const struct mapped *mapped = &lint->ledger->profile->signals[signal];
	int at = plan->at.signals[signal];
	for (size_t i = 0; at > 0 && i < lint->sample->rows; i++) {
		const struct value *value = result_cell(lint->sample, i, (size_t)at);
		int64_t time;
		if (!time_from_value(value, plan_format(plan, signal), &time)) {
			struct text TEXT_CLEANUP shown = { 0 };
			struct text TEXT_CLEANUP id = { 0 };
			value_print(&shown, value);
			row_print_id(&id, plan, result_cell(lint->sample, i, 0));
			lint_add(lint, SEVERITY_ERROR, mapped->column, NULL,
				 "holds '%.60s' (%s) in task '%.60s', and the profile says "
				 "'%s'; such a row is blind",
				 text_string(&shown), type_word(value), text_string(&id),
				 time_format_name(mapped->format));
			return;
		}
	}
}

static void lint_future(struct lint *lint)
{
	const struct plan *plan = lint->ledger->plan;
	static const enum signal signs[] = { SIGNAL_CLAIMED, SIGNAL_BEAT, SIGNAL_UPDATED };
	size_t ahead = 0;
	for (size_t i = 0; i < lint->sample->rows; i++) {
		const struct value *row = result_cell(lint->sample, i, 0);
		bool future = false;
		for (size_t s = 0; s < sizeof(signs) / sizeof(signs[0]); s++) {
			int64_t time = row_time(plan, row, signs[s]);
			future |= time != NO_TIME &&
				  time > row_now(row) + plan->policy.skew + USEC_PER_SEC;
		}
		ahead += future;
	}
	if (ahead > 0) {
		lint_add(lint, SEVERITY_WARNING, "clock", NULL,
			 "%zu of %zu sample rows carry times ahead of the engine's clock: a "
			 "worker's clock is wrong, or "
			 "the column is not in UTC",
			 ahead, lint->sample->rows);
	}
}

/* Zones differ by a quarter of an hour at least, clocks that are kept by far less. */
static void lint_past(struct lint *lint)
{
	const struct plan *plan = lint->ledger->plan;
	static const enum signal signs[] = { SIGNAL_CLAIMED, SIGNAL_BEAT };
	size_t behind = 0;
	for (size_t i = 0; i < lint->sample->rows; i++) {
		const struct value *row = result_cell(lint->sample, i, 0);
		int64_t created = row_time(plan, row, SIGNAL_CREATED);
		bool past = false;
		for (size_t s = 0; s < sizeof(signs) / sizeof(signs[0]); s++) {
			int64_t time = row_time(plan, row, signs[s]);
			past |= time != NO_TIME && created != NO_TIME &&
				time < created - 10 * 60 * USEC_PER_SEC;
		}
		behind += past;
	}
	if (behind > 0) {
		lint_add(lint, SEVERITY_WARNING, "clock", NULL,
			 "%zu of %zu sample rows were claimed, or beat, before they were "
			 "created: "
			 "if the columns are in different zones, a claim in one west of UTC "
			 "looks older than it is, and would be taken too early",
			 behind, lint->sample->rows);
	}
}

static void lint_states(struct lint *lint)
{
	const struct counts *counts = &lint->condition->counts;
	for (size_t i = 0; i < counts->native_count; i++) {
		const struct native_count *n = &counts->natives[i];
		if (n->state == STATE_NONE && n->count > 0) {
			lint_add(lint, SEVERITY_NOTE, "states", NULL,
				 "%" PRId64 " in state '%s', which no word of the profile "
				 "stands for: counted, "
				 "never touched",
				 n->count, n->native);
		}
	}
	if (lint->condition->blind > 0) {
		struct text TEXT_CLEANUP rows = { 0 };
		const struct text *named = &lint->condition->blind_rows;
		for (size_t i = 0; i < named->size; i++) {
			bool ends = named->data[i] == '\n';
			text_add(&rows, ends && i + 1 < named->size ? "; " : "");
			text_add_bytes(&rows, &named->data[i], ends ? 0 : 1);
		}
		lint_add(lint, SEVERITY_WARNING, "blind", NULL,
			 "%" PRId64 " in flight that no rule can judge: %s%s",
			 lint->condition->blind, text_string(&rows),
			 lint->condition->blind > BLIND_NAMED ? "; …" : "");
		lint->failed |= rows.failed;
	}
}

static bool is_unique(const struct table *table, const struct names *key)
{
	size_t parts = 0, in_key = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		parts += table->columns[i].key > 0;
	}
	for (size_t i = 0; i < key->count; i++) {
		const struct column *column = table_column(table, key->items[i]);
		in_key += column && column->key > 0;
	}
	bool unique = parts > 0 && parts == in_key;
	for (size_t i = 0; i < table->index_count; i++) {
		const struct table_index *index = &table->indexes[i];
		unique |= index->unique && !index->partial &&
			  string_equal(index->first, key->items[0]);
	}
	return unique;
}

static void lint_key(struct lint *lint)
{
	const struct profile *profile = lint->ledger->profile;
	const struct table *table = lint->ledger->plan->table;
	if (table->is_view) {
		lint_add(lint, SEVERITY_WARNING, profile->table, NULL,
			 "is a view: looking works, and a sweep only if the view can be "
			 "updated");
	} else if (!is_unique(table, &profile->key)) {
		lint_add(lint, SEVERITY_ERROR, profile->key.items[0], NULL,
			 "the key is neither the primary key of '%s' nor unique: one id could "
			 "be several rows",
			 profile->table);
	}
}

/* ---- what remedies run ---- */

static bool begins_with(const char *sql, const char *word)
{
	return strncasecmp(sql, word, strlen(word)) == 0;
}

/* Its plan is asked for, so that it is read, and not run. What has several parts, or calls something, is left out. */
static void lint_statement(struct lint *lint, const char *subject,
			   const struct planned *planned)
{
	const struct plan *plan = lint->ledger->plan;
	const char *sql = planned->statement.sql;
	struct result RESULT_CLEANUP result = { 0 };
	struct reclaim_error error = { 0 };
	struct planned asked = *planned;
	struct inputs inputs = { 0 };
	bool changes = sql && (begins_with(sql, "UPDATE") || begins_with(sql, "INSERT") ||
			       begins_with(sql, "DELETE") || begins_with(sql, "WITH"));
	struct value *cells =
		arena_take(&lint->arena, (plan->cell_count + plan->key_count) * sizeof(*cells));
	if (!changes || strstr(sql, "-- then") || !cells) {
		lint->failed |= !cells;
		return;
	}
	inputs.row = cells;
	inputs.key = cells + plan->cell_count;
	asked.statement.name = "remedy";
	asked.statement.writes = false;
	asked.statement.sql = arena_printf(&lint->arena, "%s%s", plan->driver->explain, sql);
	if (!asked.statement.sql) {
		lint->failed = true;
	} else if (planned_run(lint->ledger->db, &asked, &inputs, &result, &error) ==
		   RECLAIM_INVALID) {
		lint_add(lint, SEVERITY_ERROR, subject, NULL,
			 "the engine refuses a statement of it: %s", error.message);
	}
}

static void lint_remedies(struct lint *lint)
{
	for (int i = 0; i < REMEDY_COUNT; i++) {
		const struct planned_change *change = &lint->ledger->plan->remedies[i];
		if (!change->change) {
			continue;
		}
		lint_statement(lint, remedy_name((enum remedy)i), &change->update[1]);
		for (size_t s = 0; s < change->also_count; s++) {
			lint_statement(lint, remedy_name((enum remedy)i), &change->also[s]);
		}
	}
}

void lint_columns(struct lint *lint)
{
	lint_key(lint);
	lint_absent(lint);
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		lint_time(lint, (enum signal)signal);
	}
	lint_future(lint);
	lint_past(lint);
	lint_states(lint);
	lint_remedies(lint);
}

/* ---- indexes ---- */

static enum reclaim_status lint_in_flight_index(struct lint *lint, struct reclaim_error *error)
{
	const char *sql = NULL;
	const struct counts *counts = &lint->condition->counts;
	int64_t rows = 0;
	for (int state = 0; state < STATE_COUNT; state++) {
		rows += counts->by_state[state];
	}
	if (index_serves(lint->ledger->plan)) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = index_statements(lint->ledger, &lint->arena, &sql, error);
	if (!status) {
		bool refused = rows > UNINDEXED_MAX;
		lint_add(lint, refused ? SEVERITY_ERROR : SEVERITY_WARNING, "index", sql,
			 "no index serves the rows in flight: every look reads all %" PRId64
			 " rows of '%s'%s",
			 rows, lint->ledger->profile->table,
			 refused ? ", and above 100000 a sweep is refused without --force"
				 : "");
	}
	return status;
}

/* What the engine makes of it: an index may be there, and of no use to it. */
static void lint_plan(struct lint *lint)
{
	const struct counts *counts = &lint->condition->counts;
	int64_t rows = 0;
	for (int state = 0; state < STATE_COUNT; state++) {
		rows += counts->by_state[state];
	}
	if (lint->scans && rows >= PLAN_MATTERS && counts->in_flight < rows / 10) {
		lint_add(lint, SEVERITY_WARNING, "plan", NULL,
			 "to find the %" PRId64 " in flight the engine reads all %" PRId64
			 " rows of '%s', says its plan%s",
			 counts->in_flight, rows, lint->ledger->profile->table,
			 index_serves(lint->ledger->plan)
				 ? ": an index is there, and it does not use it (other "
				   "collation, other predicate, or old statistics)"
				 : "");
	}
}

/* Our own renewals write it; of a host's workers nobody knows whether they renew. */
static bool renewal_writes(const struct profile *profile, const char *column)
{
	const struct change *renew = &profile->verbs[VERB_RENEW];
	bool written = profile->native;
	for (size_t i = 0; renew->present && i < renew->set_count; i++) {
		written |= string_equal(renew->set[i].column, column);
	}
	return written;
}

static void lint_hot_index(struct lint *lint, const struct table_index *index)
{
	const struct profile *profile = lint->ledger->profile;
	const char *beat = profile->signals[SIGNAL_BEAT].column;
	const char *lease = profile->signals[SIGNAL_LEASE].column;
	if (beat && index_mentions(index, beat)) {
		lint_add(lint, SEVERITY_WARNING, index->name, NULL,
			 "indexes '%s', which every beat writes: each beat is a full update of "
			 "the row and its indexes",
			 beat);
	}
	if (lease && !string_equal(beat, lease) && index_mentions(index, lease)) {
		bool ours = renewal_writes(profile, lease);
		lint_add(lint, ours ? SEVERITY_WARNING : SEVERITY_NOTE, index->name, NULL,
			 ours ? "indexes '%s', which every renewal writes: each one is a full "
				"update of the row and its indexes"
			      : "indexes '%s', the end of a claim: where the host's workers "
				"renew theirs, each renewal is a full update of the row and "
				"its indexes",
			 lease);
	}
}

static void lint_each_index(struct lint *lint)
{
	const struct table *table = lint->ledger->plan->table;
	for (size_t i = 0; i < table->index_count; i++) {
		const struct table_index *index = &table->indexes[i];
		lint_hot_index(lint, index);
		if (!index->valid) {
			lint_add(lint, SEVERITY_WARNING, index->name, NULL,
				 "is not valid: drop it and make it again");
		}
	}
}

static void lint_worker_key(struct lint *lint)
{
	const struct workers *workers = &lint->ledger->profile->workers;
	const struct table *table = lint->ledger->plan->worker_table;
	const struct names key = { .items = (const char *[]){ workers->key }, .count = 1 };
	if (table && !table->is_view && !is_unique(table, &key)) {
		lint_add(lint, SEVERITY_ERROR, workers->key, NULL,
			 "is not unique in '%s': a worker with two rows doubles its tasks in "
			 "every look",
			 workers->table);
	}
}

enum reclaim_status lint_indexes(struct lint *lint, struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	if (!lint->ledger->plan->table->is_view) {
		lint_plan(lint);
		status = lint_in_flight_index(lint, error);
		lint_each_index(lint);
	}
	lint_worker_key(lint);
	return status;
}
