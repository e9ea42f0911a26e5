/*
 * The valve: the guard against mass expiry (model: Kubernetes' node lifecycle controller).
 *
 * Of the claims that silence would take and that are younger than twice their threshold, the largest group whose last
 * signals fit one beat waits until twice the threshold, if it has at least `valve_min` members and either is more than
 * `valve_fraction` of the claims in flight or nothing in the ledger has a later signal. It delays, it never refuses,
 * and needs no memory: a backlog that is hours old is no mass event.
 */
#ifndef CORE_VALVE_H
#define CORE_VALVE_H

#include "judge.h"

/* A claim that silence would take. */
struct suspect {
	int64_t last_signal, patience;
};

struct valve {
	bool holding;
	int64_t first, last; /* the group: last signals from first to last */
	int64_t until;       /* when the last of the group is let through */
	int64_t group;       /* its size */
};

/* Sorts `suspects`. `newest` is the newest signal of any claim in flight, NO_TIME if none is known. */
void valve_decide(const struct policy *policy, struct suspect *suspects, size_t count,
		  int64_t in_flight, int64_t newest, int64_t now, struct valve *ret_valve);
/* Whether the valve holds this claim back now. */
bool valve_holds(const struct valve *valve, const struct suspect *suspect, int64_t now);

#endif
