/* What a role that sweeps needs, as statements; and what this one lacks. */
#include "rights.h"

#include "pieces.h"
#include "uses.h"

#include <string.h>

/* ---- as statements ---- */

static const char *kinds_text(struct arena *arena, unsigned kinds)
{
	static const char *const words[] = { "SELECT", "INSERT", "UPDATE", "DELETE" };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (kinds & (1U << i)) {
			text_printf(&text, "%s%s", text.size ? ", " : "", words[i]);
		}
	}
	return text.failed ? NULL : arena_string(arena, text_string(&text));
}

static const char *schema_of(struct arena *arena, const char *table)
{
	const char *dot = strchr(table, '.');
	return dot ? arena_copy(arena, table, (size_t)(dot - table)) : NULL;
}

/* Each schema once. */
struct schemas {
	const char *names[USED_TABLES_MAX + USED_ROUTINES_MAX];
	size_t count;
};

static void add_schema(struct schemas *schemas, const char *name)
{
	for (size_t i = 0; i < schemas->count; i++) {
		if (string_equal(schemas->names[i], name)) {
			return;
		}
	}
	if (name) {
		schemas->names[schemas->count++] = name;
	}
}

static enum reclaim_status print_schemas(struct uses *uses, plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(uses->ledger->plan, SQL_GRANT_SCHEMA);
	struct schemas schemas = { 0 };
	for (size_t i = 0; i < uses->count; i++) {
		add_schema(&schemas, schema_of(&uses->arena, uses->tables[i].table));
	}
	for (size_t i = 0; i < uses->routine_count; i++) {
		add_schema(&schemas, uses->routines[i].schema);
	}
	for (size_t i = 0; text->text && i < schemas.count; i++) {
		const struct hole hole = { "schema", quote_name_part(&uses->arena,
								     uses->ledger->db->driver,
								     schemas.names[i]) };
		const char *sql = hole.text ? fill(&uses->arena, text->text, &hole, 1) : NULL;
		if (!sql) {
			return fail_no_memory(uses->error);
		}
		line(context, text->name, sql);
	}
	return RECLAIM_OK;
}

/* Defaults of the table's columns that need a right of their own. */
static enum reclaim_status print_sequences(struct uses *uses, const char *name,
					   plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(uses->ledger->plan, SQL_GRANT_SEQUENCES);
	struct result RESULT_CLEANUP result = { 0 };
	const struct value table = value_string(name);
	if (!text->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status =
		ledger_run(uses->ledger, SQL_GRANT_SEQUENCES, &table, &result, uses->error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		const struct value *cell = result_cell(&result, i, GRANT_SEQUENCES_R_GRANT);
		const char *sql = arena_copy(&uses->arena, cell->data, cell->size);
		if (!sql) {
			return fail_no_memory(uses->error);
		}
		line(context, text->name, sql);
	}
	return status;
}

static enum reclaim_status print_table(struct uses *uses, const struct table_use *use,
				       plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(uses->ledger->plan, SQL_GRANT);
	const struct hole holes[] = {
		{ "rights", kinds_text(&uses->arena, use->kinds) },
		{ "relation", quote_name(&uses->arena, uses->ledger->db->driver, use->table) },
	};
	const char *sql = holes[0].text && holes[1].text
				  ? fill(&uses->arena, text->text, holes, 2)
				  : NULL;
	if (!sql) {
		return fail_no_memory(uses->error);
	}
	line(context, text->name, sql);
	return use->kinds & INSERTS ? print_sequences(uses, use->table, line, context)
				    : RECLAIM_OK;
}

static enum reclaim_status print_routine(struct uses *uses, const struct routine_use *routine,
					 plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(uses->ledger->plan, SQL_GRANT);
	const struct hole holes[] = { { "rights", routine->rights },
				      { "relation", routine->thing } };
	const char *sql = fill(&uses->arena, text->text, holes, 2);
	const char *more =
		arena_printf(&uses->arena, "-- and what %s does: it has its caller's rights",
			     routine->thing);
	if (!sql || !more) {
		return fail_no_memory(uses->error);
	}
	line(context, text->name, sql);
	if (routine->by_caller) {
		line(context, text->name, more);
	}
	return RECLAIM_OK;
}

/* Where the engine does not tell which functions a call names, it is told as it stands. */
static enum reclaim_status print_call(struct uses *uses, const char *call, plan_line_fn *line,
				      void *context)
{
	bool known = plan_sql(uses->ledger->plan, SQL_ROUTINES)->text;
	const char *told =
		call && !known ? arena_printf(&uses->arena,
					      "-- and EXECUTE on the functions of: %s", call)
			       : NULL;
	if (told) {
		line(context, plan_sql(uses->ledger->plan, SQL_GRANT)->name, told);
	}
	return told || known || !call ? RECLAIM_OK : fail_no_memory(uses->error);
}

static enum reclaim_status print_all(struct uses *uses, plan_line_fn *line, void *context)
{
	const struct plan *plan = uses->ledger->plan;
	enum reclaim_status status = print_schemas(uses, line, context);
	for (size_t i = 0; !status && i < uses->count; i++) {
		status = print_table(uses, &uses->tables[i], line, context);
	}
	for (size_t i = 0; !status && i < uses->routine_count; i++) {
		status = print_routine(uses, &uses->routines[i], line, context);
	}
	for (int i = 0; !status && i < REMEDY_COUNT; i++) {
		const struct change *change = plan->remedies[i].change;
		status = print_call(uses, change ? change->call : NULL, line, context);
	}
	return status ? status : print_call(uses, plan->profile->wake, line, context);
}

enum reclaim_status ledger_rights(struct ledger *ledger, plan_line_fn *line, void *context,
				  struct reclaim_error *error)
{
	struct uses uses = { .ledger = ledger, .error = error };
	if (!plan_sql(ledger->plan, SQL_GRANT)->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = uses_find(&uses);
	if (!status) {
		status = print_all(&uses, line, context);
	}
	uses_finish(&uses);
	return status;
}

/* ---- what is lacking ---- */

/* NULL: the cell is, or no memory. */
static const char *cell_string(struct arena *arena, const struct result *result, size_t row,
			       size_t column)
{
	const struct value *cell = result_cell(result, row, column);
	return value_is_null(cell) ? NULL : arena_copy(arena, cell->data, cell->size);
}

static enum reclaim_status tell_lacking(struct uses *uses, const struct table_use *use,
					lacking_fn *tell, void *context)
{
	struct result RESULT_CLEANUP result = { 0 };
	struct arena *arena = &uses->arena;
	const struct value params[LACKING_PARAMS] = {
		[LACKING_ID] = value_string(use->table),
		[LACKING_RIGHTS] = value_string(kinds_text(arena, use->kinds)),
	};
	enum reclaim_status status =
		value_is_null(&params[LACKING_RIGHTS])
			? fail_no_memory(uses->error)
			: ledger_run(uses->ledger, SQL_LACKING, params, &result, uses->error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		struct lacking lacking = {
			.what = cell_string(arena, &result, i, LACKING_R_WHAT),
			.grant = cell_string(arena, &result, i, LACKING_R_GRANT),
			.partly = value_integer(result_cell(&result, i, LACKING_R_PARTLY), 0),
		};
		if (!lacking.what || !lacking.grant) {
			return fail_no_memory(uses->error);
		}
		lacking.looks = !lacking.partly && (strstr(lacking.what, "SELECT") ||
						    strstr(lacking.what, "SCHEMA "));
		tell(context, &lacking);
	}
	return status;
}

static enum reclaim_status tell_routine(struct uses *uses, const struct routine_use *routine,
					lacking_fn *tell, void *context)
{
	struct lacking lacking = { .looks = routine->looks };
	if (routine->schema_grant) {
		lacking.what =
			arena_printf(&uses->arena, "USAGE on SCHEMA %s", routine->schema);
		lacking.grant = routine->schema_grant;
	}
	if (lacking.what) {
		tell(context, &lacking);
	}
	if (routine->grant) {
		lacking.what =
			arena_printf(&uses->arena, "%s on %s", routine->rights, routine->thing);
		lacking.grant = routine->grant;
		if (lacking.what) {
			tell(context, &lacking);
		}
	}
	bool told = lacking.what || (!routine->grant && !routine->schema_grant);
	return told ? RECLAIM_OK : fail_no_memory(uses->error);
}

enum reclaim_status ledger_lacking(struct ledger *ledger, lacking_fn *tell, void *context,
				   struct reclaim_error *error)
{
	struct uses uses = { .ledger = ledger, .error = error };
	if (!plan_sql(ledger->plan, SQL_LACKING)->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = uses_find(&uses);
	for (size_t i = 0; !status && i < uses.count; i++) {
		status = tell_lacking(&uses, &uses.tables[i], tell, context);
	}
	for (size_t i = 0; !status && i < uses.routine_count; i++) {
		status = tell_routine(&uses, &uses.routines[i], tell, context);
	}
	uses_finish(&uses);
	return status;
}

enum reclaim_status ledger_read_only(struct ledger *ledger, read_only_fn *tell, void *context,
				     struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct result RESULT_CLEANUP result = { 0 };
	if (!plan_sql(ledger->plan, SQL_READ_ONLY)->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = ledger_run(ledger, SQL_READ_ONLY, NULL, &result, error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		const char *why = cell_string(&arena, &result, i, READ_ONLY_R_WHY);
		if (!why) {
			return fail_no_memory(error);
		}
		tell(context, why, cell_string(&arena, &result, i, READ_ONLY_R_FIX));
	}
	return status;
}
