/* What is told of a task that is taken: its texts, and its place in the result. */
#include "tell.h"

static void message_facts(const struct pass *pass, const struct judged *judged, const char *id,
			  const char *owner, struct message_facts *ret)
{
	const struct facts *facts = &judged->facts;
	const struct finding *finding = &judged->verdict.finding;
	const struct profile *profile = pass->ledger->profile;
	bool by_worker = judged->verdict.rule->kind == RULE_WORKER;
	*ret = (struct message_facts){
		.id = id,
		.owner = owner,
		.kind = facts->kind,
		.queue = facts->queue,
		.rule = judged->verdict.rule->name,
		.age = finding->age,
		.threshold = finding->threshold == AFTER_NEVER ? 0 : finding->threshold,
		.last_seen = by_worker ? facts->worker_seen : finding->signal,
		.deadline = facts->times[SIGNAL_DEADLINE],
		.attempts = facts->attempts,
		.max_attempts = facts->max_attempts,
		.recoveries = facts->recoveries,
		.at = pass->now,
		.format = profile->time == TIME_NATIVE ? TIME_RFC3339 : profile->time,
	};
}

void telling_finish(struct telling *t)
{
	text_finish(&t->id);
	text_finish(&t->owner);
	text_finish(&t->token);
	text_finish(&t->reason);
	text_finish(&t->error);
}

/* The error as the host keeps it: text, or a JSON object. */
static void tell_error(const struct profile *profile, const char *error,
		       const struct message_facts *facts, struct text *out)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (profile->error_entry_count == 0) {
		message_print(out, error, facts);
		return;
	}
	struct message_facts entry = *facts;
	message_print(&text, error, facts);
	entry.error = text_string(&text);
	profile_error_entry(out, profile, &entry);
	out->failed |= text.failed;
}

bool tell(const struct pass *pass, const struct judged *judged, struct telling *t)
{
	const struct rule *rule = judged->verdict.rule;
	const char *error =
		judged->verdict.spent && rule->spent_error ? rule->spent_error : rule->error;
	struct message_facts facts;
	row_print_id(&t->id, pass->plan, judged->row);
	row_print_owner(&t->owner, pass->plan, judged->row);
	row_print_token(&t->token, pass->plan, judged->row);
	message_facts(pass, judged, text_string(&t->id),
		      t->owner.size ? text_string(&t->owner) : NULL, &facts);
	bool spent = judged->verdict.spent;
	message_print(&t->reason,
		      spent && rule->spent_reason ? rule->spent_reason : rule->reason, &facts);
	if (judged->refusal) {
		text_printf(&t->reason, "; %s instead of %s: %s",
			    remedy_name(judged->verdict.remedy), remedy_name(judged->refused),
			    judged->refusal);
	}
	t->has_error = error != NULL;
	if (error) {
		tell_error(pass->ledger->profile, error, &facts, &t->error);
	}
	return !t->id.failed && !t->owner.failed && !t->token.failed && !t->reason.failed &&
	       !t->error.failed;
}

const char *native_after(const struct pass *pass, enum remedy remedy)
{
	return plan_native_after(pass->plan, &pass->ledger->profile->remedies[remedy]);
}

static enum reclaim_status add_task(struct pass *pass, const struct judged *judged,
				    const struct telling *t)
{
	const struct verdict *verdict = &judged->verdict;
	struct arena *arena = &pass->result->arena;
	char fingerprint[FINGERPRINT_SIZE];
	struct swept_task *task = result_add_task(pass->result);
	if (!task) {
		return fail_no_memory(pass->error);
	}
	*task = (struct swept_task){
		.id = arena_string(arena, text_string(&t->id)),
		.rule = arena_string(arena, verdict->rule->name),
		.kind = judged->facts.kind ? arena_string(arena, judged->facts.kind) : NULL,
		.remedy = verdict->remedy,
		.from = judged->facts.state,
		.to = remedy_state(verdict->remedy),
		.from_native = arena_string(arena, row_native(pass->plan, judged->row)),
		.to_native = native_after(pass, verdict->remedy)
				     ? arena_string(arena, native_after(pass, verdict->remedy))
				     : NULL,
		.owner = t->owner.size ? arena_string(arena, text_string(&t->owner)) : NULL,
		.token = pass->plan->token_count ? arena_string(arena, text_string(&t->token))
						 : NULL,
		.reason = arena_string(arena, text_string(&t->reason)),
		.age = verdict->finding.signal == NO_TIME ? NO_TIME : verdict->finding.age,
		.last_seen = verdict->finding.signal,
		.attempts = judged->facts.attempts,
		.recoveries = judged->facts.recoveries,
		.by_worker = verdict->rule->kind == RULE_WORKER,
		.fingerprint = fingerprint_of(pass, judged, fingerprint)
				       ? arena_string(arena, fingerprint)
				       : NULL,
	};
	return task->id && task->rule && task->reason ? RECLAIM_OK
						      : fail_no_memory(pass->error);
}

enum reclaim_status record(struct pass *pass, const struct judged *judged)
{
	struct telling TELLING_CLEANUP t = { 0 };
	return tell(pass, judged, &t) ? add_task(pass, judged, &t)
				      : fail_no_memory(pass->error);
}
