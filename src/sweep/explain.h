/* Why a task is or is not recovered: every rule's view of it, by the judge that the sweep calls. */
#ifndef SWEEP_EXPLAIN_H
#define SWEEP_EXPLAIN_H

#include "scan.h"

struct explained_rule {
	const struct rule *rule;
	struct finding finding;
	bool decides; /* the verdict is this rule's */
};

struct explanation {
	struct result row; /* one row, cells as the plan says */
	int64_t now;
	struct facts facts;
	struct verdict verdict;
	const char *unreadable; /* a column whose time can't be read; NULL: none */
	struct explained_rule *rules;
	size_t rule_count;
	bool valve_holds; /* the valve as it stands holds this claim back */
	int64_t valve_until;
	struct text reason; /* the verdict in one sentence */
	struct text next;   /* what the next sweep will do */
	struct arena arena;
};

enum reclaim_status explain(struct ledger *ledger, const char *id,
			    struct explanation *ret_explanation, struct reclaim_error *error);
void explanation_finish(struct explanation *explanation);
/* fine, stale, vetoed, held back, blind */
const char *outcome_name(enum outcome outcome);

#endif
