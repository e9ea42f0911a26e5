/*
 * The profile's probe: a command that is asked whether an owner lives. An argv, never a shell; the owner is one argument;
 * once for each owner of a stale claim, side by side, with a timeout. Exit 0: alive; 1: dead; anything else: unknown.
 */
#ifndef SWEEP_PROBE_H
#define SWEEP_PROBE_H

#include "profile.h"

struct probed {
	const char *owner; /* lives in the list's arena */
	enum evidence evidence;
};

/* Sorted once probe_run has run. */
struct probe_list {
	struct arena arena;
	struct probed *items;
	size_t count, room;
	uint64_t *claims; /* fingerprints of those that were seen before the question */
	size_t claim_count, claim_room;
	bool sorted;
};

/* Adds a claim of an owner; false: no memory. The same owner may be added often. */
bool probe_add(struct probe_list *list, const char *owner, uint64_t claim);
enum reclaim_status probe_run(const struct probe *probe, struct probe_list *list,
			      struct reclaim_error *error);
/*
 * UNKNOWN for an owner that was not asked; and death is no proof for a claim that was not there before the question: the
 * name may have come back.
 */
enum evidence probe_answer(const struct probe_list *list, const char *owner, uint64_t claim);
void probe_finish(struct probe_list *list);

#endif
