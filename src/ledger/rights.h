/* What a role that sweeps must be allowed to do, and no more. */
#ifndef LEDGER_RIGHTS_H
#define LEDGER_RIGHTS_H

#include "ledger.h"

/* A GRANT a line, to a role named `sweeper`; none on an engine without roles. Needs the plan. */
enum reclaim_status ledger_rights(struct ledger *ledger, plan_line_fn *line, void *context,
				  struct reclaim_error *error);

#endif
