/* A look, many times a second, at whether this host's registered workers still live. */
#ifndef APP_EVIDENCE_H
#define APP_EVIDENCE_H

#include "app.h"
#include "lockfile.h"

struct watched {
	const char *key;
	int64_t slot, inode;
	bool told; /* its death has led to a pass already */
};

struct watch {
	struct lockfile lockfile;
	struct arena arena;
	struct watched *workers; /* sorted by key */
	size_t count;
};

void watch_init(struct watch *watch);
void watch_finish(struct watch *watch);
/* Reads the list of active workers anew. */
enum reclaim_status watch_refresh(struct watch *watch, struct ledger *ledger,
				  struct reclaim_error *error);
/* Whether one of them has died since the last look. */
bool watch_saw_death(struct watch *watch);

#endif
