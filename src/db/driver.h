/* What drivers share: URLs, the clock, patience. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "clock.h"
#include "db.h"

/* The engines; db_drivers lists those of this build. */
extern const struct db_driver sqlite_driver, postgres_driver, mariadb_driver;

#define BUSY_DEFAULT (10 * USEC_PER_SEC)
#define BUSY_MAX (INT64_C(366) * 86400 * USEC_PER_SEC)
/* A statement may take this many times as long as it may wait for a lock, and at least so long. */
#define STATEMENT_TIMES 6
#define STATEMENT_MIN (60 * USEC_PER_SEC)
/* … and no longer in what is brief. */
#define STATEMENT_BRIEF (10 * USEC_PER_SEC)

/* Takes a URL apart; its strings live in the arena. A text without a scheme has scheme "". False: no memory. */
bool url_parse(struct arena *arena, const char *text, struct url *ret_url);
/* NULL: no memory. Drivers keep a copy, the caller's URL ends with db_open. */
const struct url *url_copy(struct arena *arena, const struct url *url);
/* Decodes %XX. NULL: a broken sequence, a NUL byte, or no memory. */
char *percent_decode(struct arena *arena, const char *text, size_t size);

/* db_clock's, or else the machine's. */
int64_t wall_now(void);

/* How long to wait for a lock: 0 is the default, less than 0 not at all. */
int64_t options_patience(const struct db_options *options);
/* How long a statement may take. */
int64_t options_statement(const struct db_options *options);

/* Marks the failure as one of a unique index, if that is what its phrase says; gives `status` back. */
enum reclaim_status db_note_unique(struct reclaim_error *error, const char *phrase,
				   enum reclaim_status status);

/* run_many for engines that have nothing better: one call after the other. */
enum reclaim_status run_one_by_one(struct db *db, const struct statement *statement,
				   const struct value *params, size_t count,
				   int64_t *ret_changed, struct reclaim_error *error);

#endif
