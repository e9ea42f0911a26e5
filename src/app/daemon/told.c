/* Log lines, filled from the result of a pass. */
#include "told.h"

#include "clock.h"
#include "duration.h"

/* More tasks than that at once are told of one by one only with -v. */
#define TASKS_TOLD 20

/* ---- the profile's lines ---- */

static bool has_lines(const struct told *told, enum occasion occasion)
{
	return told->profile->messages[occasion][0].text != NULL;
}

static void say(const struct told *told, const struct message_line *line,
		const struct message_facts *facts)
{
	struct text TEXT_CLEANUP text = { 0 };
	message_print(&text, line->text, facts);
	app_log(told->app, line->debug, "%s", text_string(&text));
}

/* All lines of an occasion that are for this rule. */
static void say_all(const struct told *told, enum occasion occasion, const char *rule,
		    const struct message_facts *facts)
{
	const struct message_line *lines = told->profile->messages[occasion];
	const size_t count = sizeof(told->profile->messages[0]) / sizeof(lines[0]);
	for (size_t i = 0; i < count && lines[i].text; i++) {
		if (!lines[i].rule || string_equal(lines[i].rule, rule)) {
			say(told, &lines[i], facts);
		}
	}
}

/* The threshold that a summary names: the first of a rule that waits for a sign of life. */
static int64_t threshold_of(const struct profile *profile)
{
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		const struct rule *rule = &profile->policy.rules[i];
		if (rule->kind == RULE_HEARTBEAT || rule->kind == RULE_WORKER) {
			return rule->after;
		}
	}
	return profile->lease;
}

static struct message_facts facts_of(const struct told *told)
{
	enum time_format seen = told->profile->workers.seen.format;
	enum time_format format = told->profile->workers.table ? seen : told->profile->time;
	bool readable =
		format != TIME_AUTO && format != TIME_NATIVE && !time_format_is_number(format);
	return (struct message_facts){
		.age = NO_TIME,
		.threshold = threshold_of(told->profile),
		.last_seen = NO_TIME,
		.at = machine_now(),
		.deadline = NO_TIME,
		.attempts = -1,
		.max_attempts = -1,
		.recoveries = -1,
		.interval = told->interval,
		.grace = told->profile->start_grace,
		.format = readable ? format : TIME_RFC3339,
	};
}

/* ---- when it starts and stops ---- */

void tell_start(const struct told *told)
{
	struct text TEXT_CLEANUP interval = { 0 };
	const struct message_facts facts = facts_of(told);
	if (has_lines(told, OCCASION_STARTED)) {
		say_all(told, OCCASION_STARTED, NULL, &facts);
		return;
	}
	duration_print_human(&interval, told->interval);
	app_log(told->app, /* debug= */ false, "sweeping ledger %s every %s",
		told->profile->name, text_string(&interval));
}

void tell_stop(const struct told *told)
{
	const struct message_facts facts = facts_of(told);
	if (has_lines(told, OCCASION_STOPPED)) {
		say_all(told, OCCASION_STOPPED, NULL, &facts);
	} else {
		app_log(told->app, /* debug= */ false, "stopped");
	}
}

void tell_grace(const struct told *told, int64_t elapsed)
{
	struct message_facts facts = facts_of(told);
	facts.age = elapsed;
	if (has_lines(told, OCCASION_GRACE)) {
		say_all(told, OCCASION_GRACE, NULL, &facts);
	} else {
		app_log(told->app, /* debug= */ true, "start-up grace: silence waits");
	}
}

/* ---- a pass ---- */

static int64_t taken(const struct sweep_result *result)
{
	return result->requeued + result->failed + result->stuck + result->cancelled;
}

static void tell_task(const struct told *told, const struct swept_task *task, bool in_detail)
{
	struct message_facts facts = facts_of(told);
	facts.id = task->id;
	facts.owner = task->owner;
	facts.kind = task->kind;
	facts.rule = task->rule;
	facts.age = task->age;
	facts.last_seen = task->last_seen;
	facts.attempts = task->attempts;
	facts.recoveries = task->recoveries;
	if (has_lines(told, OCCASION_TASK)) {
		say_all(told, OCCASION_TASK, task->rule, &facts);
	} else if (!told->only_theirs) {
		app_log(told->app, !in_detail, "task %s: %s by rule %s: %s", task->id,
			remedy_name(task->remedy), task->rule,
			task->reason ? task->reason : "-");
	}
}

static int64_t count_released(const struct sweep_result *result, const char *worker)
{
	int64_t count = 0;
	for (size_t i = 0; i < result->task_count; i++) {
		const struct swept_task *task = &result->tasks[i];
		count += task->by_worker && string_equal(task->owner, worker);
	}
	return count;
}

static void tell_worker(const struct told *told, const struct sweep_result *result,
			const struct swept_worker *worker)
{
	struct message_facts facts = facts_of(told);
	facts.owner = worker->id;
	facts.last_seen = worker->last_seen;
	facts.count = count_released(result, worker->id);
	if (worker->labelled && has_lines(told, OCCASION_WORKER)) {
		say_all(told, OCCASION_WORKER, NULL, &facts);
	} else if (worker->labelled && !told->only_theirs) {
		app_log(told->app, /* debug= */ false, "worker %s is gone", worker->id);
	}
	if (facts.count > 0) {
		say_all(told, OCCASION_RELEASED, NULL, &facts);
	}
}

static void tell_problem(const struct told *told, const struct swept_problem *problem)
{
	struct message_facts facts = facts_of(told);
	facts.id = problem->id;
	facts.error = problem->message;
	if (has_lines(told, OCCASION_FAILED)) {
		say_all(told, OCCASION_FAILED, NULL, &facts);
	} else if (!told->only_theirs) {
		app_log(told->app, /* debug= */ false, "task %s could not be put right: %s",
			problem->id, problem->message);
	}
}

static bool took_by(const struct sweep_result *result, const char *rule)
{
	for (size_t i = 0; i < result->task_count; i++) {
		if (!rule || string_equal(result->tasks[i].rule, rule)) {
			return true;
		}
	}
	return false;
}

/* A line with a rule is for passes that took some by it. */
static void say_done(const struct told *told, const struct sweep_result *result,
		     const struct message_facts *facts)
{
	const struct message_line *lines = told->profile->messages[OCCASION_DONE];
	const size_t count = sizeof(told->profile->messages[0]) / sizeof(lines[0]);
	for (size_t i = 0; i < count && lines[i].text; i++) {
		if (!lines[i].rule || took_by(result, lines[i].rule)) {
			say(told, &lines[i], facts);
		}
	}
}

static void tell_done(const struct told *told, const struct sweep_result *result)
{
	const struct profile *profile = told->profile;
	struct arena ARENA_CLEANUP arena = { 0 };
	struct message_facts facts = facts_of(told);
	struct message_word *words = arena_take(&arena, sizeof(*words) * profile->result_count);
	for (size_t i = 0; words && i < profile->result_count; i++) {
		words[i].word = profile->results[i].word;
		words[i].number = result_word_value(result, &profile->results[i]);
	}
	facts.count = taken(result);
	facts.other = result->errors;
	facts.words = words;
	facts.word_count = words ? profile->result_count : 0;
	if (has_lines(told, OCCASION_DONE)) {
		say_done(told, result, &facts);
	} else if (!told->only_theirs) {
		app_log(told->app, /* debug= */ false,
			"swept: %lld requeued, %lld failed, %lld stuck, %lld cancelled, "
			"%lld lost races, %lld errors",
			(long long)result->requeued, (long long)result->failed,
			(long long)result->stuck, (long long)result->cancelled,
			(long long)result->lost_races, (long long)result->errors);
	}
}

static void tell_valve(struct told *told, const struct sweep_result *result)
{
	struct text TEXT_CLEANUP until = { 0 };
	if (told->only_theirs) {
		return;
	}
	if (result->valve.holding && !told->valve_holding) {
		time_print_rfc3339(&until, result->valve.until);
		app_log(told->app, /* debug= */ false,
			"the valve holds %lld claims back until %s: too many fell silent at "
			"once",
			(long long)result->valve.group, text_string(&until));
	} else if (!result->valve.holding && told->valve_holding) {
		app_log(told->app, /* debug= */ false, "the valve is open again");
	}
	told->valve_holding = result->valve.holding;
}

/* In a start-up grace a pass has skipped what silence would take: nothing is found yet. */
static void tell_found(const struct told *told, const struct sweep_result *result)
{
	struct message_facts facts = facts_of(told);
	facts.count = result->stale;
	say_all(told, result->stale > 0 ? OCCASION_FOUND : OCCASION_NOTHING, NULL, &facts);
}

static void tell_locked(const struct told *told, const struct sweep_result *result)
{
	for (size_t i = 0; i < result->locked_count && !told->only_theirs; i++) {
		const struct swept_problem *row = &result->locked_rows[i];
		app_log(told->app, /* debug= */ false,
			"task %s is left for the next pass: its row is locked by %s", row->id,
			*row->message ? row->message : HOLDER_UNKNOWN);
	}
}

static void tell_races(const struct told *told, const struct sweep_result *result)
{
	if (result->lost_races > 0 && !told->only_theirs) {
		app_log(told->app, /* debug= */ false,
			"%lld races lost: changed by somebody else since this pass looked",
			(long long)result->lost_races);
	}
}

void tell_pass(struct told *told, const struct sweep_result *result, bool in_grace)
{
	if (!in_grace) {
		tell_found(told, result);
	}
	for (size_t i = 0; i < result->worker_count; i++) {
		tell_worker(told, result, &result->workers[i]);
	}
	for (size_t i = 0; i < result->task_count; i++) {
		tell_task(told, &result->tasks[i], result->task_count <= TASKS_TOLD);
	}
	for (size_t i = 0; i < result->problem_count; i++) {
		tell_problem(told, &result->problems[i]);
	}
	tell_locked(told, result);
	tell_races(told, result);
	if (taken(result) > 0 || result->errors > 0 || result->lost_races > 0) {
		tell_done(told, result);
	}
	tell_valve(told, result);
}
