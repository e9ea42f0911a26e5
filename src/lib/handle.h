/* What a handle is: for this library's own programs, which may look further than the public header. */
#ifndef LIB_HANDLE_H
#define LIB_HANDLE_H

#include "ledger.h"

struct reclaim {
	struct ledger *ledger;
};

/* The database where nobody names one: a file of the first engine of this build. NULL: no memory. */
const char *default_db_url(struct arena *arena);
#define DEFAULT_PROFILE "reclaim"

#endif
