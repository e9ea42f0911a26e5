/* A driver that tells what reaches the engine, a line a step. */
#include "decorator.h"
#include "driver.h"
#include "fault.h"

#include <string.h>

#define PARAM_SHOWN 64

struct traced {
	struct decorator decorator;
	trace_fn *report;
	void *context;
};

/* Runs of white space become one space. */
static void add_sql(struct text *line, const char *sql)
{
	static const char blanks[] = " \t\r\n";
	sql += strspn(sql, blanks);
	while (*sql) {
		size_t word = strcspn(sql, blanks);
		text_add_visible(line, sql, word);
		sql += word;
		sql += strspn(sql, blanks);
		text_add(line, *sql ? " " : "");
	}
}

static void add_cut(struct text *line, const char *data, size_t size)
{
	size_t shown = utf8_cut(data, size, size < PARAM_SHOWN ? size : PARAM_SHOWN);
	text_add_visible(line, data, shown);
	text_add(line, shown < size ? "…" : "");
}

static void add_param(struct text *line, const struct value *value)
{
	TEXT_CLEANUP struct text printed = { 0 };
	switch (value->type) {
	case VALUE_NULL:
		text_add(line, "NULL");
		return;
	case VALUE_TEXT:
		text_add_char(line, '\'');
		add_cut(line, value->data ? value->data : "", value->size);
		text_add_char(line, '\'');
		return;
	case VALUE_INT:
	case VALUE_REAL:
	case VALUE_BLOB:
		value_print(&printed, value);
		add_cut(line, text_string(&printed), printed.size);
		return;
	}
}

/* Ends the line with what came of it, and reports it. */
static void finish_line(struct db *db, struct text *line, int64_t start,
			enum reclaim_status status)
{
	struct traced *traced = (struct traced *)db;
	text_printf(line, " %.3f ms", (double)(monotonic_now() - start) / 1000);
	if (status != RECLAIM_OK) {
		text_printf(line, " failed: %s", reclaim_status_text(status));
	}
	traced->report(traced->context, text_string(line));
}

static enum reclaim_status traced_begin(struct db *db, enum db_mode mode,
					struct reclaim_error *error)
{
	TEXT_CLEANUP struct text line = { 0 };
	int64_t start = monotonic_now();
	enum reclaim_status status = db_begin(decorator_inner(db), mode, error);
	text_add(&line, mode == DB_READ ? "begin: read" : "begin: write");
	finish_line(db, &line, start, status);
	return status;
}

static enum reclaim_status traced_commit(struct db *db, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text line = { 0 };
	int64_t start = monotonic_now();
	enum reclaim_status status = db_commit(decorator_inner(db), error);
	text_add(&line, "commit:");
	finish_line(db, &line, start, status);
	return status;
}

static void traced_rollback(struct db *db)
{
	TEXT_CLEANUP struct text line = { 0 };
	int64_t start = monotonic_now();
	db_rollback(decorator_inner(db));
	text_add(&line, "rollback:");
	finish_line(db, &line, start, RECLAIM_OK);
}

static enum reclaim_status traced_run(struct db *db, const struct statement *statement,
				      const struct value *params, struct result *ret_result,
				      struct reclaim_error *error)
{
	TEXT_CLEANUP struct text line = { 0 };
	RESULT_CLEANUP struct result result = { 0 };
	int64_t start = monotonic_now();
	enum reclaim_status status =
		db_run(decorator_inner(db), statement, params, &result, error);
	text_printf(&line, "%s: ", statement->name);
	add_sql(&line, statement->sql);
	text_add(&line, " (");
	for (int i = 0; i < statement->param_count; i++) {
		text_add(&line, i ? ", " : "");
		add_param(&line, &params[i]);
	}
	text_printf(&line, ") %zu rows, %lld changed,", result.rows, (long long)result.changed);
	finish_line(db, &line, start, status);
	if (status == RECLAIM_OK && ret_result) {
		*ret_result = result;
		memset(&result, 0, sizeof(result));
	}
	return status;
}

static enum reclaim_status traced_run_many(struct db *db, const struct statement *statement,
					   const struct value *params, size_t count,
					   int64_t *ret_changed, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text line = { 0 };
	int64_t start = monotonic_now(), changed = 0;
	enum reclaim_status status =
		db_run_many(decorator_inner(db), statement, params, count, ret_changed, error);
	for (size_t i = 0; status == RECLAIM_OK && i < count; i++) {
		changed += ret_changed[i];
	}
	text_printf(&line, "%s: ", statement->name);
	add_sql(&line, statement->sql);
	text_printf(&line, " %zu times, %lld changed,", count, (long long)changed);
	finish_line(db, &line, start, status);
	return status;
}

static enum reclaim_status traced_script(struct db *db, const char *sql,
					 struct reclaim_error *error)
{
	TEXT_CLEANUP struct text line = { 0 };
	int64_t start = monotonic_now();
	enum reclaim_status status = db_script(decorator_inner(db), sql, error);
	text_add(&line, "script: ");
	add_sql(&line, sql);
	text_add(&line, ",");
	finish_line(db, &line, start, status);
	return status;
}

struct db *trace_wrap(struct db *inner, trace_fn *report, void *context)
{
	struct traced *traced = decorator_create(sizeof(*traced), inner);
	if (!traced) {
		return NULL;
	}
	traced->report = report;
	traced->context = context;
	traced->decorator.driver.begin = traced_begin;
	traced->decorator.driver.commit = traced_commit;
	traced->decorator.driver.rollback = traced_rollback;
	traced->decorator.driver.run = traced_run;
	traced->decorator.driver.run_many = traced_run_many;
	traced->decorator.driver.script = traced_script;
	return &traced->decorator.db;
}
