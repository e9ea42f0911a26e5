/* Opening a ledger, running its fixed statements, and the row of an id. */
#include "ledger.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static void name_actor(struct ledger *ledger)
{
	char host[65] = "";
	struct passwd entry, *found = NULL;
	char memory[1024];
	gethostname(host, sizeof(host) - 1);
	getpwuid_r(geteuid(), &entry, memory, sizeof(memory), &found);
	snprintf(ledger->actor, sizeof(ledger->actor), "%.64s@%.64s:%ld",
		 found ? found->pw_name : "uid", host, (long)getpid());
}

static enum reclaim_status seed(struct ledger *ledger, struct reclaim_error *error)
{
	uint64_t bits;
	if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits)) {
		return fail(error, RECLAIM_INTERNAL, "the system gives no random numbers");
	}
	random_seed(&ledger->random, bits);
	return RECLAIM_OK;
}

#define ENGINES_MAX 8

static enum reclaim_status read_profile(const char *name_or_file, const char *text,
					const char *url, struct profile **ret_profile,
					struct reclaim_error *error)
{
	const char *names[ENGINES_MAX + 1] = { NULL };
	const struct db_driver *driver = db_driver_of(url);
	const struct engines engines = { driver ? driver->name : NULL, names };
	for (size_t i = 0; i < ENGINES_MAX && sql_engines[i].name; i++) {
		names[i] = sql_engines[i].name;
	}
	return text ? profile_parse(text, strlen(text), name_or_file, &engines, ret_profile,
				    error)
		    : profile_load(name_or_file, &engines, ret_profile, error);
}

enum reclaim_status ledger_profile(const char *name_or_file, const char *url,
				   struct profile **ret_profile, struct reclaim_error *error)
{
	return read_profile(name_or_file, NULL, url, ret_profile, error);
}

enum reclaim_status ledger_open(const struct ledger_options *options,
				struct ledger **ret_ledger, struct reclaim_error *error)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger) {
		return fail_no_memory(error);
	}
	name_actor(ledger);
	enum reclaim_status status = seed(ledger, error);
	if (!status) {
		status = read_profile(options->profile, options->profile_text, options->url,
				      &ledger->profile, error);
	}
	if (!status) {
		struct db_options db = options->db;
		db.ours = ledger->profile->native;
		db.create = options->db.create && ledger->profile->native;
		if (options->environment) {
			profile_environment(ledger->profile, options->environment,
					    options->warn, options->warn_context);
		}
		status = db_open(options->url, &db, &ledger->db, error);
	}
	if (status) {
		ledger_close(ledger);
		return status;
	}
	*ret_ledger = ledger;
	return RECLAIM_OK;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger) {
		return;
	}
	plan_destroy(ledger->plan);
	profile_destroy(ledger->profile);
	db_close(ledger->db);
	arena_finish(&ledger->arena);
	free(ledger);
}

enum reclaim_status ledger_plan(struct ledger *ledger, struct reclaim_error *error)
{
	if (ledger->plan) {
		return RECLAIM_OK;
	}
	enum reclaim_status status = ledger_check_version(ledger, error);
	return status ? status : plan_create(ledger->db, ledger->profile, &ledger->plan, error);
}

enum reclaim_status ledger_begin(struct ledger *ledger, struct reclaim_error *error)
{
	return ledger->together ? RECLAIM_OK : db_begin(ledger->db, DB_WRITE, error);
}

enum reclaim_status ledger_begin_brief(struct ledger *ledger, struct reclaim_error *error)
{
	return ledger->together ? RECLAIM_OK : db_begin(ledger->db, DB_WRITE_BRIEF, error);
}

enum reclaim_status ledger_commit(struct ledger *ledger, struct reclaim_error *error)
{
	return db_commit(ledger->db, error);
}

void ledger_rollback(struct ledger *ledger)
{
	db_rollback(ledger->db);
}

enum reclaim_status ledger_end(struct ledger *ledger, enum reclaim_status status,
			       struct reclaim_error *error)
{
	if (ledger->together) {
		return status;
	}
	if (status) {
		ledger_rollback(ledger);
		return status;
	}
	return ledger_commit(ledger, error);
}

const struct sql_text *ledger_sql(const struct ledger *ledger, enum sql sql)
{
	const struct sql_engine *engine = sql_of(ledger->db->driver);
	return engine ? &engine->texts[sql] : NULL;
}

/* Renders a statement when it is used first. */
static enum reclaim_status prepare(struct ledger *ledger, enum sql sql,
				   struct reclaim_error *error)
{
	struct statement *statement = &ledger->fixed[sql];
	const struct sql_text *text = ledger_sql(ledger, sql);
	if (statement->sql) {
		return RECLAIM_OK;
	}
	return text ? render_fixed(&ledger->arena, ledger->db->driver, text, statement, error)
		    : fail(error, RECLAIM_UNSUPPORTED,
			   "this build has no statements for engine '%s'",
			   ledger->db->driver->name);
}

enum reclaim_status ledger_run(struct ledger *ledger, enum sql sql, const struct value *params,
			       struct result *ret_result, struct reclaim_error *error)
{
	struct result RESULT_CLEANUP unwanted = { 0 };
	enum reclaim_status status = prepare(ledger, sql, error);
	return status ? status
		      : db_run(ledger->db, &ledger->fixed[sql], params,
			       ret_result ? ret_result : &unwanted, error);
}

enum reclaim_status ledger_run_many(struct ledger *ledger, enum sql sql,
				    const struct value *params, size_t count,
				    int64_t *ret_changed, struct reclaim_error *error)
{
	enum reclaim_status status = prepare(ledger, sql, error);
	return status ? status
		      : db_run_many(ledger->db, &ledger->fixed[sql], params, count, ret_changed,
				    error);
}

enum reclaim_status ledger_now(struct ledger *ledger, int64_t *ret_now,
			       struct reclaim_error *error)
{
	struct result RESULT_CLEANUP result = { 0 };
	enum reclaim_status status = ledger_run(ledger, SQL_NOW, NULL, &result, error);
	if (!status) {
		*ret_now = value_integer(result_cell(&result, 0, NOW_R_NOW), NO_TIME);
	}
	return status;
}

uint64_t ledger_random(struct ledger *ledger)
{
	return random_next(&ledger->random);
}

/* Whether the column can hold what the id says; an engine may refuse to compare what it can't. */
static bool is_possible(enum column_kind kind, const struct value *part)
{
	unsigned char bytes[16];
	return kind == COLUMN_UUID     ? uuid_parse(part->data, part->size, bytes)
	       : kind == COLUMN_NUMBER ? value_integer(part, INT64_MIN) != INT64_MIN
	       : kind == COLUMN_TEXT   ? !memchr(part->data, '\0', part->size)
				       : true;
}

/* As the columns are declared; ours is text. */
static void usual_types(const struct plan *plan, enum value_type *ret_types)
{
	for (size_t i = 0; i < plan->key_count; i++) {
		ret_types[i] = plan->key_is_blob[i] ? VALUE_BLOB : VALUE_TEXT;
	}
}

/* False: all have been tried. */
static bool other_types(enum value_type *types, size_t count)
{
	static const enum value_type next[] = {
		[VALUE_TEXT] = VALUE_INT, [VALUE_INT] = VALUE_BLOB, [VALUE_BLOB] = VALUE_TEXT
	};
	for (size_t i = 0; i < count; i++) {
		types[i] = next[types[i]];
		if (types[i] != VALUE_TEXT) {
			return true;
		}
	}
	return false;
}

/* False: no such key can exist. */
static bool read_key(const struct plan *plan, struct arena *arena, const char *id,
		     const enum value_type *types, struct value *ret_key)
{
	if (plan->profile->native) {
		size_t size = strlen(id);
		ret_key[0] = value_bytes(VALUE_TEXT, id, size);
		return utf8_invalid_at(id, size) == size;
	}
	bool possible = key_parse(arena, id, types, plan->key_count, ret_key);
	for (size_t i = 0; possible && i < plan->key_count; i++) {
		possible = is_possible(plan->key_kind[i], &ret_key[i]);
	}
	return possible;
}

static enum reclaim_status read_as(struct ledger *ledger, const char *id,
				   const enum value_type *types, struct result *ret_row,
				   struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct value key[PLAN_KEY_MAX];
	const struct inputs inputs = { .key = key };
	return read_key(ledger->plan, &arena, id, types, key)
		       ? planned_run(ledger->db, &ledger->plan->read, &inputs, ret_row, error)
		       : RECLAIM_OK;
}

enum reclaim_status ledger_read(struct ledger *ledger, const char *id, struct result *ret_row,
				struct reclaim_error *error)
{
	const struct plan *plan = ledger->plan;
	enum value_type types[PLAN_KEY_MAX];
	struct result row = { 0 };
	usual_types(plan, types);
	enum reclaim_status status = read_as(ledger, id, types, &row, error);
	/* The text of an id does not tell a number, or bytes, from a text that looks the same. */
	bool loose = plan->driver->loose_types && !plan->profile->native;
	for (size_t i = 0; i < plan->key_count; i++) {
		types[i] = VALUE_TEXT;
	}
	for (bool more = loose; !status && row.rows == 0 && more;
	     more = other_types(types, plan->key_count)) {
		result_finish(&row);
		status = read_as(ledger, id, types, &row, error);
	}
	if (!status && row.rows == 0) {
		struct text TEXT_CLEANUP shown = { 0 };
		text_add_visible(&shown, id, strlen(id));
		status = fail(error, RECLAIM_NOT_FOUND, "no task '%s' in ledger '%s'",
			      text_string(&shown), ledger->profile->name);
	}
	if (status) {
		result_finish(&row);
		return status;
	}
	*ret_row = row;
	return RECLAIM_OK;
}
