/*
 * A ledger: a connection, a profile, and the plan that joins them. Everything above speaks of tasks, claims and
 * workers; only this layer knows that they are rows. One thread at a time.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "audit.h"
#include "plan.h"
#include "random.h"
#include "row.h"

struct ledger {
	struct db *db;
	struct profile *profile;
	struct plan *plan; /* NULL until ledger_plan */
	struct arena arena;
	struct statement fixed[SQL_COUNT]; /* made when first used */
	struct random random;
	bool has_host_tables; /* seen once: they are never removed */
	bool together; /* several verbs share one transaction: begin and end are somebody else's */
	char actor[256]; /* who acts: user@host:pid, or a worker */
};

struct ledger_options {
	const char *url;
	const char *profile;
	/* Not NULL: the profile itself; `profile` is what messages call it. */
	const char *profile_text;
	struct db_options db;
	environment_fn *environment;
	warn_fn *warn;
	void *warn_context;
};

/* A profile as the engine of that URL reads it. */
enum reclaim_status ledger_profile(const char *name_or_file, const char *url,
				   struct profile **ret_profile, struct reclaim_error *error);
/* Opens the connection and loads the profile; the tables are looked at when they are first needed. */
enum reclaim_status ledger_open(const struct ledger_options *options,
				struct ledger **ret_ledger, struct reclaim_error *error);
void ledger_close(struct ledger *ledger);

/* Looks the schema up and makes the plan, if that has not been done. Every call below needs it. */
enum reclaim_status ledger_plan(struct ledger *ledger, struct reclaim_error *error);
/* Makes or upgrades our own tables, or adds what a host's ledger may lack. `show`: gets the SQL, and nothing runs. */
enum reclaim_status ledger_init(struct ledger *ledger, plan_line_fn *show, void *context,
				struct reclaim_error *error);
/* Makes our own queue where there is none; nothing for a host's ledger. */
enum reclaim_status ledger_make_own_tables(struct ledger *ledger, struct reclaim_error *error);
/* UNSUPPORTED where our own ledger's tables were made by a newer program. */
enum reclaim_status ledger_check_version(struct ledger *ledger, struct reclaim_error *error);
/* Makes the audit and the turn row where they are missing (nothing for a profile whose audit is a log). */
enum reclaim_status ledger_make_host_tables(struct ledger *ledger, struct reclaim_error *error);
/* Whether the audit and the turn row are there. */
enum reclaim_status ledger_has_host_tables(struct ledger *ledger, bool *ret_has,
					   struct reclaim_error *error);

enum reclaim_status ledger_begin(struct ledger *ledger, struct reclaim_error *error);
/* The same for little: it hardly waits for a row that somebody has locked. */
enum reclaim_status ledger_begin_brief(struct ledger *ledger, struct reclaim_error *error);
enum reclaim_status ledger_commit(struct ledger *ledger, struct reclaim_error *error);
void ledger_rollback(struct ledger *ledger);
/* Commits when `status` is OK, else rolls back; gives the status of the whole. */
enum reclaim_status ledger_end(struct ledger *ledger, enum reclaim_status status,
			       struct reclaim_error *error);

/* A text of the contract in this ledger's engine; NULL: the build has none for it. */
const struct sql_text *ledger_sql(const struct ledger *ledger, enum sql sql);
/* Runs a statement of the contract; `params` by its places. `ret_result` may be NULL. */
enum reclaim_status ledger_run(struct ledger *ledger, enum sql sql, const struct value *params,
			       struct result *ret_result, struct reclaim_error *error);
/* The same for many rows of parameters, in the open transaction; as db_run_many. */
enum reclaim_status ledger_run_many(struct ledger *ledger, enum sql sql,
				    const struct value *params, size_t count,
				    int64_t *ret_changed, struct reclaim_error *error);
enum reclaim_status ledger_now(struct ledger *ledger, int64_t *ret_now,
			       struct reclaim_error *error);
uint64_t ledger_random(struct ledger *ledger);

/* A task's row by its id; NOT_FOUND names it. Cells as the plan says. */
enum reclaim_status ledger_read(struct ledger *ledger, const char *id, struct result *ret_row,
				struct reclaim_error *error);

#endif
