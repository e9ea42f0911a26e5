/* Passes by another rule than the profile's: startup recovery and the emergency cleanup. */
#include "looks.h"

static enum reclaim_status run_other(struct ledger *ledger, const struct policy *policy,
				     const char *owner, bool dry_run,
				     struct sweep_result *ret_result,
				     struct reclaim_error *error)
{
	const struct pass_options options = {
		.dry_run = dry_run, .force = true, .without_turn = true, .limit = -1
	};
	struct reclaim_error unheard;
	struct pass pass = { .ledger = ledger,
			     .options = &options,
			     .policy = policy,
			     .only_owner = owner,
			     .every_claim = true,
			     .error = error ? error : &unheard };
	enum reclaim_status status = ledger_plan(ledger, pass.error);
	return status ? status : pass_make(&pass, ret_result);
}

enum reclaim_status pass_recover(struct ledger *ledger, const char *owner,
				 struct sweep_result *ret_result, struct reclaim_error *error)
{
	const struct recovery *recover = &ledger->profile->recover;
	if (!recover->present) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "recover is not supported on ledger '%s': its profile has no "
			    "recover { … }",
			    ledger->profile->name);
	}
	enum reclaim_status status = ledger_plan(ledger, error);
	if (status) {
		return status;
	}
	if (ledger->plan->at.roles[ROLE_OWNER] < 0) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "recover is not supported on this table: '%s' has no column '%s' "
			    "(`reclaim init` with this profile may add it)",
			    ledger->profile->table, ledger->profile->roles[ROLE_OWNER]);
	}
	/* An owner that starts again knows that what it held is over, whatever the lease says. */
	const struct rule rule = { .name = "recover",
				   .kind = RULE_AGE,
				   .from = STATE_BIT(STATE_RUNNING),
				   .of = recover->of,
				   .after = recover->after,
				   .missing_is_stale = true,
				   .then = REMEDY_REQUEUE,
				   .reason = recover->reason,
				   .error = recover->error };
	struct policy policy = ledger->profile->policy;
	policy.rules = &rule;
	policy.rule_count = 1;
	policy.valve_min = NO_LIMIT;
	return run_other(ledger, &policy, owner, /* dry_run= */ false, ret_result, error);
}

enum reclaim_status pass_cleanup(struct ledger *ledger, const struct cleanup_options *options,
				 struct sweep_result *ret_result, struct reclaim_error *error)
{
	const struct cleanup *cleanup = &ledger->profile->cleanup;
	if (!cleanup->present) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "cleanup is not supported on ledger '%s': its profile has no "
			    "cleanup { … }",
			    ledger->profile->name);
	}
	const struct rule rule = { .name = "cleanup",
				   .kind = RULE_AGE,
				   .from = STATE_BIT(STATE_RUNNING),
				   .of = SIGNAL_BIT(cleanup->by),
				   .after = options->older_than < 0 ? cleanup->after
								    : options->older_than,
				   .then = REMEDY_REQUEUE,
				   .reason = cleanup->reason,
				   .error = cleanup->error,
				   .spent_error = cleanup->spent_error,
				   .spent_reason = cleanup->spent_reason };
	struct policy policy = ledger->profile->policy;
	policy.rules = &rule;
	policy.rule_count = 1;
	policy.valve_min = NO_LIMIT;
	policy.budget_attempts =
		options->max_attempts < 0 ? cleanup->max_attempts : options->max_attempts;
	return run_other(ledger, &policy, /* owner= */ NULL, options->dry_run, ret_result,
			 error);
}
