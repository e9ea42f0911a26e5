/*
 * The claims of an earlier dry run: a pass may take exactly those that are still the same, judged the same.
 *
 * A claim is the same by its id and its token; where a ledger's token does not tell one claim of an owner from the next
 * (or there is none), by a fingerprint of all that a verdict reads.
 */
#ifndef SWEEP_CHOSEN_H
#define SWEEP_CHOSEN_H

#include "row.h"

#include <stdio.h>

struct choice {
	const char *id, *rule, *token, *fingerprint; /* token and fingerprint may be NULL */
	enum remedy remedy;
	bool met; /* the pass has seen a row of that id */
};

struct chosen {
	struct arena arena;
	struct choice *items; /* sorted by id */
	size_t count;
};

/*
 * Reads what `sweep --dry-run --json` printed for this profile. INVALID names the file, the line or the task, and what
 * is allowed.
 */
enum reclaim_status chosen_read(FILE *file, const char *name, const struct profile *profile,
				struct chosen *ret_chosen, struct reclaim_error *error);
void chosen_finish(struct chosen *chosen);
/* NULL: it is not among them. */
struct choice *chosen_find(const struct chosen *chosen, const char *id);

#endif
