/* Three clocks compared, and what becomes of a jump. */
#include "outage.h"

#include "clock.h"
#include "duration.h"
#include "turn.h"

#include <stdlib.h>

enum reclaim_status clocks_read(struct ledger *ledger, struct clocks *ret_clocks,
				struct reclaim_error *error)
{
	int64_t engine;
	enum reclaim_status status = ledger_now(ledger, &engine, error);
	if (!status) {
		*ret_clocks = (struct clocks){ .engine = engine,
					       .boot = boot_now(),
					       .monotonic = monotonic_now() };
	}
	return status;
}

/* How often a living worker gives a sign. */
static int64_t beat_of(const struct profile *profile)
{
	int64_t least = profile->lease > 0 ? profile->lease : INT64_MAX;
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		const struct rule *rule = &profile->policy.rules[i];
		bool waits = rule->kind == RULE_HEARTBEAT || rule->kind == RULE_WORKER;
		least = waits && rule->after < least ? rule->after : least;
	}
	return profile->policy.beat > 0 ? profile->policy.beat : least / 10;
}

int64_t clocks_jump(const struct clocks *then, const struct clocks *now,
		    const struct profile *profile)
{
	if (then->engine == NO_TIME) {
		return 0;
	}
	int64_t boot = now->boot - then->boot;
	int64_t suspended = boot - (now->monotonic - then->monotonic);
	int64_t stepped = llabs(now->engine - then->engine - boot);
	int64_t jump = suspended > stepped ? suspended : stepped;
	return jump > 2 * beat_of(profile) ? jump : 0;
}

enum reclaim_status record_outage(const struct app *app, struct ledger *ledger, int64_t length,
				  struct reclaim_error *error)
{
	struct text TEXT_CLEANUP shown = { 0 };
	if (length <= 0 || ledger->profile->audit_is_log) {
		return RECLAIM_OK;
	}
	duration_print_human(&shown, length);
	app_log(app, /* debug= */ false, "an outage or a jump of a clock of %s: silence waits",
		text_string(&shown));
	enum reclaim_status status = ledger_make_host_tables(ledger, error);
	return status ? status : turn_outage(ledger, length, error);
}
