/*
 * A profile says how a ledger maps to our words: tables, keys, columns, states, time formats, its rules, remedies,
 * limits and, where we may write them, its verbs. A file of data; the mechanism never asks for a profile's name.
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include "judge.h"
#include "message.h"
#include "random.h"

/* The columns of the task table that are not signals. */
enum role {
	ROLE_STATE,
	ROLE_OWNER,
	ROLE_ATTEMPTS,
	ROLE_MAX_ATTEMPTS,
	ROLE_RECOVERIES,
	ROLE_KIND,
	ROLE_QUEUE,
	ROLE_PAYLOAD,
	ROLE_RESULT,
	ROLE_ERROR,
	ROLE_PRIORITY,
	ROLE_ALIVE, /* whether the owner is proven to live (1) or to be dead (0); NULL: no evidence */
	ROLE_TRIES, /* what the remedies' backoff goes by, if not attempts */
	ROLE_COUNT,
};

struct mapped {
	const char *column;      /* NULL: not mapped */
	enum time_format format; /* signals only */
};

struct names {
	const char **items;
	size_t count;
};
bool names_have(const struct names *names, const char *name);

/* `column = expression`; the expression is SQL with the holes {now}, {owner}, … (see `change`). */
struct assignment {
	const char *column, *expression;
	int line;
};

/* An INSERT into another table in the same transaction. */
struct insertion {
	const char *table;
	struct assignment *
		assignments; /* of an optional one, what the table has no column for is left out */
	size_t count;
	/* SQL without a FROM: the row is only added if it holds; NULL: always. */
	const char *where;
	bool optional; /* nothing happens where the table does not exist */
};

/*
 * A column of the task table that is none: an SQL expression over its row, with {row} as the row's name. It may be named
 * for reading, never assigned. Predicates of states and rules may name {row}, too.
 */
struct computed {
	const char *name, *expression;
	int line;
};

/*
 * One way to change a row: a remedy or a verb. The state column is set to the first native state of `to` (or `native`),
 * an `updated_at` column to now, both by themselves.
 *
 * Holes in expressions, each bound or rendered by the plan, never pasted: {now} in the shape of the assigned column,
 * {now+lease} {now+retry} {now+span} that much later, {owner} {reason} {error} {result} {progress} {status} {id}
 * {attempts} {recoveries}; in `also` and `audit` also {old:COLUMN}, a column of the row as it was read, and {uuid}.
 * `call` and `run` may name what `also` may. A hole never stands inside quotes, and a brace is always a hole. `where` may
 * name {owner} and {now} only.
 */
struct change {
	bool present;
	unsigned from;      /* STATE_BITs */
	enum state to;      /* STATE_NONE: the state stays */
	const char *native; /* another native state than the first of `to`; NULL: the first */
	struct assignment *set;
	size_t set_count;
	struct insertion *also;
	size_t also_count;
	/* Further statements, for each row that changed; holes as in `also`. */
	struct names run;
	bool remove; /* the row is deleted instead */
	/* Instead of the change: SQL of a call, run while the row is locked and still the same. */
	const char *call;
	/* SQL predicate; claim: which rows are free; reschedule: which have attempts left. NULL: none. */
	const char *where;
	const char *order; /* claim: ORDER BY */
	const char *due;   /* claim: a column that must be NULL or past */
	int line;
};

enum verb {
	VERB_CLAIM,
	VERB_RENEW,
	VERB_COMPLETE,
	VERB_FAIL,       /* for good */
	VERB_RESCHEDULE, /* a fail with attempts left: due again later */
	VERB_RELEASE,
	VERB_RETRY,
	VERB_CANCEL,
	VERB_COUNT,
};

struct workers {
	const char *table; /* NULL: the ledger has none */
	const char *key;
	struct mapped seen, lease;
	const char *state;
	struct names active, stalled, stopped, lost; /* native labels */
	struct names ignore; /* labels that the worker rule leaves alone */
	bool terminal; /* a worker that is lost or stopped never comes back under its id (our own ledger) */
	bool evidence; /* its rows carry the process that registered */
};

/* An environment variable that sets something. */
enum setting_kind { SETTING_SECONDS, SETTING_COUNT };
struct setting {
	const char *variable;
	/* One of "rule.NAME.after", "interval", "lease", "per_sweep", "budget.attempts", "budget.recoveries". */
	const char *target;
	enum setting_kind kind;
	int line;
};

/* A result word of the host's own: which rule's rows with which remedy it counts. */
struct result_word {
	const char *word;
	const char *rule; /* NULL: any */
	/* One of "taken", "requeued", "failed", "stuck", "cancelled", "lost_races", "errors", "workers_stalled", "at", "problem". */
	const char *counts;
};

/* When a log line is written. */
enum occasion {
	OCCASION_STARTED, /* the daemon: {interval_s} {threshold} {threshold_s} {grace_s} */
	OCCASION_STOPPED,
	OCCASION_GRACE,    /* a pass under the start-up grace */
	OCCASION_NOTHING,  /* a pass that found nothing stale */
	OCCASION_FOUND,    /* {count} stale claims */
	OCCASION_WORKER,   /* a silent worker got its label */
	OCCASION_RELEASED, /* a silent worker's claims were given back: {count} {owner} */
	OCCASION_TASK,     /* one task was put right */
	OCCASION_FAILED,   /* one could not be: {error} */
	OCCASION_DONE, /* a pass that changed something: {count} {deadline_failures}… see results */
	OCCASION_COUNT,
};
struct message_line {
	const char *text; /* NULL: ours */
	/* Only for rows of this rule, or (done) a pass that took some by it; NULL: any. */
	const char *rule;
	bool debug;
};

/* Startup recovery: what earlier incarnations of an owner left running. */
struct recovery {
	bool present;
	unsigned of;   /* newest of these signals */
	int64_t after; /* older than this, or NULL */
	const char *error;
	const char *reason;
};

/* The emergency: by the age of one column alone. */
struct cleanup {
	bool present;
	enum signal by;
	int64_t after;        /* default of --stale-minutes */
	int64_t max_attempts; /* default of --max-attempts */
	const char *error, *spent_error, *reason, *spent_reason;
};

/*
 * Asks whether an owner lives: an argv, never a shell, with {owner} as (part of) one argument. Exit 0 is alive, 1 dead,
 * anything else, and no answer in time, unknown.
 */
struct probe {
	struct names command; /* empty: none */
	int64_t timeout;
};

/* How an error is put into the host's error column. */
enum error_mode {
	ERROR_REPLACE,
	ERROR_APPEND, /* text behind text */
	ERROR_PUSH,   /* an element more in an array: of JSON (jsonb[], …), or a JSON array */
};

/* A member of the JSON object that an error is told as; its value is a message (message.h), or one number of it. */
struct error_member {
	const char *name, *text;
};

/* Columns, indexes and functions that `init` adds where they are missing. */
struct migration_step {
	/* ALTER TABLE … ADD COLUMN; the type in PostgreSQL's words: text, integer, timestamptz, … */
	const char *column, *type;
	const char *index, *index_on, *index_where;
	const char *script; /* name of an engine's .sql file */
	int line;
};

/* Where a name or text of the profile stands in its file. */
struct text_line {
	const char *text;
	int line;
	const struct text_line *next;
};

struct profile {
	struct arena arena;
	const struct text_line *lines;
	const char *file; /* for messages: path, or "built-in NAME" */
	const char *name; /* of the ledger: its row in the turn table, its name in the audit */
	const char *table;
	struct names key;
	struct mapped signals[SIGNAL_COUNT];
	enum time_format time; /* of every other column that an expression sets to {now} */
	const char *roles[ROLE_COUNT];
	struct names token; /* what a claim changes and a renewal doesn't */
	/* Columns that may be absent; a rule or assignment that needs one is dropped then. */
	struct names optional;
	struct names show; /* columns for people */
	/* Native states by word; the first is the one written. */
	struct names states[STATE_COUNT];
	/*
	 * Words by SQL predicates over the row instead: the first that holds, in the order of the words with running first.
	 * Then roles[ROLE_STATE] is STATE_BY_PREDICATE, which is no column, and states hold the words themselves.
	 */
	const char *predicates[STATE_COUNT];
	struct computed *computed;
	size_t computed_count;
	/* SQL that gives the version of the host's schema, for `detect`; NULL: none. */
	const char *version_query;
	/* SQL predicate: which rows of a rule's states are claims; NULL: all. */
	const char *claims;
	struct workers workers;
	struct policy policy;
	int64_t interval, lease, keep, start_grace, per_sweep; /* per_sweep NO_LIMIT: no cap */
	int64_t result_bytes; /* a result is cut to whole characters within them; NO_LIMIT: never */
	struct probe probe;
	struct change remedies[REMEDY_COUNT];
	struct change verbs[VERB_COUNT];
	enum error_mode error_mode;
	struct error_member
		*error_entry; /* the error is a JSON object; none: the text itself */
	size_t error_entry_count;
	struct backoff backoff; /* {now+retry} of a remedy */
	/* Instead of one that would break a unique index; REPORT: the row is left, and named. */
	enum remedy conflict;
	/* SQL, once in each transaction that requeued: tells the host's workers. NULL: nothing. */
	const char *wake;
	/* Recoveries are counted by our own audit: the host has no column for them. */
	bool counts_recoveries;
	int64_t counts_within; /* only those within so long; NO_LIMIT: all that the audit keeps */
	struct insertion *audit; /* the host's own audit: one INSERT for each task put right */
	size_t audit_count;
	bool audit_is_log; /* no table of ours in this database */
	struct setting *settings;
	size_t setting_count;
	struct result_word *results;
	size_t result_count;
	struct message_line messages[OCCASION_COUNT][4];
	struct recovery recover;
	struct cleanup cleanup;
	struct migration_step *migration;
	size_t migration_count;
	/* Not NULL: `beat`, and a renewal, upserts a row of `workers` with these. */
	struct change *worker_beat;
	bool native; /* our own ledger: its verbs are statements of their own */
	bool health; /* status names native labels of workers */
};

#define STATE_BY_PREDICATE "reclaim_state"
#define COMPUTED_NAME_MAX 63

/* How many columns these may have: a ledger's places are counted. */
#define KEY_COLUMNS_MAX 8
#define TOKEN_COLUMNS_MAX 8
#define SHOW_COLUMNS_MAX 16

/* A built-in profile's text; NULL when there is none. `i` counts from 0 for a list. */
const char *profile_builtin(const char *name);
const char *profile_builtin_at(size_t i, const char **ret_name);

/* The SQL a profile is read for: `on NAME { … }` stands there only for the engine of that name. */
struct engines {
	const char *name;       /* NULL: none */
	const char *const *all; /* whose names may stand there, NULL at the end; NULL: any */
};

/*
 * A built-in name or a file (anything with a '/' or ending in ".conf"). INVALID names file, line, and what is allowed.
 * A world- or group-writable file is refused: a profile is code. Without engines it is read for none, and any name may
 * stand there.
 */
enum reclaim_status profile_load(const char *name_or_file, const struct engines *engines,
				 struct profile **ret_profile, struct reclaim_error *error);
enum reclaim_status profile_parse(const char *text, size_t size, const char *file,
				  const struct engines *engines, struct profile **ret_profile,
				  struct reclaim_error *error);
void profile_destroy(struct profile *profile);

/*
 * Applies the environment. A wrong value never stops a program: the default stays, and `warn` gets one line that names
 * the variable and the value.
 */
typedef const char *environment_fn(const char *name);
typedef void warn_fn(void *context, const char *line);
void profile_environment(struct profile *profile, environment_fn *get, warn_fn *warn,
			 void *context);

const char *role_name(enum role role);
const char *verb_name(enum verb verb);
const char *occasion_name(enum occasion occasion);
/* NULL: `column` is one of the table. */
const struct computed *profile_computed(const struct profile *profile, const char *column);
/* The word that stands for a native state; STATE_NONE: none. */
enum state profile_state(const struct profile *profile, const char *native, size_t size);
const struct rule *profile_rule(const struct profile *profile, const char *name);
/* The line of `text`, which is one that the profile holds, not a copy: the same column may be named in several places. */
int profile_line_of(const struct profile *profile, const char *text);

/*
 * The JSON object of `error_entry`. `facts.error` is the error's text; a value that is one hole of a number is a JSON
 * number, or null where the ledger does not keep it.
 */
void profile_error_entry(struct text *out, const struct profile *profile,
			 const struct message_facts *facts);

#endif
