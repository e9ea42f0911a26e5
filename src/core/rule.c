/* The words of rules, remedies, signals, workers and evidence, and what goes with each word. */
#include "judge.h"

static const char *const signal_names[SIGNAL_COUNT] = {
	[SIGNAL_CLAIMED] = "claimed_at", [SIGNAL_BEAT] = "beat_at",
	[SIGNAL_LEASE] = "lease_until",  [SIGNAL_DEADLINE] = "deadline",
	[SIGNAL_UPDATED] = "updated_at", [SIGNAL_CREATED] = "created_at",
	[SIGNAL_DUE] = "due_at",         [SIGNAL_FINISHED] = "finished_at",
};

static const struct {
	const char *name;
	enum family family;
} kinds[RULE_KIND_COUNT] = {
	[RULE_DEADLINE] = { "deadline", FAMILY_LIMIT },
	[RULE_AGE] = { "age", FAMILY_LIMIT },
	[RULE_LEASE] = { "lease", FAMILY_SILENCE },
	[RULE_HEARTBEAT] = { "heartbeat", FAMILY_SILENCE },
	[RULE_WORKER] = { "worker", FAMILY_SILENCE },
	[RULE_EVIDENCE] = { "evidence", FAMILY_PROOF },
};

static const struct {
	const char *name;
	enum state to;
} remedies[REMEDY_COUNT] = {
	[REMEDY_REPORT] = { "report", STATE_NONE },
	[REMEDY_REQUEUE] = { "requeue", STATE_READY },
	[REMEDY_FAIL] = { "fail", STATE_FAILED },
	[REMEDY_STUCK] = { "stuck", STATE_STUCK },
	[REMEDY_CANCEL] = { "cancel", STATE_CANCELLED },
};

const char *signal_name(enum signal signal)
{
	return signal_names[signal];
}

const char *rule_kind_name(enum rule_kind kind)
{
	return kinds[kind].name;
}

enum family rule_family(enum rule_kind kind)
{
	return kinds[kind].family;
}

const char *remedy_name(enum remedy remedy)
{
	return remedies[remedy].name;
}

bool remedy_parse(const char *name, enum remedy *ret_remedy)
{
	for (int i = 0; i < REMEDY_COUNT; i++) {
		if (string_equal(name, remedies[i].name)) {
			*ret_remedy = (enum remedy)i;
			return true;
		}
	}
	return false;
}

enum state remedy_state(enum remedy remedy)
{
	return remedies[remedy].to;
}

const char *presence_name(enum presence presence)
{
	static const char *const names[] = { "unknown", "missing", "active", "stalled",
					     "stopped" };
	return names[presence];
}

const char *evidence_name(enum evidence evidence)
{
	static const char *const names[] = { "unknown", "alive", "dead" };
	return names[evidence];
}
