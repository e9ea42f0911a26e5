/* What a pass found and did; counts are taken after the commit (I10). */
#ifndef SWEEP_RESULT_H
#define SWEEP_RESULT_H

#include "json.h"
#include "turn.h"
#include "valve.h"

/* One task that was put right, or (dry run) would be attempted. Strings live in the result. */
struct swept_task {
	const char *id, *rule, *kind;
	enum remedy remedy;
	enum state from, to;
	const char *from_native, *to_native, *owner, *token, *reason;
	int64_t age; /* NO_TIME: unknown */
	int64_t last_seen;
	int64_t attempts, recoveries; /* -1: the ledger does not keep it */
	/* Where the token does not tell one claim from the next; else NULL. */
	const char *fingerprint;
	bool by_worker; /* the rule looked at the worker's row */
};

/* What is told of a row that did not change where nobody is found to hold it. */
#define HOLDER_UNKNOWN                                                                         \
	"somebody's transaction, or a trigger, a rule or a policy of the table keeps it as "   \
	"it is"

/* A row that could not be put right, and why. */
struct swept_problem {
	const char *id, *message;
};

struct swept_worker {
	const char *id;
	int64_t last_seen;
	bool labelled; /* this pass gave it its label */
};

struct sweep_result {
	struct arena arena;
	bool dry_run, my_turn,
		moved_on; /* moved_on: another sweeper took the turn, the pass ended there */
	int64_t turn;
	int64_t at, duration; /* engine's now; microseconds */
	int64_t in_flight, stale, requeued, failed, stuck, cancelled, reported, held_back,
		lost_races, errors, locked, blind, vetoed, future;
	bool chosen; /* only the claims of an earlier dry run were to be taken: */
	int64_t changed,
		unplanned; /* … of these, no longer the same; stale, and not among them */
	bool grace;        /* a grace holds something back */
	/* Not OK: the database failed in the middle; what is counted was committed before. */
	struct reclaim_error cut_short;
	struct valve valve;
	struct swept_task *tasks;
	size_t task_count, task_room;
	struct swept_problem *problems;
	size_t problem_count, problem_room;
	struct swept_problem *blind_rows; /* the first few, for people */
	size_t blind_count, blind_room;
	struct swept_problem *locked_rows; /* the first few, and who holds them, or "" */
	size_t locked_count, locked_room;
	struct swept_problem *changed_rows; /* the first few, and how they differ */
	size_t changed_count, changed_room;
	struct swept_worker *workers; /* silent now */
	size_t worker_count, worker_room;
};

void sweep_result_finish(struct sweep_result *result);
/* Adds one element to a list of the result; NULL: no memory. */
struct swept_task *result_add_task(struct sweep_result *result);
bool result_add_problem(struct sweep_result *result, const char *id, const char *message);
/* `holder`: "" where nobody can tell. */
bool result_add_locked(struct sweep_result *result, const char *id, const char *holder);
bool result_add_changed(struct sweep_result *result, const char *id, const char *how);
bool result_add_blind(struct sweep_result *result, const char *id, const char *message);
/* The count of what that remedy did. */
int64_t *result_count(struct sweep_result *result, enum remedy remedy);
struct swept_worker *result_add_worker(struct sweep_result *result);

/* The value of one of the host's own result words. */
int64_t result_word_value(const struct sweep_result *result, const struct result_word *word);
/* The one object that `sweep --json` prints; without the tasks it is the last result that the turn row keeps. */
void sweep_result_json(struct text *out, const struct profile *profile,
		       const struct sweep_result *result, bool with_tasks);
void swept_task_json(struct json *json, const struct swept_task *task);
/* The same without the braces around them. */
void swept_task_members(struct json *json, const struct swept_task *task);

#endif
