/* The workers of our own ledger: each registration is one incarnation, and its id never comes back. */
#ifndef LEDGER_WORKERS_H
#define LEDGER_WORKERS_H

#include "ledger.h"

/* The process that registers, as far as others can tell it. Zeroed: unknown. */
struct incarnation {
	char host[65], boot[40];
	int64_t pid, pid_namespace, time_namespace, start_time;
	int64_t slot, lock_inode; /* its byte in the lock file; -1: none */
};

enum reclaim_status worker_register(struct ledger *ledger, const char *name, int64_t lease,
				    const struct incarnation *incarnation,
				    char (*ret_id)[RECLAIM_ID_SIZE],
				    struct reclaim_error *error);

struct held_claim {
	const char *id, *token;
};
struct holding {
	struct arena arena;
	struct held_claim *claims;
	size_t count;
};
void holding_finish(struct holding *holding);

/* Renews the shared lease; answers with what the ledger holds for the worker. LOST: not active any more. */
enum reclaim_status worker_beat(struct ledger *ledger, const char *id, int64_t lease,
				struct holding *ret_holding, struct reclaim_error *error);
/* Signs off. What it still holds is proven abandoned from now on. */
enum reclaim_status worker_stop(struct ledger *ledger, const char *id,
				struct reclaim_error *error);

#endif
