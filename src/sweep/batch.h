/* One batch of judged rows, compare-and-set in one transaction with its audit. */
#ifndef SWEEP_BATCH_H
#define SWEEP_BATCH_H

#include "hold.h"
#include "tell.h"

#define TAKE_BATCH 200

enum taking {
	TAKEN,
	RACED,  /* the row, or its worker's, is not what was read any more */
	LOCKED, /* it is, and somebody's open transaction has it */
};

/* At most TAKE_BATCH rows, all of them or none; what became of each is known once it is OK. */
enum reclaim_status take_together(struct pass *pass, const struct judged *judged, size_t count,
				  enum taking *ret_taken);

#endif
