/* How a ledger stands: what `status` shows, and what a page or a probe may ask for. */
#ifndef APP_CONDITION_H
#define APP_CONDITION_H

#include "rows.h"
#include "turn.h"

#define BLIND_NAMED 5

struct condition {
	int64_t now;
	struct counts counts;
	int64_t workers[WORKER_STOPPED + 1]; /* by enum presence */
	int64_t stale, blind, vetoed;        /* as the judge finds them now */
	struct text blind_rows;              /* the first few, a line each: the id, and why */
	int64_t overdue; /* for how long the oldest of the stale has been so; 0: none */
	int64_t oldest;  /* age of the oldest claim in flight; NO_TIME: none */
	bool grace;      /* a grace holds something back */
	bool valve_holding;
	int64_t valve_until;
	struct turn turn; /* the last sweep */
};

/* Never writes; works where our tables are missing. */
enum reclaim_status condition_look(struct ledger *ledger, struct condition *ret_condition,
				   struct reclaim_error *error);
void condition_finish(struct condition *condition);

/* What needs a person, a line for each finding; the number of them. */
int condition_problems(struct text *out, const struct ledger *ledger,
		       const struct condition *condition);
void condition_json(struct text *out, const struct ledger *ledger,
		    const struct condition *condition);
void condition_print(struct text *out, const struct ledger *ledger,
		     const struct condition *condition, const struct screen *screen);

#endif
