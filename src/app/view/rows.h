/* What programs and people get of a task's row: the same words everywhere. */
#ifndef APP_ROWS_H
#define APP_ROWS_H

#include "crowd.h"
#include "table.h"

/* How long it has been as it is: since the claim, the end, or else the last change that the ledger keeps. NO_TIME: unknown. */
int64_t row_age(const struct plan *plan, const struct value *row);

/* The members that every list of tasks has, without the braces around them. */
void row_json_members(struct json *json, const struct plan *plan, const struct value *row);
void row_json(struct text *out, const struct plan *plan, const struct value *row);
/* JSON as it is when it is some, else a string; NULL gives null. */
void json_value(struct json *json, const char *name, const struct value *value);
/* The cell of a role; a null where the ledger has none. */
const struct value *row_cell(const struct plan *plan, const struct value *row, enum role role);

void json_count(struct json *json, const char *name, int64_t number); /* less than 0: null */
void json_age(struct json *json, const char *name, int64_t age);      /* NO_TIME: null */

/* What a worker is: by its label where the ledger's health speaks in labels, else stalled too when it is silent. */
enum presence worker_state(const struct profile *profile, const struct member *member);

/* A row of the audit, by the contract's columns. */
struct audit_row {
	int64_t seq, at, age, attempts, recoveries;
	const char *task, *act, *rule, *from, *to, *from_native, *to_native, *owner, *token,
		*reason, *actor;
};
struct audit_row audit_row_of(const struct value *row);
void audit_json(struct json *json, const struct audit_row *event);
/* "recover (lease): Lease of w1 ended 2s ago; by root@host:77" */
void audit_print_what(struct text *out, const struct audit_row *event);

#endif
