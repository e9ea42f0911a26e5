/* The two looks of a pass, and what it knows before the first. Inside this layer only. */
#ifndef SWEEP_LOOKS_H
#define SWEEP_LOOKS_H

#include "scan.h"

/* The graces that hold back silence now: an outage, the server's own start (I15). */
enum reclaim_status read_grace(struct pass *pass);
/* Asks the profile's probe about the owners of stale claims. */
enum reclaim_status ask_owners(struct pass *pass);

/* Whether a pass may take this claim: one that an earlier dry run named, if it was told to take those alone. */
enum reclaim_status choose(struct pass *pass, const struct judged *judged, bool *ret_chosen);
/* Names those of the dry run that the pass has not met. */
enum reclaim_status choose_rest(struct pass *pass);

enum reclaim_status first_look(struct pass *pass);
enum reclaim_status second_look(struct pass *pass);

bool by_silence(const struct verdict *verdict);
/* Some of its owner's claims are held back: its lease is not ended. */
void spare_owner(struct pass *pass, const struct judged *judged);

/* A pass that is set up but for what `pass` says already: ledger, options, error, and, for another rule, its policy. */
enum reclaim_status pass_make(struct pass *pass, struct sweep_result *ret_result);

#endif
