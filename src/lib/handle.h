/* What a handle is: for this library's own programs, which may look further than the public header. */
#ifndef LIB_HANDLE_H
#define LIB_HANDLE_H

#include "ledger.h"

struct reclaim {
	struct ledger *ledger;
};

#endif
