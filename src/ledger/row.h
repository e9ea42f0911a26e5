/* A row of a ledger, as read by its plan: what the judge reads of it, its id, its token. */
#ifndef LEDGER_ROW_H
#define LEDGER_ROW_H

#include "plan.h"

/* The facts of a row (its evidence is what the row itself says); strings point into the row. False: a time can't be read; *ret_bad is
 * the column, and the row is blind. */
bool row_facts(const struct plan *plan, const struct value *row, struct facts *ret_facts,
	       const char **ret_bad);
int64_t row_now(const struct value *row);
enum state row_state(const struct plan *plan, const struct value *row);
const char *row_native(const struct plan *plan, const struct value *row);
/* Where a column is mapped: its text; else NULL. */
const char *row_text(const struct plan *plan, const struct value *row, enum role role);
/* A mapped column's number, or `otherwise`. */
int64_t row_number(const struct plan *plan, const struct value *row, enum role role,
		   int64_t otherwise);
/* A signal; NO_TIME when it is NULL, not mapped or unreadable. */
int64_t row_time(const struct plan *plan, const struct value *row, enum signal signal);
void row_print_id(struct text *text, const struct plan *plan, const struct value *row);
/*
 * An id as people are shown it, and as the program takes it back: a host's is so already; in one of ours '%' and control
 * characters become %XX.
 */
void id_show(struct text *text, const struct profile *profile, const char *id);
/* As people read the owner (16-byte blobs as UUIDs); adds nothing when there is none. */
void row_print_owner(struct text *text, const struct plan *plan, const struct value *row);
/* A hash of key, state, owner, token and times: another one once the row was claimed again. */
uint64_t row_fingerprint(const struct plan *plan, const struct value *row);
/* The claim's token as opaque text. */
void row_print_token(struct text *text, const struct plan *plan, const struct value *row);

/* The states of a worker by its label; `ignored`: a label that the worker rule leaves alone. */
enum presence worker_presence(const struct workers *workers, const char *label,
			      bool *ret_ignored);

#endif
