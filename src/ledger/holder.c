/* A look at one row's lock. It helps people only: what goes wrong here stays here. */
#include "holder.h"

#include "pieces.h"

static bool make(struct ledger *ledger, const char *template)
{
	struct plan *plan = ledger->plan;
	const struct hole holes[] = {
		{ "relation", quote_name(&plan->arena, plan->driver, plan->table->name) },
		{ "key", piece_key(plan, /* by_key= */ false) },
	};
	const char *filled =
		holes[0].text && holes[1].text ? fill(&plan->arena, template, holes, 2) : NULL;
	return filled && render_planned(&plan->arena, plan->driver, "holder", filled,
					/* writes= */ false, &plan->holder, NULL) == RECLAIM_OK;
}

void holder_print(struct text *out, struct ledger *ledger, const struct value *row)
{
	const char *template = plan_sql(ledger->plan, SQL_HOLDER)->text;
	struct result RESULT_CLEANUP result = { 0 };
	const struct inputs inputs = { .row = row };
	if (!template || (!ledger->plan->holder.statement.sql && !make(ledger, template))) {
		return;
	}
	if (planned_run(ledger->db, &ledger->plan->holder, &inputs, &result, NULL) ==
		    RECLAIM_OK &&
	    result.rows > 0) {
		value_print(out, result_cell(&result, 0, 0));
	}
}
