/* What a sweep touches: tables, and what it does to each; routines and sequences that the profile's SQL names. */
#ifndef LEDGER_USES_H
#define LEDGER_USES_H

#include "ledger.h"

#define USED_TABLES_MAX 32
#define USED_ROUTINES_MAX 64

enum { READS = 1, INSERTS = 2, UPDATES = 4, DELETES = 8 };

struct table_use {
	const char *table; /* as found */
	unsigned kinds;
};

struct routine_use {
	const char *schema, *rights, *thing; /* "EXECUTE", "FUNCTION a.b(text)" */
	const char *grant, *schema_grant;    /* what this role lacks; NULL: nothing */
	bool by_caller;                      /* it does what its caller may do */
	bool looks;                          /* looking needs it, too */
};

struct uses {
	struct ledger *ledger;
	struct arena arena;
	struct table_use tables[USED_TABLES_MAX];
	struct routine_use routines[USED_ROUTINES_MAX];
	size_t count, routine_count;
	bool looking; /* what is collected now, looking needs, too */
	struct reclaim_error *error;
};

/* Needs the plan. `uses` has its ledger and its error, and else is empty. */
enum reclaim_status uses_find(struct uses *uses);
void uses_finish(struct uses *uses);

#endif
