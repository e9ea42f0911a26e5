/* Rows -> facts, ids and tokens. */
#include "row.h"

_Static_assert(PLAN_KEY_MAX >= KEY_COLUMNS_MAX && PLAN_TOKEN_MAX >= TOKEN_COLUMNS_MAX &&
		       PLAN_SHOW_MAX >= SHOW_COLUMNS_MAX,
	       "a place for every column that a profile may name");

static const struct value *cell(const struct value *row, int at)
{
	static const struct value none = { .type = VALUE_NULL };
	return at < 0 ? &none : &row[at];
}

int64_t row_now(const struct value *row)
{
	return value_integer(&row[0], /* otherwise= */ NO_TIME);
}

const char *row_text(const struct plan *plan, const struct value *row, enum role role)
{
	const struct value *value = cell(row, plan->at.roles[role]);
	return value->type == VALUE_TEXT ? value->data : NULL;
}

const char *row_native(const struct plan *plan, const struct value *row)
{
	return row_text(plan, row, ROLE_STATE);
}

enum state row_state(const struct plan *plan, const struct value *row)
{
	const struct value *value = cell(row, plan->at.roles[ROLE_STATE]);
	return value->type == VALUE_TEXT
		       ? profile_state(plan->profile, value->data, value->size)
		       : STATE_NONE;
}

int64_t row_number(const struct plan *plan, const struct value *row, enum role role,
		   int64_t otherwise)
{
	return value_integer(cell(row, plan->at.roles[role]), otherwise);
}

int64_t row_time(const struct plan *plan, const struct value *row, enum signal signal)
{
	int64_t time = NO_TIME;
	if (!time_from_value(cell(row, plan->at.signals[signal]), plan_format(plan, signal),
			     &time)) {
		return NO_TIME;
	}
	return time;
}

enum presence worker_presence(const struct workers *workers, const char *label,
			      bool *ret_ignored)
{
	*ret_ignored = label && names_have(&workers->ignore, label);
	if (label && names_have(&workers->stopped, label)) {
		return WORKER_STOPPED;
	}
	bool stalled = label && (names_have(&workers->stalled, label) ||
				 names_have(&workers->lost, label));
	return stalled ? WORKER_STALLED : WORKER_ACTIVE;
}

static bool worker_time(const struct plan *plan, const struct value *value,
			const struct mapped *mapped, int64_t *ret_time)
{
	return time_from_value(
		value,
		plan_found_format(plan, plan->worker_table, mapped->column, mapped->format),
		ret_time);
}

static bool worker_facts(const struct plan *plan, const struct value *row, struct facts *f,
			 const char **ret_bad)
{
	const struct workers *workers = &plan->profile->workers;
	f->presence = WORKER_UNMAPPED;
	f->worker_seen = f->worker_lease = NO_TIME;
	if (!plan->has_workers) {
		return true;
	}
	f->worker_terminal = workers->terminal;
	if (value_is_null(cell(row, plan->at.worker_key))) {
		f->presence = WORKER_MISSING;
		return true;
	}
	const struct value *label = cell(row, plan->at.worker_state);
	f->presence = worker_presence(workers, label->type == VALUE_TEXT ? label->data : NULL,
				      &f->worker_ignored);
	*ret_bad = workers->seen.column;
	if (!worker_time(plan, cell(row, plan->at.worker_seen), &workers->seen,
			 &f->worker_seen)) {
		return false;
	}
	*ret_bad = workers->lease.column;
	return worker_time(plan, cell(row, plan->at.worker_lease), &workers->lease,
			   &f->worker_lease);
}

/* A number in decimal, with or without a fraction, whatever the locale. */
static bool decimal_from_text(const char *data, size_t size, double *ret_number)
{
	bool negative = size > 0 && *data == '-';
	double number = 0, unit = 1;
	size_t digits = 0;
	for (size_t i = negative; i < size; i++) {
		if (data[i] == '.' && unit == 1) {
			unit = 0.1;
		} else if (data[i] < '0' || data[i] > '9') {
			return false;
		} else if (unit == 1) {
			number = number * 10 + (data[i] - '0');
			digits++;
		} else {
			number += unit * (data[i] - '0');
			unit /= 10;
			digits++;
		}
	}
	*ret_number = negative ? -number : number;
	return digits > 0;
}

/* Microseconds of a number of seconds; NULL is none, below 0 is -1, and what is too long is never. */
static bool seconds_from_value(const struct value *value, int64_t *ret_time)
{
	double seconds = value->type == VALUE_INT ? (double)value->number : value->real;
	if (value->type == VALUE_NULL) {
		*ret_time = NO_TIME;
		return true;
	}
	if (value->type == VALUE_BLOB ||
	    (value->type == VALUE_TEXT &&
	     !decimal_from_text(value->data, value->size, &seconds))) {
		return false;
	}
	double time = seconds * (double)USEC_PER_SEC;
	*ret_time = time < 0                     ? -1
		    : time < (double)AFTER_NEVER ? (int64_t)(time + 0.5)
						 : AFTER_NEVER;
	return true;
}

/* What a rule's `where` says, and the row's own thresholds. */
static bool rule_facts(const struct plan *plan, const struct value *row, struct facts *f,
		       const char **ret_bad)
{
	bool readable = true;
	for (int i = 0; i < RULES_MAX; i++) {
		f->after[i] = NO_TIME;
		f->where[i] =
			value_integer(cell(row, plan->at.where[i]), /* otherwise= */ 0) != 0;
		if (!seconds_from_value(cell(row, plan->at.after[i]), &f->after[i])) {
			*ret_bad = plan->columns[plan->at.after[i] - 1];
			readable = false;
		}
	}
	return readable;
}

/* What the row itself says of its worker. */
static enum evidence row_evidence(const struct plan *plan, const struct value *row)
{
	int64_t alive = row_number(plan, row, ROLE_ALIVE, /* otherwise= */ -1);
	return alive < 0 ? EVIDENCE_UNKNOWN : alive ? EVIDENCE_ALIVE : EVIDENCE_DEAD;
}

bool row_facts(const struct plan *plan, const struct value *row, struct facts *ret_facts,
	       const char **ret_bad)
{
	struct facts f = {
		.state = row_state(plan, row),
		.owned = !value_is_null(cell(row, plan->at.roles[ROLE_OWNER])),
		.attempts = row_number(plan, row, ROLE_ATTEMPTS, -1),
		.max_attempts = row_number(plan, row, ROLE_MAX_ATTEMPTS, -1),
		.recoveries = row_number(plan, row, ROLE_RECOVERIES, -1),
		.kind = row_text(plan, row, ROLE_KIND),
		.queue = row_text(plan, row, ROLE_QUEUE),
		.evidence = row_evidence(plan, row),
	};
	f.told_by_row = f.evidence != EVIDENCE_UNKNOWN;
	bool readable = rule_facts(plan, row, &f, ret_bad);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		f.times[i] = NO_TIME;
		if (!time_from_value(cell(row, plan->at.signals[i]),
				     plan_format(plan, (enum signal)i), &f.times[i])) {
			*ret_bad = plan->profile->signals[i].column;
			readable = false;
		}
	}
	readable = worker_facts(plan, row, &f, ret_bad) && readable;
	*ret_facts = f;
	return readable;
}

static void print_cells(struct text *text, const struct value *row, const int *at, size_t count)
{
	struct value parts[PLAN_KEY_MAX > PLAN_TOKEN_MAX ? PLAN_KEY_MAX : PLAN_TOKEN_MAX];
	for (size_t i = 0; i < count; i++) {
		parts[i] = *cell(row, at[i]);
	}
	key_print(text, parts, count);
}

/* An id of ours is text as it was given; a host's key is put into text. */
void row_print_id(struct text *text, const struct plan *plan, const struct value *row)
{
	if (plan->profile->native) {
		value_print(text, cell(row, plan->at.key[0]));
		return;
	}
	print_cells(text, row, plan->at.key, plan->key_count);
}

void id_show(struct text *text, const struct profile *profile, const char *id)
{
	const struct value key = value_string(id);
	if (profile->native) {
		key_print(text, &key, 1);
	} else {
		text_add(text, id);
	}
}

void row_print_token(struct text *text, const struct plan *plan, const struct value *row)
{
	print_cells(text, row, plan->at.token, plan->token_count);
}

void row_print_owner(struct text *text, const struct plan *plan, const struct value *row)
{
	value_print(text, cell(row, plan->at.roles[ROLE_OWNER]));
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	}
	return hash;
}

static uint64_t hash_cell(uint64_t hash, const struct value *value)
{
	hash = hash_bytes(hash, &value->type, sizeof(value->type));
	hash = hash_bytes(hash, &value->number, sizeof(value->number));
	hash = hash_bytes(hash, &value->real, sizeof(value->real));
	hash = hash_bytes(hash, &value->size, sizeof(value->size));
	return hash_bytes(hash, value->data, value->data ? value->size : 0);
}

static uint64_t hash_cells(uint64_t hash, const struct value *row, const int *at, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hash = hash_cell(hash, cell(row, at[i]));
	}
	return hash;
}

uint64_t row_fingerprint(const struct plan *plan, const struct value *row)
{
	const struct places *at = &plan->at;
	const int claim[] = { at->roles[ROLE_STATE], at->roles[ROLE_OWNER] };
	uint64_t hash = hash_cells(UINT64_C(0xcbf29ce484222325), row, at->key, plan->key_count);
	hash = hash_cells(hash, row, at->token, plan->token_count);
	hash = hash_cells(hash, row, at->signals, SIGNAL_COUNT);
	return hash_cells(hash, row, claim, sizeof(claim) / sizeof(claim[0]));
}
