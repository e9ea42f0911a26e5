/* A pass under way, and its look at the rows: page by page in keyset order, each judged. */
#ifndef SWEEP_SCAN_H
#define SWEEP_SCAN_H

#include "pass.h"
#include "probe.h"

struct pass {
	struct ledger *ledger;
	const struct plan *plan;
	const struct pass_options *options;
	const struct policy *policy;
	const char *only_owner; /* NULL: all */
	bool every_claim;       /* without the bound: the policy is not the plan's */
	struct lockfile lockfile;
	struct crowd crowd;
	/* What the profile's probe said of the owners it was asked about. */
	struct probe_list probes;
	struct grace grace;
	struct valve valve;
	int64_t now;           /* of the first look: the time of every verdict of the pass */
	int64_t room;          /* what is left of the cap */
	int64_t stale_changed; /* stale, and no longer what an earlier dry run named */
	unsigned long batch;   /* counts the transactions that take */
	bool brief;            /* it has waited for somebody's lock once: that is enough */
	int64_t until; /* what is not taken by then waits for the next pass (monotonic) */
	int64_t newest;
	struct suspect *suspects;
	size_t suspect_count, suspect_room;
	void *context; /* of the visitor that scans */
	struct sweep_result *result;
	struct reclaim_error *error;
};

/* A row with its verdict; the row lives until the page ends. */
struct judged {
	const struct value *row;
	struct facts facts;
	struct verdict verdict;
	const char *unreadable; /* the column whose time can't be read; NULL: none */
	enum remedy refused; /* that a unique index of the host refused: `refusal` says which */
	const char *refusal; /* NULL: none was */
};

/* Called for each row of a page; false ends the scan. After a page `page_end` is called. */
struct visitor {
	enum reclaim_status (*row)(struct pass *pass, const struct judged *judged,
				   bool *ret_go_on);
	enum reclaim_status (*page_end)(struct pass *pass, bool *ret_go_on); /* may be NULL */
	bool needs_remedy; /* what is counted by our audit is asked for: it may make a remedy the last resort */
};

enum reclaim_status scan(struct pass *pass, const struct visitor *visitor);
/* The look of a dry run without its second half: crowd, grace and valve as they stand, for judging a single row. */
enum reclaim_status pass_look(struct ledger *ledger, struct pass *ret_pass,
			      struct valve *ret_valve, struct reclaim_error *error);
void pass_finish(struct pass *pass);
/* Whether rows have been taken for long enough; then the result says that it was cut short. */
bool pass_is_over(struct pass *pass);
/* Judges one row as the pass does. */
void judge_row(struct pass *pass, const struct value *row, int64_t now,
	       struct judged *ret_judged);
/* Judges again what would be requeued, once our audit has said how often it was, where that is what counts recoveries. */
enum reclaim_status judge_budgets(struct pass *pass, struct judged *items, size_t count,
				  int64_t now);

#endif
