/* What `check` finds in a profile, a schema and their settings: looked for by a function a subject. */
#ifndef APP_LINT_H
#define APP_LINT_H

#include "condition.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_COUNT };
const char *severity_name(enum severity severity);

struct lint_finding {
	enum severity severity;
	const char *subject, *message;
	const char *fix; /* a statement that helps; NULL: none */
};

struct lint {
	struct ledger *ledger;
	const struct condition *condition; /* the ledger as it stands */
	const struct result *sample; /* some of its rows, the newest and those in flight */
	struct arena arena;
	struct lint_finding *findings;
	size_t count, room;
	int counts[SEVERITY_COUNT];
	const char *
		*grants; /* what a role that sweeps needs; none on an engine without roles */
	size_t grant_count;
	bool scans;  /* to find the claims in flight the engine reads the whole table */
	bool failed; /* no memory */
};
void lint_finish(struct lint *lint);

/* `fix` may be NULL; it is copied. */
void lint_add(struct lint *lint, enum severity severity, const char *subject, const char *fix,
	      const char *format, ...) PRINTF_LIKE(5, 6);

void lint_columns(struct lint *lint);
enum reclaim_status lint_indexes(struct lint *lint, struct reclaim_error *error);
void lint_timing(struct lint *lint);
/* What the tables' own definitions refuse, and rows that they don't show. */
enum reclaim_status lint_words(struct lint *lint, struct reclaim_error *error);
/* What this role lacks, and the grants; an error among them: looking does not work. */
enum reclaim_status lint_rights(struct lint *lint, struct reclaim_error *error);
/* The invariants that this ledger can't give. */
void lint_promises(struct lint *lint);

/* How long a dead worker goes unnoticed by one rule, at worst. */
struct worst_case {
	int64_t threshold, interval, grace, total;
	int64_t beyond; /* from the threshold on; NO_TIME: the rule says nothing of dead workers */
	const char *
		column; /* a row's own threshold, which counts where it is not NULL; NULL: none */
};
/* threshold and total NO_TIME: there is none but the row's own, or the rule says nothing of dead workers. */
struct worst_case worst_case_of(const struct profile *profile, const struct rule *rule);

#endif
