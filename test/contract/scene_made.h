/* Ledgers of a test's own making: its tables, its profile, and what plan, judge and take make of a row there. */
#ifndef TEST_SCENE_MADE_H
#define TEST_SCENE_MADE_H

#include "scene.h"

int64_t seconds_ago(int64_t seconds);
/* A ledger of our own making; its tables are made first. */
struct ledger *open_unplanned(void **state, const char *tables, const char *profile);
struct ledger *open_made(void **state, const char *tables, const char *profile);
bool is_engine(const struct ledger *ledger, const char *name);
enum outcome judged(struct ledger *ledger, const char *id);
/* Runs a remedy on the row as it was read, and what belongs to it; whether the row was still that. */
bool remedied(struct ledger *ledger, enum remedy remedy, const struct result *row,
	      const char *error_text);
bool take_row(struct ledger *ledger, const char *id, enum remedy remedy,
	      const char *error_text);
/* How many rows the sweep's first page has. */
size_t found(struct ledger *ledger);

/* States by predicate. */
#define RESERVED_TABLES                                                                        \
	"CREATE TABLE jobs (id INTEGER PRIMARY KEY, queue VARCHAR(20) NOT NULL DEFAULT 'q',"   \
	" reserved_at BIGINT, failed_at BIGINT, locked_by VARCHAR(20), attempts INTEGER NOT "  \
	"NULL DEFAULT 0);"
#define RESERVED_PROFILE                                                                       \
	"ledger = \"jobs\"\ntable = \"jobs\"\nkey = { \"id\" }\n"                              \
	"predicates { running = \"reserved_at IS NOT NULL AND failed_at IS NULL\" ready = "    \
	"\"reserved_at IS NULL\" failed = \"failed_at IS NOT NULL\" }\n"                       \
	"columns { time = \"epoch\" claimed_at = \"reserved_at\" queue = \"queue\" attempts "  \
	"= \"attempts\" }\n"                                                                   \
	"budget { attempts = 3 last_resort = \"fail\" }\n"                                     \
	"rule old { when = \"age\" of = { \"claimed_at\" } after = \"90s\" then = "            \
	"\"requeue\" }\n"                                                                      \
	"requeue { set = { \"reserved_at = NULL\" } }\n"                                       \
	"fail { set = { \"failed_at = {now}\" } }\n"

#endif
