/* What a role that sweeps must be allowed to do, and no more. */
#ifndef LEDGER_RIGHTS_H
#define LEDGER_RIGHTS_H

#include "ledger.h"

/* A GRANT a line, to a role named `sweeper`; none on an engine without roles. Needs the plan. */
enum reclaim_status ledger_rights(struct ledger *ledger, plan_line_fn *line, void *context,
				  struct reclaim_error *error);

struct lacking {
	const char *what;  /* "UPDATE on …" */
	const char *grant; /* the statement that gives it */
	bool looks;        /* looking needs it, too */
	bool partly;       /* some columns are given */
};
typedef void lacking_fn(void *context, const struct lacking *lacking);
/* Which of these rights the role lacks that is connected, where the engine can tell. Needs the plan. */
enum reclaim_status ledger_lacking(struct ledger *ledger, lacking_fn *tell, void *context,
				   struct reclaim_error *error);
/* Why nothing can be written there, and what helps (or NULL). */
typedef void read_only_fn(void *context, const char *why, const char *fix);
enum reclaim_status ledger_read_only(struct ledger *ledger, read_only_fn *tell, void *context,
				     struct reclaim_error *error);

#endif
