/* How a plan makes its statements. Inside this layer only. */
#ifndef LEDGER_PLAN_MAKE_H
#define LEDGER_PLAN_MAKE_H

#include "pieces.h"

/* What the profile needs of the schema, as found: tables, columns, what is read where, and which rules can be fed. */
enum reclaim_status find_schema(struct db *db, struct plan *plan, struct reclaim_error *error);
/* What is computed, as columns of the table behind its own. */
enum reclaim_status find_computed(struct db *db, struct plan *plan,
				  struct reclaim_error *error);
/* The column that says whether a rule's `where` holds. */
const char *where_name(struct plan *plan, const struct rule *rule);
bool place_columns(struct plan *plan);
void place_worker(struct plan *plan);
void place_order(struct plan *plan);
bool fit_policy(struct plan *plan);
/* Whether the profile says that a column may be absent. */
bool is_optional(const struct profile *profile, const char *column);

/* The table has this column, or is the ledger's, where some may be absent. */
enum reclaim_status need_at(const struct plan *plan, const struct table *table,
			    const char *table_name, const char *column, int line,
			    struct reclaim_error *error);

/* One statement being made; the first failure sticks. */
struct maker {
	struct plan *plan;
	struct reclaim_error *error;
	enum reclaim_status status;
};

void make(struct maker *m, enum sql sql, const struct hole *holes, size_t count,
	  struct planned *ret);

#define MAKE(m, sql, ret, ...)                                                                 \
	make(m, sql, (const struct hole[]){ __VA_ARGS__ },                                     \
	     sizeof((const struct hole[]){ __VA_ARGS__ }) / sizeof(struct hole), ret)

/* The order of a sweep: oldest first, then by key. */
const char *sweep_order(struct plan *plan);

void make_looks(struct maker *m);
void make_changes(struct maker *m, struct db *db);
void make_workers(struct maker *m);

#endif
