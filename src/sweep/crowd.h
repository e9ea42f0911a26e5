/* The workers as a pass sees them: their rows, who is silent, and what is proven about their processes. */
#ifndef SWEEP_CROWD_H
#define SWEEP_CROWD_H

#include "lockfile.h"
#include "look.h"

/* What a batch has found of a worker's row, which its transaction holds from then on. */
struct held_row {
	unsigned long batch; /* 0: none yet */
	int64_t seen, lease; /* as the verdict read them */
	bool same;
	bool labelled; /* its lease was ended, or its label written */
};

struct member {
	const char *key; /* as text */
	int64_t seen, lease;
	enum presence presence;
	bool ignored;
	enum evidence evidence;
	bool silent; /* by the rule that looks at workers, or its lease is over */
	bool ended;  /* this pass has ended its lease, or given it its label */
	bool spared; /* while it is not ended: valve, grace or cap may hold some of its claims back */
	struct held_row held;
	const struct value *row;
};

struct crowd {
	struct arena arena;
	struct result rows;
	struct member *members; /* sorted by key */
	size_t count;
	struct text dead; /* a JSON array of the keys proven dead: the parameter of `among` */
};

enum reclaim_status crowd_read(struct ledger *ledger, const struct lockfile *lockfile,
			       struct crowd *ret_crowd, struct reclaim_error *error);
void crowd_finish(struct crowd *crowd);
struct member *crowd_find(const struct crowd *crowd, const char *key);
/* Whether a rule calls the worker silent that the grace (NULL: none) does not hold back. */
bool crowd_silent(const struct plan *plan, const struct member *member,
		  const struct grace *grace);
/* What is proven about a worker; UNKNOWN for one that is not there. */
enum evidence crowd_evidence(const struct crowd *crowd, const char *key);

#endif
