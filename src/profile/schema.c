/* The tables of what a profile may say, and what is made from them. */
#include "schema.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define P(member) offsetof(struct profile, member)

#define ROLE(name, role)                                                                       \
	{                                                                                      \
		name, SHAPE_NAME, .offset = P(roles[role])                                     \
	}
#define SIGNAL(name, signal)                                                                   \
	{                                                                                      \
		name, SHAPE_NAME, .offset = P(signals[signal].column)                          \
	}
static const struct field columns_fields[] = {
	ROLE("state", ROLE_STATE),
	ROLE("owner", ROLE_OWNER),
	ROLE("attempts", ROLE_ATTEMPTS),
	ROLE("max_attempts", ROLE_MAX_ATTEMPTS),
	ROLE("recoveries", ROLE_RECOVERIES),
	ROLE("kind", ROLE_KIND),
	ROLE("queue", ROLE_QUEUE),
	ROLE("payload", ROLE_PAYLOAD),
	ROLE("result", ROLE_RESULT),
	ROLE("error", ROLE_ERROR),
	ROLE("priority", ROLE_PRIORITY),
	ROLE("alive", ROLE_ALIVE),
	ROLE("tries", ROLE_TRIES),
	SIGNAL("claimed_at", SIGNAL_CLAIMED),
	SIGNAL("beat_at", SIGNAL_BEAT),
	SIGNAL("lease_until", SIGNAL_LEASE),
	SIGNAL("deadline", SIGNAL_DEADLINE),
	SIGNAL("updated_at", SIGNAL_UPDATED),
	SIGNAL("created_at", SIGNAL_CREATED),
	SIGNAL("due_at", SIGNAL_DUE),
	SIGNAL("finished_at", SIGNAL_FINISHED),
	{ "time", SHAPE_WORD, .offset = P(signals[0].format), .words = &formats_words },
	{ "token", SHAPE_NAMES, .offset = P(token) },
	{ "optional", SHAPE_NAMES, .offset = P(optional) },
	{ "show", SHAPE_NAMES, .offset = P(show) },
	{ "result_bytes", SHAPE_BYTES, .offset = P(result_bytes) },
};
static const struct section columns_section = { columns_fields, COUNT(columns_fields),
						.finish = finish_columns };

#define TIME(name, signal)                                                                     \
	{                                                                                      \
		name, SHAPE_WORD, .offset = P(signals[signal].format), .words = &formats_words \
	}
static const struct field times_fields[] = {
	TIME("claimed_at", SIGNAL_CLAIMED), TIME("beat_at", SIGNAL_BEAT),
	TIME("lease_until", SIGNAL_LEASE),  TIME("deadline", SIGNAL_DEADLINE),
	TIME("updated_at", SIGNAL_UPDATED), TIME("created_at", SIGNAL_CREATED),
	TIME("due_at", SIGNAL_DUE),         TIME("finished_at", SIGNAL_FINISHED),
};
static const struct section times_section = { times_fields, COUNT(times_fields) };

static const struct field states_fields[] = {
	{ "ready", SHAPE_NAMES, .offset = P(states[STATE_READY]) },
	{ "running", SHAPE_NAMES, .offset = P(states[STATE_RUNNING]) },
	{ "completed", SHAPE_NAMES, .offset = P(states[STATE_COMPLETED]) },
	{ "failed", SHAPE_NAMES, .offset = P(states[STATE_FAILED]) },
	{ "cancelled", SHAPE_NAMES, .offset = P(states[STATE_CANCELLED]) },
	{ "stuck", SHAPE_NAMES, .offset = P(states[STATE_STUCK]) },
};
static const struct section states_section = { states_fields, COUNT(states_fields) };

#define PREDICATE(name, state)                                                                 \
	{                                                                                      \
		name, SHAPE_TEXT, .offset = P(predicates[state])                               \
	}
static const struct field predicates_fields[] = {
	PREDICATE("ready", STATE_READY),         PREDICATE("running", STATE_RUNNING),
	PREDICATE("completed", STATE_COMPLETED), PREDICATE("failed", STATE_FAILED),
	PREDICATE("cancelled", STATE_CANCELLED), PREDICATE("stuck", STATE_STUCK),
};
static const struct section predicates_section = { predicates_fields, COUNT(predicates_fields),
						   .finish = finish_predicates };

static const struct field workers_fields[] = {
	{ "table", SHAPE_NAME, true, P(workers.table) },
	{ "key", SHAPE_NAME, true, P(workers.key) },
	{ "seen", SHAPE_NAME, true, P(workers.seen.column) },
	{ "lease", SHAPE_NAME, .offset = P(workers.lease.column) },
	{ "time", SHAPE_WORD, .offset = P(workers.seen.format), .words = &formats_words },
	{ "state", SHAPE_NAME, .offset = P(workers.state) },
	{ "active", SHAPE_NAMES, .offset = P(workers.active) },
	{ "stalled", SHAPE_NAMES, .offset = P(workers.stalled) },
	{ "stopped", SHAPE_NAMES, .offset = P(workers.stopped) },
	{ "lost", SHAPE_NAMES, .offset = P(workers.lost) },
	{ "ignore", SHAPE_NAMES, .offset = P(workers.ignore) },
	{ "terminal", SHAPE_FLAG, .offset = P(workers.terminal) },
	{ "evidence", SHAPE_FLAG, .offset = P(workers.evidence) },
	{ "health", SHAPE_FLAG, .offset = P(health) },
	{ "beat", SHAPE_OWN },
};
static const struct section workers_section = { workers_fields, COUNT(workers_fields),
						.finish = finish_workers };

static const struct field override_fields[] = {
	{ "kind", SHAPE_NAME, .offset = offsetof(struct after_override, kind) },
	{ "queue", SHAPE_NAME, .offset = offsetof(struct after_override, queue) },
	{ "after", SHAPE_AFTER, true, offsetof(struct after_override, after) },
};
static const struct section override_section = { override_fields, COUNT(override_fields),
						 .multiple = true,
						 .size = sizeof(struct after_override) };

#define R(member) offsetof(struct rule, member)
static const struct field rule_fields[] = {
	{ "when", SHAPE_WORD, true, R(kind), .words = &kinds_words },
	{ "of", SHAPE_BITS, .offset = R(of), .words = &signals_words },
	{ "after", SHAPE_AFTER, .offset = R(after) },
	{ "after_column", SHAPE_NAME, .offset = R(after_column) },
	{ "inclusive", SHAPE_FLAG, .offset = R(inclusive) },
	{ "where", SHAPE_TEXT, .offset = R(where) },
	{ "from", SHAPE_BITS, .offset = R(from), .words = &states_words },
	{ "missing", SHAPE_SWITCH, .offset = R(missing_is_stale), .words = &missing_words },
	{ "unless", SHAPE_SWITCH, .offset = R(unless_alive), .words = &unless_words },
	{ "then", SHAPE_WORD, true, R(then), .words = &remedies_words },
	{ "reason", SHAPE_TEXT, .offset = R(reason) },
	{ "spent_reason", SHAPE_TEXT, .offset = R(spent_reason) },
	{ "error", SHAPE_TEXT, .offset = R(error) },
	{ "spent_error", SHAPE_TEXT, .offset = R(spent_error) },
	{ "setting", SHAPE_OWN },
	{ "override", SHAPE_SECTIONS, .offset = R(overrides), .count_offset = R(override_count),
	  .section = &override_section },
};
static const struct section rule_section = { rule_fields, COUNT(rule_fields), .titled = true,
					     .size = sizeof(struct rule),
					     .finish = finish_rule };

static const struct field limits_fields[] = {
	{ "per_sweep", SHAPE_COUNT, .offset = P(per_sweep) },
	{ "interval", SHAPE_DURATION, .offset = P(interval) },
	{ "beat", SHAPE_SPAN, .offset = P(policy.beat) },
	{ "lease", SHAPE_DURATION, .offset = P(lease) },
	{ "skew", SHAPE_SPAN, .offset = P(policy.skew) },
	{ "start_grace", SHAPE_SPAN, .offset = P(start_grace) },
	{ "keep", SHAPE_AFTER, .offset = P(keep) },
	{ "valve_min", SHAPE_COUNT, .offset = P(policy.valve_min) },
	{ "valve_fraction", SHAPE_FRACTION, .offset = P(policy.valve_fraction) },
};
static const struct section limits_section = { limits_fields, COUNT(limits_fields),
					       .finish = finish_limits };

static const struct field budget_fields[] = {
	{ "attempts", SHAPE_BUDGET, .offset = P(policy.budget_attempts) },
	{ "recoveries", SHAPE_BUDGET, .offset = P(policy.budget_recoveries) },
	{ "kept", SHAPE_SWITCH, .offset = P(counts_recoveries), .words = &kept_words },
	{ "within", SHAPE_DURATION, .offset = P(counts_within) },
	{ "last_resort", SHAPE_WORD, .offset = P(policy.last_resort), .words = &instead_words },
};
static const struct section budget_section = { budget_fields, COUNT(budget_fields) };

#define B(member) P(backoff.member)
static const struct field backoff_fields[] = {
	{ "first", SHAPE_DURATION, true, B(first) },
	{ "factor", SHAPE_NUMBER, .offset = B(factor) },
	{ "power", SHAPE_NUMBER, .offset = B(power) },
	{ "max", SHAPE_AFTER, .offset = B(max) },
	{ "jitter", SHAPE_FRACTION, .offset = B(jitter) },
};
static const struct section backoff_section = { backoff_fields, COUNT(backoff_fields),
						.finish = finish_backoff };

#define I(member) offsetof(struct insertion, member)
static const struct field also_fields[] = {
	{ "set", SHAPE_INSERT, true, I(assignments), I(count) },
	{ "where", SHAPE_TEXT, .offset = I(where) },
	{ "optional", SHAPE_FLAG, .offset = I(optional) },
};
static const struct section also_section = { also_fields, COUNT(also_fields), .titled = true,
					     .size = sizeof(struct insertion),
					     .finish = finish_also };

static const struct field audit_fields[] = {
	{ "table", SHAPE_NAME, .offset = I(table) },
	{ "set", SHAPE_INSERT, .offset = I(assignments), .count_offset = I(count) },
	{ "optional", SHAPE_FLAG, .offset = I(optional) },
	{ "mode", SHAPE_OWN },
};
static const struct section audit_section = { audit_fields, COUNT(audit_fields),
					      .multiple = true,
					      .size = sizeof(struct insertion),
					      .finish = finish_audit };

#define CHANGE_FIELDS(at)                                                                      \
	{ "set", SHAPE_SET, .offset = at + offsetof(struct change, set),                       \
	  .count_offset = at + offsetof(struct change, set_count) },                           \
		{ "native", SHAPE_NAME, .offset = at + offsetof(struct change, native) },      \
		{ "remove", SHAPE_FLAG, .offset = at + offsetof(struct change, remove) },      \
		{ "call", SHAPE_TEXT, .offset = at + offsetof(struct change, call) },          \
		{ "run", SHAPE_TEXTS, .offset = at + offsetof(struct change, run) },           \
	{                                                                                      \
		"also", SHAPE_SECTIONS,                                                        \
			.offset = at + offsetof(struct change, also),                          \
			.count_offset = at + offsetof(struct change, also_count),              \
			.section = &also_section                                               \
	}
#define VERB_FIELDS                                                                            \
	{ "from", SHAPE_BITS, .offset = offsetof(struct change, from),                         \
	  .words = &states_words },                                                            \
		{ "to", SHAPE_WORD, .offset = offsetof(struct change, to),                     \
		  .words = &states_words },                                                    \
		{ "where", SHAPE_TEXT, .offset = offsetof(struct change, where) },             \
		{ "order", SHAPE_TEXT, .offset = offsetof(struct change, order) },             \
	{                                                                                      \
		"due", SHAPE_NAME, .offset = offsetof(struct change, due)                      \
	}

static const struct field remedy_fields[] = { CHANGE_FIELDS(0) };
static const struct section remedy_section = { remedy_fields, COUNT(remedy_fields),
					       .finish = finish_change };
static const struct field verb_fields[] = { CHANGE_FIELDS(0), VERB_FIELDS };
static const struct section verb_section = { verb_fields, COUNT(verb_fields),
					     .finish = finish_change };

#define CHANGE(name, at, table)                                                                \
	{                                                                                      \
		name, SHAPE_SECTION, .offset = at, .section = &table                           \
	}
static const struct field verbs_fields[] = {
	CHANGE("claim", P(verbs[VERB_CLAIM]), verb_section),
	CHANGE("renew", P(verbs[VERB_RENEW]), verb_section),
	CHANGE("complete", P(verbs[VERB_COMPLETE]), verb_section),
	CHANGE("fail", P(verbs[VERB_FAIL]), verb_section),
	CHANGE("reschedule", P(verbs[VERB_RESCHEDULE]), verb_section),
	CHANGE("release", P(verbs[VERB_RELEASE]), verb_section),
	CHANGE("retry", P(verbs[VERB_RETRY]), verb_section),
	CHANGE("cancel", P(verbs[VERB_CANCEL]), verb_section),
};
static const struct section verbs_section = { verbs_fields, COUNT(verbs_fields) };

#define M(member) offsetof(struct message_line, member)
static const struct field message_fields[] = {
	{ "text", SHAPE_TEXT, true, M(text) },
	{ "rule", SHAPE_NAME, .offset = M(rule) },
	{ "debug", SHAPE_FLAG, .offset = M(debug) },
};
const struct section message_section = { message_fields, COUNT(message_fields),
					 .multiple = true,
					 .size = sizeof(struct message_line) };
#define MESSAGE(name)                                                                          \
	{                                                                                      \
		name, SHAPE_OWN, .section = &message_section                                   \
	}
static const struct field messages_fields[] = {
	MESSAGE("started"), MESSAGE("stopped"), MESSAGE("grace"),    MESSAGE("nothing"),
	MESSAGE("found"),   MESSAGE("worker"),  MESSAGE("released"), MESSAGE("task"),
	MESSAGE("failed"),  MESSAGE("done"),
};
static const struct section messages_section = { messages_fields, COUNT(messages_fields),
						 .finish = finish_messages };

static const struct field column_fields[] = {
	{ "type", SHAPE_NAME, true, offsetof(struct migration_step, type) },
};
const struct section column_section = { column_fields, COUNT(column_fields), .titled = true };
static const struct field index_fields[] = {
	{ "on", SHAPE_TEXT, true, offsetof(struct migration_step, index_on) },
	{ "where", SHAPE_TEXT, .offset = offsetof(struct migration_step, index_where) },
};
const struct section index_section = { index_fields, COUNT(index_fields), .titled = true };
static const struct field migration_fields[] = {
	{ "column", SHAPE_OWN, .section = &column_section },
	{ "index", SHAPE_OWN, .section = &index_section },
	{ "scripts", SHAPE_OWN },
};
static const struct section migration_section = { migration_fields, COUNT(migration_fields),
						  .finish = finish_migration };

static const struct field recover_fields[] = {
	{ "of", SHAPE_BITS, true, P(recover.of), .words = &signals_words },
	{ "after", SHAPE_DURATION, true, P(recover.after) },
	{ "error", SHAPE_TEXT, .offset = P(recover.error) },
	{ "reason", SHAPE_TEXT, .offset = P(recover.reason) },
};
static const struct section recover_section = { recover_fields, COUNT(recover_fields),
						.finish = finish_recover };

static const struct field cleanup_fields[] = {
	{ "by", SHAPE_WORD, true, P(cleanup.by), .words = &signals_words },
	{ "after", SHAPE_DURATION, true, P(cleanup.after) },
	{ "max_attempts", SHAPE_COUNT, .offset = P(cleanup.max_attempts) },
	{ "error", SHAPE_TEXT, .offset = P(cleanup.error) },
	{ "spent_error", SHAPE_TEXT, .offset = P(cleanup.spent_error) },
	{ "reason", SHAPE_TEXT, .offset = P(cleanup.reason) },
	{ "spent_reason", SHAPE_TEXT, .offset = P(cleanup.spent_reason) },
};
static const struct section cleanup_section = { cleanup_fields, COUNT(cleanup_fields),
						.finish = finish_cleanup };

static const struct field probe_fields[] = {
	{ "command", SHAPE_TEXTS, true, P(probe.command) },
	{ "timeout", SHAPE_DURATION, .offset = P(probe.timeout) },
};
static const struct section probe_section = { probe_fields, COUNT(probe_fields) };

static const struct section entry_section = { .free = true, .finish = finish_entry };
static const struct field error_fields[] = {
	{ "mode", SHAPE_WORD, .offset = P(error_mode), .words = &modes_words },
	{ "entry", SHAPE_SECTION, .section = &entry_section },
};
static const struct section error_section = { error_fields, COUNT(error_fields) };

static const struct field detect_fields[] = {
	{ "version", SHAPE_TEXT, true, P(version_query) },
};
static const struct section detect_section = { detect_fields, COUNT(detect_fields) };

static const struct section compute_section = { .free = true, .finish = finish_compute };
static const struct section environment_section = { .free = true,
						    .finish = finish_environment };
static const struct section results_section = { .free = true, .finish = finish_results };

/* In the order in which they are read: times after columns, what names rules after them. */
static const struct field root_fields[] = {
	{ "ledger", SHAPE_NAME, true, P(name) },
	{ "table", SHAPE_NAME, true, P(table) },
	{ "key", SHAPE_NAMES, true, P(key) },
	{ "native", SHAPE_FLAG, .offset = P(native) },
	{ "claims", SHAPE_TEXT, .offset = P(claims) },
	{ "conflict", SHAPE_WORD, .offset = P(conflict), .words = &instead_words },
	{ "wake", SHAPE_TEXT, .offset = P(wake) },
	{ "compute", SHAPE_SECTION, .section = &compute_section },
	{ "columns", SHAPE_SECTION, true, .section = &columns_section },
	{ "times", SHAPE_SECTION, .section = &times_section },
	{ "states", SHAPE_SECTION, .section = &states_section },
	{ "predicates", SHAPE_SECTION, .section = &predicates_section },
	{ "workers", SHAPE_SECTION, .section = &workers_section },
	{ "rule", SHAPE_SECTIONS, true, P(policy.rules), P(policy.rule_count),
	  .section = &rule_section },
	{ "limits", SHAPE_SECTION, .section = &limits_section },
	{ "budget", SHAPE_SECTION, .section = &budget_section },
	{ "backoff", SHAPE_SECTION, .section = &backoff_section },
	CHANGE("requeue", P(remedies[REMEDY_REQUEUE]), remedy_section),
	CHANGE("fail", P(remedies[REMEDY_FAIL]), remedy_section),
	CHANGE("stuck", P(remedies[REMEDY_STUCK]), remedy_section),
	CHANGE("cancel", P(remedies[REMEDY_CANCEL]), remedy_section),
	{ "error", SHAPE_SECTION, .section = &error_section },
	{ "audit", SHAPE_SECTIONS, .offset = P(audit), .count_offset = P(audit_count),
	  .section = &audit_section },
	{ "verbs", SHAPE_SECTION, .section = &verbs_section },
	{ "environment", SHAPE_SECTION, .section = &environment_section },
	{ "results", SHAPE_SECTION, .section = &results_section },
	{ "messages", SHAPE_SECTION, .section = &messages_section },
	{ "recover", SHAPE_SECTION, .section = &recover_section },
	{ "cleanup", SHAPE_SECTION, .section = &cleanup_section },
	{ "migration", SHAPE_SECTION, .section = &migration_section },
	{ "probe", SHAPE_SECTION, .section = &probe_section },
	{ "detect", SHAPE_SECTION, .section = &detect_section },
};
static const struct section root_section = { root_fields, COUNT(root_fields) };

const struct section *schema_root(void)
{
	return &root_section;
}
