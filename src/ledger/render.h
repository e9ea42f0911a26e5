/*
 * SQL templates -> statements. `{hole}` is filled with SQL that the plan has made; `:name` becomes the engine's marker
 * and is bound when the statement runs. Nothing from a row or an option is ever pasted into SQL.
 */
#ifndef LEDGER_RENDER_H
#define LEDGER_RENDER_H

#include "db.h"
#include "sql.h"

struct hole {
	const char *name, *text;
};

/* What a parameter of a planned statement takes its value from. */
enum input {
	INPUT_ROW, /* a cell of the row as it was read: `:row3` */
	INPUT_KEY, /* a part of a key: `:key0` */
	INPUT_LIMIT,
	INPUT_OWNER,
	INPUT_REASON,
	INPUT_ERROR,
	INPUT_RESULT,
	INPUT_PROGRESS,
	INPUT_STATUS,
	INPUT_ID,
	INPUT_ATTEMPTS,
	INPUT_RECOVERIES,
	INPUT_LEASE,
	INPUT_RETRY,
	INPUT_SPAN,
	INPUT_DEAD,
	INPUT_QUEUE,
	INPUT_COUNT,
};
struct param {
	enum input input;
	int index; /* row, key */
};

/* A statement and where its parameters come from. */
struct planned {
	struct statement statement;
	const struct param *params; /* statement.param_count */
};

struct inputs {
	const struct value *row, *key;
	struct value named[INPUT_COUNT];
};

/* A template with its holes filled, as text. NULL: no memory. Every hole of the template must be given. */
char *fill(struct arena *arena, const char *template, const struct hole *holes, size_t count);

/* The texts of the contract for that engine; NULL: this build has none. */
const struct sql_engine *sql_of(const struct db_driver *driver);

/* Filled text -> a statement whose parameters are inputs by name. INTERNAL names an unknown one. */
enum reclaim_status render_planned(struct arena *arena, const struct db_driver *driver,
				   const char *name, const char *filled, bool writes,
				   struct planned *ret_planned, struct reclaim_error *error);
/* The same, with a text that does it for many rows of parameters at once; NULL: there is none. */
enum reclaim_status render_for_many(struct arena *arena, const struct db_driver *driver,
				    const char *name, const char *filled, const char *at_once,
				    bool writes, struct planned *ret_planned,
				    struct reclaim_error *error);
/* A statement without holes, and what does it for many rows at once: its parameters are places in the contract's list. */
enum reclaim_status render_fixed(struct arena *arena, const struct db_driver *driver,
				 const struct sql_text *text, struct statement *ret_statement,
				 struct reclaim_error *error);

enum reclaim_status planned_run(struct db *db, const struct planned *planned,
				const struct inputs *inputs, struct result *ret_result,
				struct reclaim_error *error);

/* The same statement for many inputs, in the open transaction; as db_run_many. */
enum reclaim_status planned_run_many(struct db *db, const struct planned *planned,
				     const struct inputs *const *inputs, size_t count,
				     int64_t *ret_changed, struct reclaim_error *error);

/* "a.b" for a.b: a column, an index. In an arena. */
const char *quote_name_part(struct arena *arena, const struct db_driver *driver,
			    const char *name);
/* "a"."b" for a.b, where tables have schemas; in an arena. */
const char *quote_name(struct arena *arena, const struct db_driver *driver, const char *name);
/* 'text', each ' doubled. */
const char *quote_literal(struct arena *arena, const char *string);

#endif
