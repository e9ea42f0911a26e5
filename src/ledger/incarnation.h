/* The process that registers as a worker, so that others can tell it from every other one. */
#ifndef LEDGER_INCARNATION_H
#define LEDGER_INCARNATION_H

#include "workers.h"

/* This process. What can't be read stays zeroed; it has no lock yet (slot -1). */
void incarnation_read(struct incarnation *ret_incarnation);
/* When a process began, in clock ticks since the boot as seen from this time namespace; 0: it can't be read. */
int64_t incarnation_start_time(int64_t pid);

#endif
