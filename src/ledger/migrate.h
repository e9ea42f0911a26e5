/* What a host's ledger may lack, as its profile lists it: columns, indexes, functions. Inside this layer only. */
#ifndef LEDGER_MIGRATE_H
#define LEDGER_MIGRATE_H

#include "ledger.h"

/* Where the SQL of an init goes: to the engine, or to whoever wants to read it. */
struct sink {
	struct ledger *ledger;
	plan_line_fn *show;
	void *context;
	struct reclaim_error *error;
};

enum reclaim_status sink_emit(const struct sink *sink, const char *name, const char *sql);

/* What a transaction holds together, columns and functions, or else what is made outside of one: the indexes. */
enum reclaim_status migrate(const struct sink *sink, bool indexes);

#endif
