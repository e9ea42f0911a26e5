/*
 * One pass: take the turn, look without locks, judge, hold back what the valve says, and compare-and-set the rest.
 *
 * - I8 the cap holds for every pass; oldest first; a row that can't be taken uses no cap and starves nobody.
 * - I9 a dry run is the same look and the same judge without the take.
 * - I12 killed anywhere, each task is changed whole, with its audit, or not at all.
 */
#ifndef SWEEP_PASS_H
#define SWEEP_PASS_H

#include "chosen.h"
#include "crowd.h"
#include "result.h"

struct pass_options {
	bool dry_run, force;
	bool wait_turn; /* only when nobody has swept within the interval; else the turn is taken whatever it says */
	bool without_turn; /* a death was seen: at once, with the cap, and the turn stays as it is */
	bool startup_grace;
	int64_t limit; /* lowers the cap; -1: as the profile says */
	/* Takes none but these, and only while they are the same; NULL: all. */
	struct chosen *only;
	int64_t interval; /* how long the turn lasts; 0: as the profile says */
	int64_t longest; /* how long rows may be taken; 0: twice the interval, at least two minutes */
};

/*
 * OK with my_turn false when it was not our turn. A failure in the middle, after something was committed, is OK too:
 * `cut_short` tells of it, and the counts of what was done before. So it is with a pass that has taken rows for too long;
 * it is `overlong` then, and no failure of the database. Any other failure: nothing was done.
 */
enum reclaim_status pass_run(struct ledger *ledger, const struct pass_options *options,
			     struct sweep_result *ret_result, struct reclaim_error *error);

/* Startup recovery and the emergency cleanup are passes by another rule. */
enum reclaim_status pass_recover(struct ledger *ledger, const char *owner,
				 struct sweep_result *ret_result, struct reclaim_error *error);
struct cleanup_options {
	bool dry_run;
	int64_t older_than, max_attempts; /* -1: as the profile says */
};
enum reclaim_status pass_cleanup(struct ledger *ledger, const struct cleanup_options *options,
				 struct sweep_result *ret_result, struct reclaim_error *error);

#endif
