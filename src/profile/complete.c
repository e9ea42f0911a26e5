/* Fills in what a profile leaves out and its other parts make plain. */
#include "parse.h"

static const struct {
	enum remedy remedy;
	int signal, role; /* -1: none */
	const char *expression;
} remedy_defaults[] = {
	{ REMEDY_REQUEUE, -1, ROLE_OWNER, "NULL" },
	{ REMEDY_REQUEUE, SIGNAL_CLAIMED, -1, "NULL" },
	{ REMEDY_REQUEUE, SIGNAL_BEAT, -1, "NULL" },
	{ REMEDY_REQUEUE, SIGNAL_LEASE, -1, "NULL" },
	{ REMEDY_FAIL, SIGNAL_FINISHED, -1, "{now}" },
	{ REMEDY_CANCEL, SIGNAL_FINISHED, -1, "{now}" },
};
#define DEFAULTS (sizeof(remedy_defaults) / sizeof(*remedy_defaults))

/* A rule that does not say from where judges what the ledger has of its kind's states. */
static void complete_rules(struct reader *reader)
{
	struct profile *profile = reader->profile;
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		struct rule *rule = (struct rule *)&profile->policy.rules[i];
		rule->place = (int)i;
		bool named = node_child(node_child(reader->root, "rule", i), "from", 0) != NULL;
		for (unsigned state = 0; !named && state < STATE_COUNT; state++) {
			if (profile->states[state].count == 0) {
				rule->from &= ~STATE_BIT(state);
			}
		}
	}
}

static bool add_default(struct reader *reader, struct change *change, const char *column,
			const char *expression)
{
	struct assignment *item = &change->set[change->set_count++];
	TEXT_CLEANUP struct text counted = { 0 };
	if (!expression) {
		text_printf(&counted, "%s + 1", column);
		expression = text_string(&counted);
	}
	item->column = column;
	item->line = change->line;
	item->expression = arena_string(reader->arena, expression);
	return item->expression || problem_memory(reader->problem);
}

/* The SET list of a remedy that names none: a requeue clears the claim and counts itself. */
static bool complete_remedy(struct reader *reader, enum remedy remedy)
{
	struct profile *profile = reader->profile;
	struct change *change = &profile->remedies[remedy];
	change->set = arena_take(reader->arena, (DEFAULTS + 1) * sizeof(*change->set));
	if (!change->set) {
		return problem_memory(reader->problem);
	}
	for (size_t i = 0; i < DEFAULTS; i++) {
		int role = remedy_defaults[i].role, signal = remedy_defaults[i].signal;
		const char *column =
			role >= 0 ? profile->roles[role] : profile->signals[signal].column;
		if (remedy_defaults[i].remedy == remedy && column &&
		    !profile_computed(profile, column) &&
		    !add_default(reader, change, column, remedy_defaults[i].expression)) {
			return false;
		}
	}
	const char *recoveries = profile->roles[ROLE_RECOVERIES];
	return remedy != REMEDY_REQUEUE || !recoveries ||
	       profile_computed(profile, recoveries) ||
	       add_default(reader, change, recoveries, /* expression= */ NULL);
}

bool profile_complete(struct reader *reader)
{
	complete_rules(reader);
	for (unsigned i = REMEDY_REQUEUE; i < REMEDY_COUNT; i++) {
		struct change *change = &reader->profile->remedies[i];
		enum remedy remedy = (enum remedy)i;
		const struct node *node = node_child(reader->root, remedy_name(remedy), 0);
		change->to = remedy_state(remedy);
		bool otherwise = change->remove || change->call;
		change->present = otherwise || reader->profile->states[change->to].count > 0;
		change->from = STATE_BIT(STATE_READY) | STATE_BIT(STATE_RUNNING) |
			       STATE_BIT(STATE_STUCK);
		bool set = node && node_child(node, "set", 0);
		if (!set && !otherwise && !complete_remedy(reader, remedy)) {
			return false;
		}
	}
	return true;
}
