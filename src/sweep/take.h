/* The take: stale claims put right in batches, each row compare-and-set, with its audit in the same transaction. */
#ifndef SWEEP_TAKE_H
#define SWEEP_TAKE_H

#include "batch.h"

/*
 * Takes `count` judged rows of one page. A batch that fails is redone row by row; a row that can't be taken is named
 * and counted, and uses no cap. So is one that somebody's open transaction has locked, itself or what its change needs: once
 * a batch has waited for such a lock, nothing in this pass waits for one again.
 * UNAVAILABLE and UNKNOWN end the pass; so does BUSY, where others' locks are on the whole database. Where the pass has
 * taken rows for too long it is cut short, and that is OK: what was tried stands, and there was one row at least.
 */
enum reclaim_status take(struct pass *pass, const struct judged *items, size_t count);

#endif
