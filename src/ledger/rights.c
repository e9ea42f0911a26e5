/* The tables that a sweep touches, and what it does to each. */
#include "rights.h"

#include "pieces.h"

#include <string.h>
#include <strings.h>

#define TABLES_MAX 32

enum { READS = 1, INSERTS = 2, UPDATES = 4, DELETES = 8 };

struct use {
	const char *table; /* as found */
	unsigned kinds;
};

struct rights {
	struct ledger *ledger;
	struct arena arena;
	struct use uses[TABLES_MAX];
	size_t count;
	struct reclaim_error *error;
};

static enum reclaim_status use(struct rights *rights, const char *table, unsigned kinds)
{
	size_t at = 0;
	while (at < rights->count && !string_equal(rights->uses[at].table, table)) {
		at++;
	}
	if (at == TABLES_MAX) {
		return fail(rights->error, RECLAIM_INTERNAL,
			    "more than %d tables in one profile", TABLES_MAX);
	}
	rights->uses[at].table = at < rights->count ? rights->uses[at].table
						    : arena_string(&rights->arena, table);
	rights->uses[at].kinds |= kinds;
	rights->count += at == rights->count;
	return rights->uses[at].table ? RECLAIM_OK : fail_no_memory(rights->error);
}

/* A table that is not there needs no rights. */
static enum reclaim_status use_named(struct rights *rights, const char *name, unsigned kinds)
{
	struct table *table = NULL;
	enum reclaim_status status =
		db_look_up(rights->ledger->db, name, &table, rights->error);
	if (!status && table->exists) {
		status = use(rights, table->name, kinds);
	}
	table_destroy(table);
	return status;
}

static enum reclaim_status use_own(struct rights *rights, const char *name, unsigned kinds)
{
	const char *full = arena_printf(&rights->arena, "%s%s",
					rights->ledger->db->driver->own_prefix, name);
	return full ? use(rights, full, kinds) : fail_no_memory(rights->error);
}

/* ---- tables that the profile's own SQL names ---- */

/* The word at `*at`, which moves behind it: letters, digits and what names are made of, without quotes. */
static const char *next_word(struct arena *arena, const char **at)
{
	static const char part[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$\"`";
	struct text TEXT_CLEANUP word = { 0 };
	const char *start = *at;
	while (*start && !strchr(part, *start)) {
		/* A literal is no name. */
		const char *end = *start == '\'' ? strchr(start + 1, '\'') : NULL;
		start = end ? end + 1 : start + 1;
	}
	size_t size = strspn(start, part);
	for (size_t i = 0; i < size; i++) {
		if (!strchr("\"`", start[i])) {
			text_add_char(&word, start[i]);
		}
	}
	*at = start + size;
	return size && !word.failed ? arena_string(arena, text_string(&word)) : NULL;
}

/* What the word says of the table behind it; 0: nothing. */
static unsigned kinds_before(const char *word, const char *before)
{
	static const struct {
		const char *word;
		unsigned kinds;
	} words[] = {
		{ "from", READS },
		{ "join", READS },
		{ "using", READS },
		{ "into", READS | INSERTS },
		{ "update", READS | UPDATES },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(words[i].word, word) == 0) {
			bool deletes = i == 0 && before && strcasecmp(before, "delete") == 0;
			return words[i].kinds | (deletes ? DELETES : 0);
		}
	}
	return 0;
}

/* As far as words tell: what is no table there needs no rights. */
static enum reclaim_status use_sql(struct rights *rights, const char *sql)
{
	enum reclaim_status status = RECLAIM_OK;
	const char *before = NULL, *word = NULL, *at = sql;
	while (!status && at && (word = next_word(&rights->arena, &at))) {
		unsigned kinds = kinds_before(word, before);
		const char *behind = at;
		const char *name = kinds ? next_word(&rights->arena, &behind) : NULL;
		if (name && strcasecmp(name, "only") != 0) {
			status = use_named(rights, name, kinds);
		}
		before = word;
	}
	return status;
}

static enum reclaim_status use_insertions(struct rights *rights, const struct insertion *list,
					  size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		status = use_named(rights, list[i].table, INSERTS);
		for (size_t n = 0; !status && n < list[i].count; n++) {
			status = use_sql(rights, list[i].assignments[n].expression);
		}
		if (!status) {
			status = use_sql(rights, list[i].where);
		}
	}
	return status;
}

static enum reclaim_status use_change(struct rights *rights, const struct change *change)
{
	const struct plan *plan = rights->ledger->plan;
	enum reclaim_status status = use_insertions(rights, change->also, change->also_count);
	if (!status && change->remove) {
		status = use(rights, plan->table->name, DELETES);
	}
	for (size_t i = 0; !status && i < change->run.count; i++) {
		status = use_sql(rights, change->run.items[i]);
	}
	for (size_t i = 0; !status && i < change->set_count; i++) {
		status = use_sql(rights, change->set[i].expression);
	}
	return status ? status : use_sql(rights, change->call);
}

static enum reclaim_status use_computed(struct rights *rights)
{
	const struct table *table = rights->ledger->plan->table;
	enum reclaim_status status = use_sql(rights, rights->ledger->profile->claims);
	for (size_t i = 0; !status && i < table->column_count; i++) {
		status = use_sql(rights, table->columns[i].expression);
	}
	return status;
}

static enum reclaim_status use_hosts(struct rights *rights)
{
	const struct plan *plan = rights->ledger->plan;
	const struct profile *profile = plan->profile;
	unsigned prunes = profile->native ? DELETES : 0;
	enum reclaim_status status = use(rights, plan->table->name, READS | UPDATES | prunes);
	if (!status && plan->worker_table) {
		status = use(rights, plan->worker_table->name, READS | UPDATES | prunes);
	}
	if (!status) {
		status = use_computed(rights);
	}
	for (int i = 0; !status && i < REMEDY_COUNT; i++) {
		if (plan->remedies[i].change) {
			status = use_change(rights, plan->remedies[i].change);
		}
	}
	return status ? status : use_insertions(rights, profile->audit, profile->audit_count);
}

/* The audit and the turn. */
static enum reclaim_status use_ours(struct rights *rights)
{
	if (rights->ledger->profile->audit_is_log) {
		return RECLAIM_OK;
	}
	/* A daemon prunes what is ours alone. */
	unsigned prunes = rights->ledger->profile->native ? READS | DELETES : 0;
	enum reclaim_status status = use_own(rights, "events", INSERTS | prunes);
	return status ? status : use_own(rights, "ledgers", READS | INSERTS | UPDATES);
}

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
static enum reclaim_status print_schemas(struct rights *rights, plan_line_fn *line,
					 void *context)
{
	const struct sql_text *text = plan_sql(rights->ledger->plan, SQL_GRANT_SCHEMA);
	const char *last = NULL;
	for (size_t i = 0; text->text && i < rights->count; i++) {
		const char *schema = schema_of(&rights->arena, rights->uses[i].table);
		if (!schema || string_equal(schema, last)) {
			continue;
		}
		const struct hole hole = {
			"schema", quote_name(&rights->arena, rights->ledger->db->driver, schema)
		};
		const char *sql = hole.text ? fill(&rights->arena, text->text, &hole, 1) : NULL;
		if (!sql) {
			return fail_no_memory(rights->error);
		}
		line(context, text->name, sql);
		last = schema;
	}
	return RECLAIM_OK;
}

/* Defaults of the table's columns that need a right of their own. */
static enum reclaim_status print_sequences(struct rights *rights, const char *name,
					   plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(rights->ledger->plan, SQL_GRANT_SEQUENCES);
	struct result RESULT_CLEANUP result = { 0 };
	const struct value table = value_string(name);
	if (!text->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status =
		ledger_run(rights->ledger, SQL_GRANT_SEQUENCES, &table, &result, rights->error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		const struct value *cell = result_cell(&result, i, GRANT_SEQUENCES_R_GRANT);
		const char *sql = arena_copy(&rights->arena, cell->data, cell->size);
		if (!sql) {
			return fail_no_memory(rights->error);
		}
		line(context, text->name, sql);
	}
	return status;
}

static enum reclaim_status print_table(struct rights *rights, const struct use *use,
				       plan_line_fn *line, void *context)
{
	const struct sql_text *text = plan_sql(rights->ledger->plan, SQL_GRANT);
	const struct hole holes[] = {
		{ "rights", kinds_text(&rights->arena, use->kinds) },
		{ "relation",
		  quote_name(&rights->arena, rights->ledger->db->driver, use->table) },
	};
	const char *sql = holes[0].text && holes[1].text
				  ? fill(&rights->arena, text->text, holes, 2)
				  : NULL;
	if (!sql) {
		return fail_no_memory(rights->error);
	}
	line(context, text->name, sql);
	return use->kinds & INSERTS ? print_sequences(rights, use->table, line, context)
				    : RECLAIM_OK;
}

/* Which functions a call names the plan can't know: it is told as it stands. */
static enum reclaim_status print_call(struct rights *rights, const char *call,
				      plan_line_fn *line, void *context)
{
	const char *told = call ? arena_printf(&rights->arena,
					       "-- and EXECUTE on the functions of: %s", call)
				: NULL;
	if (told) {
		line(context, plan_sql(rights->ledger->plan, SQL_GRANT)->name, told);
	}
	return told || !call ? RECLAIM_OK : fail_no_memory(rights->error);
}

static enum reclaim_status print_all(struct rights *rights, plan_line_fn *line, void *context)
{
	const struct plan *plan = rights->ledger->plan;
	enum reclaim_status status = print_schemas(rights, line, context);
	for (size_t i = 0; !status && i < rights->count; i++) {
		status = print_table(rights, &rights->uses[i], line, context);
	}
	for (int i = 0; !status && i < REMEDY_COUNT; i++) {
		const struct change *change = plan->remedies[i].change;
		status = print_call(rights, change ? change->call : NULL, line, context);
	}
	return status ? status : print_call(rights, plan->profile->wake, line, context);
}

static enum reclaim_status use_all(struct rights *rights)
{
	enum reclaim_status status = use_hosts(rights);
	return status ? status : use_ours(rights);
}

enum reclaim_status ledger_rights(struct ledger *ledger, plan_line_fn *line, void *context,
				  struct reclaim_error *error)
{
	struct rights rights = { .ledger = ledger, .error = error };
	if (!plan_sql(ledger->plan, SQL_GRANT)->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = use_all(&rights);
	if (!status) {
		status = print_all(&rights, line, context);
	}
	arena_finish(&rights.arena);
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

static enum reclaim_status tell_lacking(struct rights *rights, const struct use *use,
					lacking_fn *tell, void *context)
{
	struct result RESULT_CLEANUP result = { 0 };
	struct arena *arena = &rights->arena;
	const struct value params[LACKING_PARAMS] = {
		[LACKING_ID] = value_string(use->table),
		[LACKING_RIGHTS] = value_string(kinds_text(arena, use->kinds)),
	};
	enum reclaim_status status = value_is_null(&params[LACKING_RIGHTS])
					     ? fail_no_memory(rights->error)
					     : ledger_run(rights->ledger, SQL_LACKING, params,
							  &result, rights->error);
	for (size_t i = 0; !status && i < result.rows; i++) {
		struct lacking lacking = {
			.what = cell_string(arena, &result, i, LACKING_R_WHAT),
			.grant = cell_string(arena, &result, i, LACKING_R_GRANT),
			.partly = value_integer(result_cell(&result, i, LACKING_R_PARTLY), 0),
		};
		if (!lacking.what || !lacking.grant) {
			return fail_no_memory(rights->error);
		}
		lacking.looks = !lacking.partly && (strstr(lacking.what, "SELECT") ||
						    strstr(lacking.what, "SCHEMA "));
		tell(context, &lacking);
	}
	return status;
}

enum reclaim_status ledger_lacking(struct ledger *ledger, lacking_fn *tell, void *context,
				   struct reclaim_error *error)
{
	struct rights rights = { .ledger = ledger, .error = error };
	if (!plan_sql(ledger->plan, SQL_LACKING)->text) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = use_all(&rights);
	for (size_t i = 0; !status && i < rights.count; i++) {
		status = tell_lacking(&rights, &rights.uses[i], tell, context);
	}
	arena_finish(&rights.arena);
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
