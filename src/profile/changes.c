/* Remedies and verbs after their fields: what a verb has when its profile does not say, and their SQL. */
#include "parse.h"

#define IN_FLIGHT (STATE_BIT(STATE_READY) | STATE_BIT(STATE_RUNNING) | STATE_BIT(STATE_STUCK))
#define ENDED                                                                                  \
	(STATE_BIT(STATE_COMPLETED) | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_CANCELLED))

static const struct {
	unsigned from;
	enum state to;
} verb_defaults[VERB_COUNT] = {
	[VERB_CLAIM] = { STATE_BIT(STATE_READY), STATE_RUNNING },
	[VERB_RENEW] = { STATE_BIT(STATE_RUNNING), STATE_NONE },
	[VERB_COMPLETE] = { STATE_BIT(STATE_RUNNING), STATE_COMPLETED },
	[VERB_FAIL] = { STATE_BIT(STATE_RUNNING), STATE_FAILED },
	[VERB_RESCHEDULE] = { STATE_BIT(STATE_RUNNING), STATE_READY },
	[VERB_RELEASE] = { STATE_BIT(STATE_RUNNING), STATE_READY },
	[VERB_RETRY] = { ENDED | STATE_BIT(STATE_STUCK), STATE_READY },
	[VERB_CANCEL] = { IN_FLIGHT, STATE_CANCELLED },
};

/* Only what the ledger has words for. */
static unsigned mapped_states(const struct profile *profile, unsigned bits)
{
	for (unsigned state = 0; state < STATE_COUNT; state++) {
		if (profile->states[state].count == 0) {
			bits &= ~STATE_BIT(state);
		}
	}
	return bits;
}

static bool check_sql(struct reader *reader, const struct node *node,
		      const struct change *change)
{
	if (change->where &&
	    !check_expression(reader, node, "where", 0, change->where, HOLES_WHERE)) {
		return false;
	}
	return !change->order ||
	       check_expression(reader, node, "order", 0, change->order, HOLES_NONE);
}

static bool check_run(struct reader *reader, const struct node *node,
		      const struct change *change)
{
	if (change->call &&
	    !check_expression(reader, node, "call", 0, change->call, HOLES_INSERTION)) {
		return false;
	}
	for (size_t i = 0; i < change->run.count; i++) {
		if (!check_expression(reader, node, "run", i, change->run.items[i],
				      HOLES_INSERTION)) {
			return false;
		}
	}
	return true;
}

bool finish_also(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)cfg;
	const struct insertion *also = base;
	return !also->where ||
	       check_expression(reader, node, "where", 0, also->where, HOLES_INSERTION);
}

bool finish_change(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	(void)cfg;
	struct profile *profile = reader->profile;
	struct change *change = base;
	change->present = true;
	change->line = node->line;
	for (unsigned verb = 0; verb < VERB_COUNT; verb++) {
		if (change != &profile->verbs[verb]) {
			continue;
		}
		if (change->from == 0) {
			change->from = mapped_states(profile, verb_defaults[verb].from);
		}
		if (change->to == STATE_NONE) {
			change->to = verb_defaults[verb].to;
		}
	}
	return check_sql(reader, node, change) && check_run(reader, node, change);
}
