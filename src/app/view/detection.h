/* What lives in a database: ledgers that a built-in profile knows, and tables that might be of tasks. It only looks. */
#ifndef APP_DETECTION_H
#define APP_DETECTION_H

#include "app.h"
#include "profile.h"

/* A built-in profile that fits the tables that are there. */
struct found {
	const char *profile, *table;
	struct text version;
	int64_t in_flight, stale, blind, oldest;
};

/* A table that has a known name, and why it is not that ledger's. */
struct near {
	const char *table;
	struct text line;
};

struct detection {
	const struct app *app;
	struct arena arena;
	struct ledger *ledger; /* for looking around; its profile plays no part */
	struct result tables;
	struct found *items;
	size_t count, room;
	struct near *near;
	size_t near_count, near_room;
	struct names unknown; /* could be of tasks, and of no ledger that is known */
};

/* With `app` set and all else zeroed; to be finished in any case. */
enum reclaim_status detection_look(struct detection *d, struct reclaim_error *error);
/* Ours, or of a ledger that was found: its profile names it, or it is in the schema that is the ledger's own. */
bool detection_knows(const struct detection *d, const char *table);
void detection_finish(struct detection *d);

#endif
