/* The worker first: the row that carries the signal is compared, and held, before its tasks are taken (I3). */
#ifndef SWEEP_HOLD_H
#define SWEEP_HOLD_H

#include "scan.h"

/* Rules by a worker's signals; what they take, its label tells of. */
bool is_by_worker(enum rule_kind kind);
/* In the batch's transaction: whether the worker's row is still what the verdict read; its lease is ended, or its label written. */
enum reclaim_status hold_worker(struct pass *pass, const struct judged *judged,
				const char *owner, bool *ret_same);
/* Ends the leases, or writes the labels, of silent workers that none of their claims' takes has dealt with. */
enum reclaim_status end_idle_workers(struct pass *pass);

#endif
