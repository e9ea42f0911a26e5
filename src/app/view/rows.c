/* Rows of tasks and of the audit, as JSON and in words. */
#include "rows.h"

#include <string.h>

const struct value *row_cell(const struct plan *plan, const struct value *row, enum role role)
{
	static const struct value none = { .type = VALUE_NULL };
	int at = plan->at.roles[role];
	return at < 0 ? &none : &row[at];
}

void json_count(struct json *json, const char *name, int64_t number)
{
	if (number < 0) {
		json_null(json, name);
	} else {
		json_int(json, name, number);
	}
}

void json_age(struct json *json, const char *name, int64_t age)
{
	if (age == NO_TIME) {
		json_null(json, name);
	} else {
		json_seconds(json, name, age);
	}
}

void json_value(struct json *json, const char *name, const struct value *value)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (value_is_null(value)) {
		json_null(json, name);
		return;
	}
	value_print(&text, value);
	bool whole = strlen(text_string(&text)) ==
		     text.size; /* a NUL in it would hide the rest from the check */
	if (whole && check_json(name, text_string(&text), NULL) == RECLAIM_OK) {
		json_raw(json, name, text_string(&text));
	} else {
		json_bytes(json, name, text_string(&text), text.size);
	}
	json->out->failed |= text.failed;
}

static void json_text(struct json *json, const char *name, const struct text *text)
{
	json_bytes(json, name, text->size ? text->data : NULL, text->size);
	json->out->failed |= text->failed;
}

/* ---- tasks ---- */

static int64_t since(const struct plan *plan, const struct value *row,
		     const enum signal *signals, size_t count)
{
	int64_t time = NO_TIME;
	for (size_t i = 0; time == NO_TIME && i < count; i++) {
		time = row_time(plan, row, signals[i]);
	}
	return time;
}

int64_t row_age(const struct plan *plan, const struct value *row)
{
	static const enum signal of_claim[] = { SIGNAL_CLAIMED, SIGNAL_BEAT, SIGNAL_UPDATED,
						SIGNAL_CREATED };
	static const enum signal of_end[] = { SIGNAL_FINISHED, SIGNAL_UPDATED, SIGNAL_CREATED };
	static const enum signal of_others[] = { SIGNAL_UPDATED, SIGNAL_CREATED };
	enum state state = row_state(plan, row);
	int64_t time = state == STATE_RUNNING     ? since(plan, row, of_claim, 4)
		       : state_is_terminal(state) ? since(plan, row, of_end, 3)
						  : since(plan, row, of_others, 2);
	int64_t now = row_now(row), age;
	if (time == NO_TIME || now == NO_TIME || __builtin_sub_overflow(now, time, &age)) {
		return NO_TIME;
	}
	return age;
}

static void add_times(struct json *json, const struct plan *plan, const struct value *row)
{
	static const enum signal shown[] = { SIGNAL_CLAIMED, SIGNAL_BEAT,    SIGNAL_DEADLINE,
					     SIGNAL_DUE,     SIGNAL_CREATED, SIGNAL_UPDATED,
					     SIGNAL_FINISHED };
	struct facts facts;
	const char *bad;
	bool readable = row_facts(plan, row, &facts, &bad);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		json_time(json, signal_name(shown[i]), row_time(plan, row, shown[i]));
	}
	json_time(json, "lease_expires_at", readable ? effective_lease(&facts) : NO_TIME);
}

void row_json_members(struct json *json, const struct plan *plan, const struct value *row)
{
	static const enum role texts[] = { ROLE_KIND, ROLE_QUEUE };
	static const enum role numbers[] = { ROLE_ATTEMPTS, ROLE_MAX_ATTEMPTS,
					     ROLE_RECOVERIES };
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP owner = { 0 };
	struct text TEXT_CLEANUP token = { 0 };
	enum state state = row_state(plan, row);
	row_print_id(&id, plan, row);
	row_print_owner(&owner, plan, row);
	row_print_token(&token, plan, row);
	json_string(json, "id", text_string(&id)); /* a host's may be empty */
	json_string(json, "state", state == STATE_NONE ? NULL : state_word(state));
	json_string(json, "native_state", row_native(plan, row));
	json_text(json, "owner", &owner);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct text TEXT_CLEANUP text = { 0 };
		const struct value *cell = row_cell(plan, row, texts[i]);
		value_print(&text, cell);
		json_bytes(json, role_name(texts[i]),
			   value_is_null(cell) ? NULL : text_string(&text), text.size);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		json_count(json, role_name(numbers[i]), row_number(plan, row, numbers[i], -1));
	}
	json_text(json, "token", &token);
	json->out->failed |= id.failed;
	json_age(json, "age_s", row_age(plan, row));
	add_times(json, plan, row);
}

void row_json(struct text *out, const struct plan *plan, const struct value *row)
{
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	row_json_members(&json, plan, row);
	json_close(&json, '}');
}

enum presence worker_state(const struct profile *profile, const struct member *member)
{
	return !profile->health && member->silent ? WORKER_STALLED : member->presence;
}

/* ---- the audit ---- */

static int64_t audit_time(const struct value *value)
{
	int64_t time = value_integer(value, NO_TIME);
	if (time == NO_TIME && !time_from_value(value, TIME_AUTO, &time)) {
		return NO_TIME;
	}
	return time;
}

struct audit_row audit_row_of(const struct value *row)
{
	return (struct audit_row){
		.seq = value_integer(&row[AUDIT_R_SEQ], 0),
		.at = audit_time(&row[AUDIT_R_AT]),
		.age = value_integer(&row[AUDIT_R_AGE], NO_TIME),
		.attempts = value_integer(&row[AUDIT_R_ATTEMPTS], -1),
		.recoveries = value_integer(&row[AUDIT_R_RECOVERIES], -1),
		.task = row[AUDIT_R_TASK].data,
		.act = row[AUDIT_R_ACT].data,
		.rule = row[AUDIT_R_RULE].data,
		.from = row[AUDIT_R_FROM_STATE].data,
		.to = row[AUDIT_R_TO_STATE].data,
		.from_native = row[AUDIT_R_FROM_NATIVE].data,
		.to_native = row[AUDIT_R_TO_NATIVE].data,
		.owner = row[AUDIT_R_OWNER].data,
		.token = row[AUDIT_R_TOKEN].data,
		.reason = row[AUDIT_R_REASON].data,
		.actor = row[AUDIT_R_ACTOR].data,
	};
}

void audit_json(struct json *json, const struct audit_row *e)
{
	json_open(json, NULL, '{');
	json_int(json, "seq", e->seq);
	json_time(json, "at", e->at);
	json_string(json, "id", e->task);
	json_string(json, "act", e->act);
	json_string(json, "rule", e->rule);
	json_string(json, "from", e->from);
	json_string(json, "to", e->to);
	json_string(json, "from_native", e->from_native);
	json_string(json, "to_native", e->to_native);
	json_string(json, "owner", e->owner);
	json_string(json, "token", e->token);
	json_age(json, "age_s", e->age);
	json_count(json, "attempts", e->attempts);
	json_count(json, "recoveries", e->recoveries);
	json_string(json, "reason", e->reason);
	json_string(json, "actor", e->actor);
	json_close(json, '}');
}

void audit_print_what(struct text *out, const struct audit_row *e)
{
	text_add(out, e->act ? e->act : "-");
	if (e->rule && !string_equal(e->rule, e->act)) {
		text_printf(out, " (%s)", e->rule);
	}
	if (e->reason) {
		text_printf(out, ": %s", e->reason);
	}
	text_printf(out, "; by %s", e->actor ? e->actor : "-");
}
