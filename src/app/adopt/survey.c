/* From a table in a database to evidence. */
#include "survey.h"

#include "catalog.h"
#include "labels.h"

#include <string.h>

#define SPANS 1000 /* finished rows that tell how long a task takes */

struct reading {
	struct db *db;
	struct survey *survey;
	struct evidence_of_table *found;
	struct reclaim_error *error;
};

void survey_finish(struct survey *survey)
{
	table_destroy(survey->table);
	arena_finish(&survey->arena);
	*survey = (struct survey){ 0 };
}

static const char *name_of(const struct reading *r, enum part part)
{
	const struct column *column = r->found->columns[part];
	return column ? column->name : NULL;
}

static struct catalog_column column_of(const struct reading *r, enum part part)
{
	return (struct catalog_column){ .table = r->survey->table,
					.name = name_of(r, part),
					.claimed = name_of(r, PART_CLAIMED),
					.finished = name_of(r, PART_FINISHED),
					.error = name_of(r, PART_ERROR) };
}

/* ---- columns ---- */

/* What a row has in it that is named like a time is one, or it is not this part. */
static enum reclaim_status read_time(struct reading *r, enum part part)
{
	struct result RESULT_CLEANUP sample = { 0 };
	const struct catalog_column column = column_of(r, part);
	enum reclaim_status status = catalog_sample(r->db, &column, &sample, r->error);
	const struct value *value = sample.rows ? result_cell(&sample, 0, 0) : NULL;
	if (status) {
		return status;
	}
	r->found->formats[part] = format_meant(r->found->columns[part], value);
	if (value && r->found->formats[part] == TIME_FORMAT_COUNT) {
		r->found->columns[part] = NULL;
	}
	return RECLAIM_OK;
}

static enum reclaim_status read_columns(struct reading *r)
{
	enum reclaim_status status = RECLAIM_OK;
	for (int p = 0; !status && p < PART_COUNT; p++) {
		r->found->formats[p] = TIME_FORMAT_COUNT;
		r->found->columns[p] = part_column(r->survey->table, (enum part)p);
		if (r->found->columns[p] && part_is_time((enum part)p)) {
			status = read_time(r, (enum part)p);
		}
	}
	return status;
}

/* ---- states ---- */

static enum reclaim_status add_label(struct reading *r, const char *label)
{
	r->found->too_many_states |= label && !evidence_state(r->found, label);
	return label ? RECLAIM_OK : fail_no_memory(r->error);
}

/* "default" and what it is, or "limit" and what may list the values. */
static enum reclaim_status read_word(struct reading *r, const char *word, const char *text)
{
	const char *labels[STATES_MAX];
	enum reclaim_status status = RECLAIM_OK;
	if (string_equal(word, "default")) {
		r->found->initial = label_of_default(&r->survey->arena, text);
		return RECLAIM_OK;
	}
	size_t count =
		labels_of(&r->survey->arena, text, name_of(r, PART_STATE), labels, STATES_MAX);
	for (size_t i = 0; !status && i < count && i < STATES_MAX; i++) {
		status = add_label(r, labels[i]);
	}
	return status;
}

static enum reclaim_status read_definition(struct reading *r)
{
	struct result RESULT_CLEANUP says = { 0 };
	const struct catalog_column column = column_of(r, PART_STATE);
	enum reclaim_status status = catalog_says(r->db, &column, &says, r->error);
	for (size_t i = 0; !status && i < says.rows; i++) {
		status = read_word(r, result_cell(&says, i, COLUMN_SAYS_R_WORD)->data,
				   result_cell(&says, i, COLUMN_SAYS_R_TEXT)->data);
	}
	return status;
}

static int64_t count_at(const struct result *values, size_t row, size_t column)
{
	return value_integer(result_cell(values, row, column), 0);
}

static enum reclaim_status add_value(struct reading *r, const struct result *values, size_t row)
{
	struct text TEXT_CLEANUP name = { 0 };
	value_print(&name, result_cell(values, row, COLUMN_VALUES_R_VALUE));
	const char *native = arena_string(&r->survey->arena, text_string(&name));
	struct state_seen *seen = native ? evidence_state(r->found, native) : NULL;
	r->found->too_many_states |= native && !seen;
	if (seen) {
		seen->count = count_at(values, row, COLUMN_VALUES_R_COUNT);
		seen->claimed = count_at(values, row, COLUMN_VALUES_R_CLAIMED);
		seen->finished = count_at(values, row, COLUMN_VALUES_R_FINISHED);
		seen->failed = count_at(values, row, COLUMN_VALUES_R_FAILED);
	}
	return native ? RECLAIM_OK : fail_no_memory(r->error);
}

static bool is_whole_number(const char *text)
{
	size_t minus = *text == '-';
	return text[minus] && strspn(text + minus, "0123456789") == strlen(text + minus);
}

static bool all_are_numbers(const struct evidence_of_table *found)
{
	for (size_t i = 0; i < found->state_count; i++) {
		if (!is_whole_number(found->states[i].native)) {
			return false;
		}
	}
	return found->state_count > 0;
}

static enum reclaim_status read_states(struct reading *r)
{
	struct result RESULT_CLEANUP values = { 0 };
	const struct catalog_column column = column_of(r, PART_STATE);
	enum reclaim_status status = read_definition(r);
	if (!status) {
		status = catalog_values(r->db, &column, STATES_MAX + 1, &values, r->error);
	}
	for (size_t i = 0; !status && i < values.rows; i++) {
		status = add_value(r, &values, i);
	}
	r->found->state_is_number = all_are_numbers(r->found);
	return status;
}

/* ---- how long a task takes ---- */

static int64_t span_of(const struct reading *r, const struct result *spans, size_t row)
{
	int64_t claimed = NO_TIME, finished = NO_TIME, span;
	const enum time_format *formats = r->found->formats;
	return time_from_value(result_cell(spans, row, COLUMN_SPANS_R_CLAIMED),
			       formats[PART_CLAIMED], &claimed) &&
			       time_from_value(result_cell(spans, row, COLUMN_SPANS_R_FINISHED),
					       formats[PART_FINISHED], &finished) &&
			       claimed != NO_TIME && finished != NO_TIME &&
			       !__builtin_sub_overflow(finished, claimed, &span)
		       ? span
		       : -1;
}

static size_t completed_states(const struct evidence_of_table *found,
			       const char *ret_values[STATES_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < found->state_count; i++) {
		if (found->states[i].meant == STATE_COMPLETED) {
			ret_values[count++] = found->states[i].native;
		}
	}
	return count;
}

static enum reclaim_status read_spans(struct reading *r)
{
	const char *values[STATES_MAX];
	struct result RESULT_CLEANUP spans = { 0 };
	struct catalog_column column = column_of(r, PART_STATE);
	bool by_state = column.name && !r->found->too_many_states;
	size_t count = by_state ? completed_states(r->found, values) : 0;
	r->found->longest = NO_TIME;
	if (!column.claimed || !column.finished || (by_state && count == 0)) {
		return RECLAIM_OK;
	}
	enum reclaim_status status =
		catalog_spans(r->db, &column, values, count, SPANS, &spans, r->error);
	for (size_t i = 0; !status && i < spans.rows; i++) {
		int64_t span = span_of(r, &spans, i);
		r->found->finished += span >= 0;
		r->found->longest =
			span >= 0 && span > r->found->longest ? span : r->found->longest;
	}
	return status;
}

/* ---- all of it ---- */

/* Nothing of that name: one that differs in case or schema only is named, and a dot that no profile can say. */
static enum reclaim_status not_found(struct db *db, const struct table *table, const char *name,
				     struct reclaim_error *error)
{
	struct result RESULT_CLEANUP tables = { 0 };
	const char *near = NULL;
	if (table->denied) {
		return fail(error, RECLAIM_UNAVAILABLE, "table '%s' can't be seen: %s", name,
			    table->denied);
	}
	enum reclaim_status status = catalog_tables(db, &tables, error);
	if (status) {
		return status;
	}
	for (size_t i = 0; i < tables.rows; i++) {
		const char *listed = result_cell(&tables, i, 0)->data;
		if (string_equal(listed, name)) {
			return fail(error, RECLAIM_UNSUPPORTED,
				    "a table can't be named '%s' in a profile, where a dot "
				    "divides schema and table; a view of it can have a name "
				    "without one",
				    name);
		}
		near = strcasecmp(table_bare_name(listed), table_bare_name(name)) == 0 ? listed
										       : near;
	}
	return fail(error, RECLAIM_NOT_FOUND, "database '%s' has no table '%s'%s%s%s",
		    db->url->shown, name, near ? "; it has '" : "", near ? near : "",
		    near ? "'" : "; `reclaim detect` looks around");
}

static enum reclaim_status read_all(struct reading *r)
{
	enum reclaim_status status = read_columns(r);
	if (!status && r->found->columns[PART_STATE]) {
		status = read_states(r);
	}
	evidence_settle(r->found);
	return status ? status : read_spans(r);
}

enum reclaim_status survey_table(struct db *db, const char *name, struct survey *ret_survey,
				 struct reclaim_error *error)
{
	struct survey survey = { 0 };
	struct reading reading = {
		.db = db, .survey = &survey, .found = &survey.found, .error = error
	};
	enum reclaim_status status = db_look_up(db, name, &survey.table, error);
	if (!status && !survey.table->exists) {
		status = not_found(db, survey.table, name, error);
	} else if (!status) {
		survey.found.table = survey.table;
		survey.found.name = name;
		survey.found.quote = db->driver->quote;
		status = read_all(&reading);
	}
	if (status) {
		survey_finish(&survey);
		return status;
	}
	*ret_survey = survey;
	return RECLAIM_OK;
}
