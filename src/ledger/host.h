/* What the verbs on a host's ledger share: a change that its profile spells, on one row. */
#ifndef LEDGER_HOST_H
#define LEDGER_HOST_H

#include "verbs.h"

/* NULL: the profile has no such verb, or the table lacks what it writes. */
const struct planned_change *host_planned(const struct ledger *ledger, enum verb verb);
/* Says which of the two it is. */
enum reclaim_status host_unsupported(const struct ledger *ledger, enum verb verb,
				     struct reclaim_error *error);
/* What every change of this row can be told. */
void host_inputs(const struct ledger *ledger, const struct value *row, const char *id,
		 struct inputs *inputs);
/*
 * Runs the change and what belongs to it, in the open transaction. *ret_changed false: the row is not what was read any
 * more.
 */
enum reclaim_status host_change(struct ledger *ledger, const struct planned_change *planned,
				const struct inputs *inputs, bool with_error, bool *ret_changed,
				struct reclaim_error *error);

enum reclaim_status host_claim(struct ledger *ledger, const struct claiming *claiming,
			       struct claims *ret_claims, struct reclaim_error *error);

#endif
