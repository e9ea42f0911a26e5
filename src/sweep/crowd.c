/* Reads the workers and asks the lock file about each that registered a process. */
#include "crowd.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static int64_t time_of(const struct plan *plan, const struct value *value,
		       const struct mapped *mapped)
{
	int64_t time = NO_TIME;
	enum time_format format =
		plan_found_format(plan, plan->worker_table, mapped->column, mapped->format);
	return mapped->column && time_from_value(value, format, &time) ? time : NO_TIME;
}

/* How long without a sign is stale by that rule; 0: it is not, or says nothing of workers. */
static int64_t patience_of(const struct policy *policy, const struct rule *rule,
			   const struct member *m, int64_t now)
{
	if (rule->kind == RULE_WORKER && !m->ignored &&
	    judge_worker(rule, m->seen, now - policy->skew)) {
		return rule->after + policy->skew;
	}
	if (rule->kind == RULE_LEASE && m->lease != NO_TIME && m->lease <= now - policy->skew) {
		return m->seen != NO_TIME && m->seen < m->lease ? m->lease - m->seen
								: policy->lease;
	}
	return 0;
}

/* A rule that looks at workers says so, or the lease that its claims share is over; and a proven death needs no patience. */
bool crowd_silent(const struct plan *plan, const struct member *m, const struct grace *grace)
{
	const struct policy *policy = &plan->policy;
	int64_t now = value_integer(&m->row[WORKER_CELL_NOW], NO_TIME);
	for (size_t i = 0; i < policy->rule_count; i++) {
		int64_t patience = patience_of(policy, &policy->rules[i], m, now);
		if (patience > 0 && !judge_grace(grace, m->seen, patience, now)) {
			return true;
		}
	}
	return m->evidence == EVIDENCE_DEAD;
}

static bool read_member(struct crowd *crowd, const struct plan *plan,
			const struct lockfile *lockfile, const struct value *row,
			struct member *m)
{
	const struct workers *workers = &plan->profile->workers;
	struct text TEXT_CLEANUP key = { 0 };
	value_print(&key, &row[WORKER_CELL_KEY]);
	m->key = arena_copy(&crowd->arena, text_string(&key), key.size);
	m->row = row;
	m->seen = time_of(plan, &row[WORKER_CELL_SEEN], &workers->seen);
	m->lease = time_of(plan, &row[WORKER_CELL_LEASE], &workers->lease);
	const struct value *label = &row[WORKER_CELL_STATE];
	m->presence = worker_presence(workers, label->type == VALUE_TEXT ? label->data : NULL,
				      &m->ignored);
	bool registered = workers->evidence && m->presence != WORKER_STOPPED;
	m->evidence =
		registered ? lockfile_probe(lockfile, value_integer(&row[WORKER_CELL_SLOT], -1),
					    value_integer(&row[WORKER_CELL_INODE], -1))
			   : EVIDENCE_UNKNOWN;
	bool gone = workers->terminal && m->presence != WORKER_ACTIVE;
	m->silent = !gone && m->presence != WORKER_STOPPED &&
		    crowd_silent(plan, m, /* grace= */ NULL);
	return m->key && !key.failed;
}

static void list_dead(struct crowd *crowd)
{
	struct json json = { .out = &crowd->dead };
	json_open(&json, NULL, '[');
	for (size_t i = 0; i < crowd->count; i++) {
		if (crowd->members[i].evidence == EVIDENCE_DEAD) {
			json_string(&json, NULL, crowd->members[i].key);
		}
	}
	json_close(&json, ']');
}

enum reclaim_status crowd_read(struct ledger *ledger, const struct lockfile *lockfile,
			       struct crowd *ret_crowd, struct reclaim_error *error)
{
	struct crowd crowd = { 0 };
	enum reclaim_status status = look_workers(ledger, &crowd.rows, error);
	if (status) {
		return status;
	}
	crowd.members = arena_take(&crowd.arena, sizeof(*crowd.members) * crowd.rows.rows);
	bool complete = crowd.members != NULL;
	for (size_t i = 0; complete && i < crowd.rows.rows; i++) {
		complete = read_member(&crowd, ledger->plan, lockfile,
				       result_cell(&crowd.rows, i, 0),
				       &crowd.members[crowd.count++]);
	}
	if (complete && crowd.count > 0) {
		qsort(crowd.members, crowd.count, sizeof(*crowd.members), by_key);
	}
	list_dead(&crowd);
	if (!complete || crowd.dead.failed) {
		crowd_finish(&crowd);
		return fail_no_memory(error);
	}
	*ret_crowd = crowd;
	return RECLAIM_OK;
}

void crowd_finish(struct crowd *crowd)
{
	arena_finish(&crowd->arena);
	result_finish(&crowd->rows);
	text_finish(&crowd->dead);
	*crowd = (struct crowd){ 0 };
}

struct member *crowd_find(const struct crowd *crowd, const char *key)
{
	const struct member wanted = { .key = key };
	return crowd->count == 0 || !key ? NULL
					 : bsearch(&wanted, crowd->members, crowd->count,
						   sizeof(*crowd->members), by_key);
}

enum evidence crowd_evidence(const struct crowd *crowd, const char *key)
{
	const struct member *member = crowd_find(crowd, key);
	return member ? member->evidence : EVIDENCE_UNKNOWN;
}
