/* The take: stale claims put right in batches, each row compare-and-set, with its audit in the same transaction. */
#ifndef SWEEP_TAKE_H
#define SWEEP_TAKE_H

#include "scan.h"

#define TAKE_BATCH 200

/*
 * Takes `count` judged rows of one page. A batch that fails is redone row by row; a row that can't be taken is named
 * and counted, and uses no cap. BUSY, UNAVAILABLE and UNKNOWN end the pass.
 */
enum reclaim_status take(struct pass *pass, const struct judged *items, size_t count);
/* What would be attempted: the same record without the take. */
enum reclaim_status record(struct pass *pass, const struct judged *judged);
/* Ends the leases, or writes the labels, of silent workers that none of their claims' takes has dealt with. */
enum reclaim_status end_idle_workers(struct pass *pass);

#endif
