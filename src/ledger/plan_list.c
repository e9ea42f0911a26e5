/* The statements of a plan with their names, in the order in which they run, each under a comment for a DBA. */
#include "pieces.h"

#include <string.h>

/* Who is told, and what the cells of a row are called in the statements at hand. */
struct teller {
	const struct plan *plan;
	plan_line_fn *line;
	void *context;
	bool of_worker; /* rows are those of the workers statement */
	struct text text;
};

static const char *cell_name(const struct teller *t, int cell)
{
	const struct workers *w = &t->plan->profile->workers;
	const char *of_worker[] = { "now", w->key, w->seen.column, w->lease.column, w->state };
	const char *name = NULL;
	if (t->of_worker) {
		name = cell >= 0 && cell < 5 ? of_worker[cell] : NULL;
	} else if (cell > 0 && (size_t)cell <= t->plan->column_count) {
		name = t->plan->columns[cell - 1];
	} else if (cell == t->plan->at.version) {
		name = "the row's version";
	}
	return name ? name : "?";
}

static void add_param(struct teller *t, const struct param *param)
{
	static const char *const meanings[INPUT_COUNT] = {
		[INPUT_LIMIT] = "at most so many rows",
		[INPUT_OWNER] = "the owner",
		[INPUT_REASON] = "the reason",
		[INPUT_ERROR] = "the error's text",
		[INPUT_RESULT] = "the result",
		[INPUT_PROGRESS] = "the progress",
		[INPUT_STATUS] = "the worker's status",
		[INPUT_ID] = "the task's id",
		[INPUT_ATTEMPTS] = "attempts as read",
		[INPUT_RECOVERIES] = "recoveries as read",
		[INPUT_LEASE] = "the lease in microseconds",
		[INPUT_RETRY] = "the wait before the next attempt in microseconds",
		[INPUT_SPAN] = "the deadline's span in microseconds",
		[INPUT_DEAD] = "the workers proven dead, a JSON array",
		[INPUT_QUEUE] = "the queue, NULL for all",
	};
	switch (param->input) {
	case INPUT_ROW:
		text_printf(&t->text, "%s as read", cell_name(t, param->index));
		break;
	case INPUT_KEY:
		text_printf(&t->text, "key: %s", t->plan->profile->key.items[param->index]);
		break;
	case INPUT_LIMIT:
	case INPUT_OWNER:
	case INPUT_REASON:
	case INPUT_ERROR:
	case INPUT_RESULT:
	case INPUT_PROGRESS:
	case INPUT_STATUS:
	case INPUT_ID:
	case INPUT_ATTEMPTS:
	case INPUT_RECOVERIES:
	case INPUT_LEASE:
	case INPUT_RETRY:
	case INPUT_SPAN:
	case INPUT_DEAD:
	case INPUT_QUEUE:
	case INPUT_COUNT:
		/* NOLINTNEXTLINE: a static array of all inputs */
		text_add(&t->text, meanings[param->input]);
		break;
	}
}

static void tell(struct teller *t, const char *name, const char *comment,
		 const struct planned *planned)
{
	const struct statement *statement = &planned->statement;
	if (!statement->sql) {
		return;
	}
	text_clear(&t->text);
	text_printf(&t->text, "-- %s\n", comment);
	for (int i = 0; i < statement->slot_count; i++) {
		text_add(&t->text, "--   ");
		t->plan->driver->marker(&t->text, i + 1);
		text_add(&t->text, " = ");
		add_param(t, &planned->params[statement->slots[i]]);
		text_add(&t->text, "\n");
	}
	text_add(&t->text, statement->sql);
	t->line(t->context, name, text_string(&t->text));
}

static void tell_fixed(struct teller *t, enum sql sql, const char *comment)
{
	const struct sql_text *text = plan_sql(t->plan, sql);
	text_clear(&t->text);
	text_printf(&t->text, "-- %s\n%s", comment, text->text);
	t->line(t->context, text->name, text_string(&t->text));
}

static void tell_find(struct teller *t, const char *name, const char *comment,
		      const struct planned_find *find)
{
	if (find->present) {
		struct text TEXT_CLEANUP next = { 0 };
		tell(t, name, comment, &find->first);
		text_printf(&next, "%s, next page", name);
		tell(t, text_string(&next), "behind the last row of the page before",
		     &find->after);
	}
}

static void tell_change(struct teller *t, const char *name, const struct planned_change *change,
			const char *comment)
{
	struct text TEXT_CLEANUP full = { 0 };
	if (!change->change) {
		return;
	}
	bool with_error =
		strcmp(change->update[0].statement.sql, change->update[1].statement.sql) != 0;
	tell(t, name, comment, &change->update[0]);
	if (with_error) {
		text_printf(&full, "%s, with an error", name);
		tell(t, text_string(&full),
		     "the same where there is a text for the error column", &change->update[1]);
	}
	for (size_t i = 0; i < change->also_count; i++) {
		bool call = i == 0 && change->change->call;
		text_clear(&full);
		text_printf(&full, "%s, %s", name, call ? "call" : "also");
		tell(t, text_string(&full),
		     call ? "while the row is locked, and still what was read"
			  : "in the same transaction, for each row that changed",
		     &change->also[i]);
	}
}

static void tell_sweep(struct teller *t)
{
	const struct plan *plan = t->plan;
	bool turns = !plan->profile->audit_is_log;
	if (turns) {
		tell_fixed(t, SQL_TURN_TAKE,
			   "sweep: takes the turn; no row: somebody else has it");
		tell_fixed(t, SQL_TURN_READ,
			   "sweep: is the turn still ours, and is there an outage to be "
			   "patient about");
	}
	tell(t, "workers", "sweep: the workers, to judge which are silent", &plan->workers);
	tell(t, "count_claims", "sweep: how many claims are in flight", &plan->count_claims);
	tell(t, "newest_claim", "sweep, before the valve holds: the newest sign of any claim",
	     &plan->newest_claim);
	tell_find(t, "find",
		  "sweep: claims that may be stale, oldest first; no locks; the judge decides",
		  &plan->find);
	tell_find(t, "find late", "sweep: other rows past their deadline", &plan->late);
	t->of_worker = true;
	tell(t, "worker_end",
	     "sweep: ends or labels a silent worker, if its row is still what was read",
	     &plan->worker_end);
	tell(t, "worker_same", "sweep: is the worker's row still what was read",
	     &plan->worker_same);
	t->of_worker = false;
	for (int i = 0; i < REMEDY_COUNT; i++) {
		struct text TEXT_CLEANUP name = { 0 };
		text_printf(&name, "remedy %s", remedy_name((enum remedy)i));
		tell_change(t, text_string(&name), &plan->remedies[i],
			    plan->remedies[i].change && plan->remedies[i].change->call
				    ? "sweep: locks the row, by key and only if all that the "
				      "verdict read is unchanged"
				    : "sweep: the remedy, by key and only if all that the "
				      "verdict read is unchanged");
	}
	tell(t, "wake",
	     "sweep: once in each transaction that requeued: tells the host's workers",
	     &plan->wake);
	if (plan->passes_over_locked) {
		tell(t, "unchanged",
		     "sweep: of a row that did not change: is it still what was read, and so "
		     "locked by somebody",
		     &plan->unchanged);
	}
	for (size_t i = 0; i < plan->audit_count; i++) {
		tell(t, "audit", "sweep: the host's own audit, in the same transaction",
		     &plan->audit[i]);
	}
	if (turns) {
		tell_fixed(t, SQL_EVENT, "sweep: our audit, in the same transaction");
		tell_fixed(t, SQL_TURN_RESULT, "sweep: keeps the result");
	}
}

static void tell_own_verbs(struct teller *t)
{
	static const struct {
		enum sql sql;
		const char *comment;
	} verbs[] = {
		{ SQL_SUBMIT, "submit: adds a task" },
		{ SQL_CLAIM, "claim: takes due tasks of every queue" },
		{ SQL_CLAIM_QUEUE, "claim: takes due tasks of one queue" },
		{ SQL_TASK, "complete, fail, release, cancel, retry: what they decide by" },
		{ SQL_RENEW, "renew: extends a lease, keeps the progress" },
		{ SQL_COMPLETE, "complete: hands a result in" },
		{ SQL_RESCHEDULE, "fail: with attempts left" },
		{ SQL_FAIL, "fail: for good" },
		{ SQL_RELEASE, "release: gives the task and its attempt back" },
		{ SQL_CANCEL, "cancel: by an operator" },
		{ SQL_RETRY, "retry: by an operator" },
		{ SQL_WORKER_REGISTER, "work: registers" },
		{ SQL_WORKER_BEAT, "work: renews the lease that all of its claims share" },
		{ SQL_WORKER_HOLDS, "work: what the ledger thinks that it holds" },
		{ SQL_WORKER_STOP, "work: signs off" },
	};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		tell_fixed(t, verbs[i].sql, verbs[i].comment);
	}
}

static void tell_host_verbs(struct teller *t)
{
	const struct plan *plan = t->plan;
	tell(t, "free", "claim: rows that are free, in the profile's order", &plan->free);
	for (int i = 0; i < VERB_COUNT; i++) {
		struct text TEXT_CLEANUP name = { 0 };
		text_printf(&name, "verb %s", verb_name((enum verb)i));
		tell_change(t, text_string(&name), &plan->verbs[i],
			    "of a worker or an operator, by key and only if state and token "
			    "are unchanged");
	}
	tell(t, "worker_beat", "beat: a worker's sign of life", &plan->worker_beat);
}

static void tell_looks(struct teller *t)
{
	const struct plan *plan = t->plan;
	tell(t, "read", "show, explain: one row", &plan->read);
	tell(t, "list", "list: newest first", &plan->list_all);
	tell(t, "list in_flight", "list --state in_flight", &plan->list_in_flight);
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		if (plan->profile->states[state].count > 0) {
			struct text TEXT_CLEANUP name = { 0 };
			text_printf(&name, "list %s", state_word((enum state)state));
			tell(t, text_string(&name), "list --state", &plan->list[state]);
		}
	}
	tell(t, "count_states", "status: rows by state", &plan->count_states);
	tell_find(t, "every", "workers, status, cleanup: all claims in flight", &plan->every);
	if (!plan->profile->audit_is_log) {
		tell_fixed(t, SQL_AUDIT, "audit, show: the audit");
	}
}

void plan_list(const struct plan *plan, plan_line_fn *line, void *context)
{
	struct teller teller = { .plan = plan, .line = line, .context = context };
	tell_sweep(&teller);
	if (plan->profile->native) {
		tell_own_verbs(&teller);
	} else {
		tell_host_verbs(&teller);
	}
	tell_looks(&teller);
	text_finish(&teller.text);
}
