/* What a keeper was asked for, as it stays: where the ledger is, and the times between its beats and its end. */
#include "duration.h"
#include "handle.h"
#include "incarnation.h"
#include "keeper.h"

#include <stdlib.h>

#define MSEC INT64_C(1000)
#define LEASE_DEFAULT (30 * USEC_PER_SEC)
#define LEASE_MIN (100 * MSEC)
#define KILL_GRACE_DEFAULT (5 * USEC_PER_SEC)

static const char *environment(const char *name)
{
	return getenv(name);
}

enum reclaim_status keeper_set_options(struct reclaim_keeper *keeper,
				       const struct reclaim_options *options,
				       const struct reclaim_keeping *keeping,
				       struct reclaim_error *error)
{
	struct incarnation own;
	struct arena *arena = &keeper->arena;
	const char *url = options && options->db ? options->db : getenv("RECLAIM_DB");
	const char *profile = options && options->profile ? options->profile : DEFAULT_PROFILE;
	incarnation_read(&own);
	keeper->options = (struct ledger_options){
		.url = url && *url ? arena_string(arena, url) : default_db_url(arena),
		.profile = arena_string(arena, profile),
		.db = { .busy = options ? options->busy : 0, .cancel = &keeper->cancel },
		.environment = environment,
	};
	keeper->named = keeping->name != NULL;
	keeper->name = keeping->name
			       ? arena_string(arena, keeping->name)
			       : arena_printf(arena, "%s:%lld", own.host, (long long)own.pid);
	keeper->lost = keeping->lost;
	keeper->context = keeping->context;
	return keeper->options.url && keeper->options.profile && keeper->name
		       ? RECLAIM_OK
		       : fail_no_memory(error);
}

static enum reclaim_status check_span(const char *what, int64_t span, int64_t least,
				      int64_t most, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (span >= least && span <= most) {
		return RECLAIM_OK;
	}
	duration_print_human(&text, span);
	text_add(&text, "; allowed: ");
	duration_print(&text, least);
	text_add(&text, " to ");
	duration_print(&text, most);
	return fail(error, RECLAIM_INVALID, "%s is %s", what, text_string(&text));
}

/* On a host's ledger silence is judged by its rules: the shortest of them is how long an acknowledged beat is good. */
static int64_t lease_of(const struct profile *profile, int64_t asked)
{
	int64_t own = asked ? asked : profile->lease > 0 ? profile->lease : LEASE_DEFAULT;
	int64_t lease = INT64_MAX;
	for (size_t i = 0; !profile->native && i < profile->policy.rule_count; i++) {
		const struct rule *rule = &profile->policy.rules[i];
		if (rule_family(rule->kind) == FAMILY_SILENCE) {
			int64_t after = rule->kind == RULE_LEASE ? own : rule->after;
			lease = after < lease ? after : lease;
		}
	}
	return lease == INT64_MAX ? own : lease;
}

static int64_t or_at_most(int64_t given, int64_t otherwise, int64_t most)
{
	return given ? given : otherwise < most ? otherwise : most;
}

enum reclaim_status keeper_set_timing(struct reclaim_keeper *keeper,
				      const struct reclaim_keeping *keeping,
				      struct reclaim_error *error)
{
	const struct profile *profile = keeper->ledger->profile;
	keeper->registers = profile->native;
	keeper->asked = keeping->lease;
	keeper->lease = lease_of(profile, keeping->lease);
	enum reclaim_status status =
		check_span("the lease", keeper->lease, LEASE_MIN, DURATION_MAX, error);
	if (status) {
		return status;
	}
	int64_t third = keeper->lease / 3;
	keeper->kill_grace = or_at_most(keeping->kill_grace, KILL_GRACE_DEFAULT, third);
	if (keeper->kill_grace < 0) {
		keeper->kill_grace = 0;
	}
	status = check_span("the kill grace", keeper->kill_grace, 0, third, error);
	int64_t usual =
		!profile->native && profile->policy.beat > 0 ? profile->policy.beat : third;
	int64_t most = (keeper->lease - keeper->kill_grace) / 2;
	keeper->beat = or_at_most(keeping->beat, usual, most);
	if (!status) {
		status = check_span("the beat", keeper->beat, MSEC, most, error);
	}
	return status;
}
