/*
 * The seam to an engine: one small vtable, every slot mandatory. What is the same on every engine is written once,
 * above it. A connection belongs to one thread.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "timefmt.h"
#include "value.h"

/* A database URL, taken apart. */
struct url {
	const char *text;   /* as given */
	const char *shown;  /* without the password: the only form that is ever printed */
	const char *scheme; /* "sqlite", … */
	const char *rest;   /* behind the scheme's ':' */
};

/* SQL in the engine's own marker style. `slots[i]` is the parameter that marker i takes. */
struct statement {
	const char *name;
	const char *sql;
	const int *slots;
	int slot_count;
	int param_count;
	bool writes;
	bool many; /* it changes one row at most */
	/* Does it for many rows of parameters, as the contract of the SQL says; NULL: the engine has none of this. */
	const struct statement *at_once;
};

/* What of a column's type the statements about it depend on. */
enum column_kind {
	COLUMN_PLAIN,
	COLUMN_BYTES,
	COLUMN_TEXT,    /* takes text without NUL characters only */
	COLUMN_NUMBER,  /* takes whole numbers only */
	COLUMN_UUID,    /* takes UUIDs only */
	COLUMN_INSTANT, /* the engine's own instants, without a zone: they are in UTC */
	COLUMN_ZONED,   /* … and with one */
	COLUMN_SPAN,    /* the engine's own durations */
	COLUMN_JSON,    /* the engine's own type for JSON, */
	COLUMN_JSONB,   /* … its binary form, */
	COLUMN_JSON_LIST,
	COLUMN_JSONB_LIST, /* … and arrays of either */
	COLUMN_OPAQUE,     /* to be read as text only */
};

/* All rows at once. Cells belong to the result. */
struct result {
	struct arena arena;
	struct value *cells; /* row by row */
	size_t rows, columns;
	enum column_kind *kinds; /* of its columns; NULL: the engine does not tell */
	int64_t changed;         /* rows that an INSERT, UPDATE or DELETE matched */
};

#define RESULT_CLEANUP __attribute__((cleanup(result_finish)))
void result_finish(struct result *result);
const struct value *result_cell(const struct result *result, size_t row, size_t column);

/* A table as found. */
struct column {
	const char *name, *type; /* the declared type, lower case */
	enum column_kind kind;
	bool nullable;
	int key; /* place in the primary key from 1; 0: none */
	bool has_default;
	/* Text that `=` does not compare byte for byte: by what it does. NULL: byte for byte, or no text. */
	const char *collation;
	/* SQL that computes it from a row; NULL: the table has it. Only a plan has such columns. */
	const char *expression;
};
struct table_index {
	const char *name;
	const char *definition; /* "" where the engine makes it itself */
	const char *first;      /* its first column, or "" for an expression */
	bool unique, partial, valid;
};
struct table {
	struct arena arena;
	const char *name; /* as it is found again, whatever the connection's settings */
	struct column *columns;
	size_t column_count;
	struct table_index *indexes;
	size_t index_count;
	bool is_view;
	bool exists;
	const char *denied; /* where it is not seen for want of a right: the failure's words */
	bool any_case;      /* the engine does not tell column names apart by case */
};
void table_destroy(struct table *table);
const struct column *table_column(const struct table *table, const char *name);
/* A table's name without its schema. */
const char *table_bare_name(const char *name);

/* In the messages of failures with `unique`; behind it and ": " the engine's own words. */
#define DB_UNIQUE "a unique index refuses it"

struct db;

enum db_mode {
	DB_READ,
	DB_WRITE,
	/* A write of something small. Where others lock rows, it hardly waits for them, and no statement may take long. */
	DB_WRITE_BRIEF,
	DB_MODES
};

struct db_options {
	bool create; /* make a missing database */
	bool read_only;
	bool ours; /* the database is our own ledger's: with `create` its settings may be set */
	int64_t busy; /* how long to wait for a lock, microseconds; 0: 10 s; less: not at all */
	int64_t statement; /* how long a server may take for a statement; 0: a minute, or six times `busy` */
	volatile int *cancel; /* not NULL: a call ends with BUSY soon after this is set */
};

struct db_driver {
	const char *name;
	const char *const *schemes;   /* URL schemes, NULL at the end */
	char quote;                   /* around identifiers */
	enum time_format native_time; /* how our own tables keep instants there */
	const char *own_prefix;       /* of our own tables there: "reclaim_" or "reclaim." */
	const char *const
		*system_schemas; /* what everybody may look at, NULL at the end; or NULL */
	const char *explain;     /* put before a statement, gives the engine's plan for it */
	bool whole_indexes; /* there are no partial ones: an index on some states begins with the state */
	bool flat_names;  /* tables have no schemas: a dot is a part of the name */
	bool loose_types; /* a column may hold values of other types than its own */
	bool marks_by_place; /* a parameter that stands twice has one marker; else each occurrence has its own */
	/* Whether that plan reads all rows of the table; `name`: its name or alias in the statement. */
	bool (*plan_scans)(const struct result *plan, const struct table *table,
			   const char *name);
	/* Writes the marker of the n-th parameter (from 1): ?, ?1 or $1. */
	void (*marker)(struct text *sql, int n);

	enum reclaim_status (*open)(const struct url *url, const struct db_options *options,
				    struct db **ret_db, struct reclaim_error *error);
	void (*close)(struct db *db);
	/* A write transaction holds what it needs to write from here on; the clock of its statements is read after that. */
	enum reclaim_status (*begin)(struct db *db, enum db_mode mode,
				     struct reclaim_error *error);
	/* UNKNOWN: it may have happened. Any other failure: it has not, and the transaction is over. */
	enum reclaim_status (*commit)(struct db *db, struct reclaim_error *error);
	void (*rollback)(struct db *db);
	/*
	 * Runs one statement, in the open transaction or in one of its own. A failure leaves an open transaction to be
	 * rolled back by the caller, unless it was inside `savepoint`.
	 */
	enum reclaim_status (*run)(struct db *db, const struct statement *statement,
				   const struct value *params, struct result *ret_result,
				   struct reclaim_error *error);
	/*
	 * Runs one statement for each of `count` rows of parameters, one after the other, in the open transaction; it fails
	 * as a whole. `ret_changed[i]`: how many rows the i-th has changed, or, if the statement only reads, found.
	 */
	enum reclaim_status (*run_many)(struct db *db, const struct statement *statement,
					const struct value *params, size_t count,
					int64_t *ret_changed, struct reclaim_error *error);
	/* Runs a script of several statements without parameters. */
	enum reclaim_status (*script)(struct db *db, const char *sql,
				      struct reclaim_error *error);
	/* Waits until somebody may have changed the database, `timeout` is over or `wake` is readable. A hint, never the truth. */
	enum reclaim_status (*wait)(struct db *db, int64_t timeout, int wake,
				    struct reclaim_error *error);
	/* The table or view of that name; exists = false when there is none. */
	enum reclaim_status (*look_up)(struct db *db, const char *name,
				       struct table **ret_table, struct reclaim_error *error);
	/* The path of the file beside which locks of processes on this database can be kept; NULL: there is none. */
	const char *(*lock_path)(struct db *db);
};

/* Drivers embed it first. */
struct db {
	const struct db_driver *driver;
	struct arena arena;
	const struct url *url;
	volatile int *cancel; /* as the options said */
	int64_t patience;     /* how long a call waits for a lock */
	bool in_transaction;
};

/* Called on every connection right after it was opened; tests put their decorators around it here. */
extern struct db *(*db_opened)(struct db *db);

/*
 * The clock of engines that have none of their own (I13), microseconds since 1970 in UTC. NULL, as ever but in tests: the
 * machine's. A driver samples it once a statement, and once a write transaction, when the lock is held.
 * While it is set, an engine whose clock can be set for a connection is given its time.
 */
extern int64_t (*db_clock)(void);

/* The drivers of this build, NULL at the end. */
extern const struct db_driver *const db_drivers[];
/* The one that a URL is for; NULL: none of this build. */
const struct db_driver *db_driver_of(const char *url);

enum reclaim_status db_open(const char *url, const struct db_options *options,
			    struct db **ret_db, struct reclaim_error *error);
void db_close(struct db *db);
/* Whether a call that was BUSY may have been so for its cancel alone. */
bool db_cancelled(const struct db *db);
enum reclaim_status db_begin(struct db *db, enum db_mode mode, struct reclaim_error *error);
enum reclaim_status db_commit(struct db *db, struct reclaim_error *error);
void db_rollback(struct db *db); /* does nothing outside a transaction */
enum reclaim_status db_run(struct db *db, const struct statement *statement,
			   const struct value *params, struct result *ret_result,
			   struct reclaim_error *error);
enum reclaim_status db_run_many(struct db *db, const struct statement *statement,
				const struct value *params, size_t count, int64_t *ret_changed,
				struct reclaim_error *error);
enum reclaim_status db_script(struct db *db, const char *sql, struct reclaim_error *error);
enum reclaim_status db_wait(struct db *db, int64_t timeout, int wake,
			    struct reclaim_error *error);
enum reclaim_status db_look_up(struct db *db, const char *name, struct table **ret_table,
			       struct reclaim_error *error);
const char *db_lock_path(struct db *db);

#endif
