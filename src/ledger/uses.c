/* The tables that a sweep touches, what it does to each, and what the profile's SQL calls: as far as words tell. */
#include "uses.h"

#include "pieces.h"

#include <string.h>
#include <strings.h>

static enum reclaim_status use(struct uses *uses, const char *table, unsigned kinds)
{
	size_t at = 0;
	while (at < uses->count && !string_equal(uses->tables[at].table, table)) {
		at++;
	}
	if (at == USED_TABLES_MAX) {
		return fail(uses->error, RECLAIM_INTERNAL, "more than %d tables in one profile",
			    USED_TABLES_MAX);
	}
	uses->tables[at].table =
		at < uses->count ? uses->tables[at].table : arena_string(&uses->arena, table);
	uses->tables[at].kinds |= kinds;
	uses->count += at == uses->count;
	return uses->tables[at].table ? RECLAIM_OK : fail_no_memory(uses->error);
}

/* Everybody may look at what is the engine's own. */
static bool is_engines(const struct db_driver *driver, const char *table)
{
	bool found = false;
	for (size_t i = 0; driver->system_schemas && driver->system_schemas[i]; i++) {
		const char *schema = driver->system_schemas[i];
		size_t size = strlen(schema);
		found |= strncmp(table, schema, size) == 0 && table[size] == '.';
	}
	return found;
}

/* A table that is not there needs no rights. */
static enum reclaim_status use_named(struct uses *uses, const char *name, unsigned kinds)
{
	struct table *table = NULL;
	enum reclaim_status status = db_look_up(uses->ledger->db, name, &table, uses->error);
	if (!status && table->exists && !is_engines(uses->ledger->db->driver, table->name)) {
		status = use(uses, table->name, kinds);
	}
	table_destroy(table);
	return status;
}

static enum reclaim_status use_own(struct uses *uses, const char *name, unsigned kinds)
{
	const char *full =
		arena_printf(&uses->arena, "%s%s", uses->ledger->db->driver->own_prefix, name);
	return full ? use(uses, full, kinds) : fail_no_memory(uses->error);
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

/* ---- what it calls ---- */

/* NULL where the cell is. */
static enum reclaim_status keep_cell(struct uses *uses, const struct result *result, size_t row,
				     size_t column, const char **ret_text)
{
	const struct value *cell = result_cell(result, row, column);
	if (!value_is_null(cell)) {
		*ret_text = arena_copy(&uses->arena, cell->data, cell->size);
	}
	return value_is_null(cell) || *ret_text ? RECLAIM_OK : fail_no_memory(uses->error);
}

static enum reclaim_status keep_routine(struct uses *uses, const struct result *found,
					size_t row)
{
	struct routine_use routine = { .looks = uses->looking };
	const struct {
		size_t column;
		const char **target;
	} texts[] = {
		{ ROUTINES_R_SCHEMA, &routine.schema },
		{ ROUTINES_R_RIGHTS, &routine.rights },
		{ ROUTINES_R_THING, &routine.thing },
		{ ROUTINES_R_GRANT, &routine.grant },
		{ ROUTINES_R_SCHEMA_GRANT, &routine.schema_grant },
	};
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < sizeof(texts) / sizeof(texts[0]); i++) {
		status = keep_cell(uses, found, row, texts[i].column, texts[i].target);
	}
	routine.by_caller = value_integer(result_cell(found, row, ROUTINES_R_BY_CALLER), 0);
	for (size_t i = 0; !status && i < uses->routine_count; i++) {
		const struct routine_use *known = &uses->routines[i];
		if (string_equal(known->thing, routine.thing) &&
		    string_equal(known->rights, routine.rights)) {
			return RECLAIM_OK;
		}
	}
	if (!status && uses->routine_count == USED_ROUTINES_MAX) {
		return fail(uses->error, RECLAIM_INTERNAL,
			    "more than %d functions and sequences in one profile",
			    USED_ROUTINES_MAX);
	}
	if (!status) {
		uses->routines[uses->routine_count++] = routine;
	}
	return status;
}

/* The text of the literal that stands at `at`; "": none does. */
static const char *literal_at(struct arena *arena, const char *at)
{
	at += strspn(at, " \t\n");
	size_t size = *at == '\'' ? strcspn(at + 1, "'") : 0;
	return arena_copy(arena, at + (size > 0), size);
}

/* `open`: its parenthesis. */
static enum reclaim_status use_routine(struct uses *uses, const char *word, const char *open)
{
	struct result RESULT_CLEANUP found = { 0 };
	const struct sql_text *text = plan_sql(uses->ledger->plan, SQL_ROUTINES);
	const char *argument = text->text ? literal_at(&uses->arena, open + 1) : NULL;
	const struct value params[ROUTINES_PARAMS] = {
		[ROUTINES_NAME] = value_string(word),
		[ROUTINES_ARGUMENT] = value_string(argument),
	};
	if (!argument) {
		return text->text ? fail_no_memory(uses->error) : RECLAIM_OK;
	}
	enum reclaim_status status =
		ledger_run(uses->ledger, SQL_ROUTINES, params, &found, uses->error);
	for (size_t i = 0; !status && i < found.rows; i++) {
		status = keep_routine(uses, &found, i);
	}
	return status;
}

/* As far as words tell: what is neither table nor function there needs no rights. */
static enum reclaim_status use_sql(struct uses *uses, const char *sql)
{
	enum reclaim_status status = RECLAIM_OK;
	const char *before = NULL, *word = NULL, *at = sql;
	while (!status && at && (word = next_word(&uses->arena, &at))) {
		unsigned kinds = kinds_before(word, before);
		const char *behind = at, *open = at + strspn(at, " \t\n");
		const char *name = kinds ? next_word(&uses->arena, &behind) : NULL;
		if (name && strcasecmp(name, "only") != 0) {
			status = use_named(uses, name, kinds);
		}
		if (!status && *open == '(') {
			status = use_routine(uses, word, open);
		}
		before = word;
	}
	return status;
}

static enum reclaim_status use_insertions(struct uses *uses, const struct insertion *list,
					  size_t count)
{
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		status = use_named(uses, list[i].table, INSERTS);
		for (size_t n = 0; !status && n < list[i].count; n++) {
			status = use_sql(uses, list[i].assignments[n].expression);
		}
		if (!status) {
			status = use_sql(uses, list[i].where);
		}
	}
	return status;
}

static enum reclaim_status use_change(struct uses *uses, const struct change *change)
{
	const struct plan *plan = uses->ledger->plan;
	enum reclaim_status status = use_insertions(uses, change->also, change->also_count);
	if (!status && change->remove) {
		status = use(uses, plan->table->name, DELETES);
	}
	for (size_t i = 0; !status && i < change->run.count; i++) {
		status = use_sql(uses, change->run.items[i]);
	}
	for (size_t i = 0; !status && i < change->set_count; i++) {
		status = use_sql(uses, change->set[i].expression);
	}
	return status ? status : use_sql(uses, change->call);
}

static enum reclaim_status use_computed(struct uses *uses)
{
	const struct table *table = uses->ledger->plan->table;
	uses->looking = true;
	enum reclaim_status status = use_sql(uses, uses->ledger->profile->claims);
	for (size_t i = 0; !status && i < table->column_count; i++) {
		status = use_sql(uses, table->columns[i].expression);
	}
	uses->looking = false;
	return status;
}

/* Whether a sweep, or what else the profile lets us do by ourselves, changes a row. */
static bool takes(const struct plan *plan)
{
	bool found = plan->profile->native || plan->profile->recover.present ||
		     plan->profile->cleanup.present;
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		found |= plan->policy.rules[i].then != REMEDY_REPORT;
	}
	return found;
}

static bool has_reports(const struct plan *plan)
{
	bool found = false;
	for (size_t i = 0; i < plan->policy.rule_count; i++) {
		enum remedy then = plan->policy.rules[i].then;
		found |= then == REMEDY_REPORT ||
			 (then == REMEDY_REQUEUE && plan->policy.last_resort == REMEDY_REPORT);
	}
	return found;
}

static enum reclaim_status use_remedies(struct uses *uses)
{
	const struct plan *plan = uses->ledger->plan;
	enum reclaim_status status = RECLAIM_OK;
	for (int i = 0; !status && i < REMEDY_COUNT; i++) {
		if (plan->remedies[i].change) {
			status = use_change(uses, plan->remedies[i].change);
		}
	}
	if (!status) {
		status = use_sql(uses, plan->profile->wake);
	}
	return status ? status
		      : use_insertions(uses, plan->profile->audit, plan->profile->audit_count);
}

static enum reclaim_status use_hosts(struct uses *uses)
{
	const struct plan *plan = uses->ledger->plan;
	unsigned prunes = plan->profile->native ? DELETES : 0;
	unsigned updates = takes(plan) ? UPDATES : 0;
	unsigned labels = updates || plan->worker_has_label ? UPDATES : 0;
	enum reclaim_status status = use(uses, plan->table->name, READS | updates | prunes);
	if (!status && plan->worker_table) {
		status = use(uses, plan->worker_table->name, READS | labels | prunes);
	}
	if (!status) {
		status = use_computed(uses);
	}
	return status || !updates ? status : use_remedies(uses);
}

/* The audit and the turn. */
static enum reclaim_status use_ours(struct uses *uses)
{
	if (uses->ledger->profile->audit_is_log) {
		return RECLAIM_OK;
	}
	const struct profile *profile = uses->ledger->profile;
	/* A daemon prunes what is ours alone. What is reported is looked for first, and what the audit counts. */
	unsigned prunes = profile->native ? READS | DELETES : 0;
	unsigned reads =
		has_reports(uses->ledger->plan) || profile->counts_recoveries ? READS : 0;
	enum reclaim_status status = use_own(uses, "events", INSERTS | reads | prunes);
	return status ? status : use_own(uses, "ledgers", READS | INSERTS | UPDATES);
}

enum reclaim_status uses_find(struct uses *uses)
{
	enum reclaim_status status = use_hosts(uses);
	return status ? status : use_ours(uses);
}

void uses_finish(struct uses *uses)
{
	arena_finish(&uses->arena);
}
