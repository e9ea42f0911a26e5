/* The machine's clocks, in microseconds. What a ledger's times are compared with is the engine's (I13), never one of these. */
#ifndef DB_CLOCK_H
#define DB_CLOCK_H

#include <stdint.h>

/* Since some instant; never set back. */
int64_t monotonic_now(void);
/* The same, and goes on while the machine is suspended. */
int64_t boot_now(void);
/* Since 1970, in UTC, as the machine has been told. */
int64_t machine_now(void);

#endif
