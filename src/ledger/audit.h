/* Our audit of a ledger: a row for each recovery, end of a claim, and act of an operator. None where it is a log. */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include "state.h"

struct ledger;

/* One row of the audit. */
struct event {
	const char *task, *act, *rule;
	enum state from, to;
	const char *from_native, *to_native;
	const char *owner, *token, *reason;
	int64_t age;                  /* NO_TIME: none */
	int64_t attempts, recoveries; /* -1: none */
};
/* Whether the audit tells of this act on this claim already; `rule` and `token` may be NULL. */
enum reclaim_status ledger_told(struct ledger *ledger, const char *task, const char *act,
				const char *rule, const char *token, bool *ret_told,
				struct reclaim_error *error);
/*
 * How often the audit tells that each of these tasks was put back into the queue, since an operator's last retry and
 * `within` so long (NO_LIMIT: ever). None where there is no audit.
 */
enum reclaim_status ledger_recoveries(struct ledger *ledger, const char *const *ids,
				      size_t count, int64_t within, int64_t *ret_counts,
				      struct reclaim_error *error);
enum reclaim_status ledger_audit(struct ledger *ledger, const struct event *event,
				 struct reclaim_error *error);
/* Many at once, in the open transaction. */
enum reclaim_status ledger_audit_many(struct ledger *ledger, const struct event *events,
				      size_t count, struct reclaim_error *error);

#endif
