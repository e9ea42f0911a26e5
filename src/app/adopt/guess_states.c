/* The part of a guessed profile that says which rows are in which state. */
#include "writer.h"

#include <string.h>

/* ---- by a column ---- */

static const char *grounds_told(enum grounds grounds)
{
	static const char *const told[] = {
		[GROUNDS_NONE] = "",
		[GROUNDS_WORD] = "",
		[GROUNDS_ROWS] = ", by what its rows have",
		[GROUNDS_DEFAULT] = ", with which a row begins",
		[GROUNDS_ORDER] = ", by its place alone",
	};
	return told[grounds];
}

/* "12 pending"; "failed: no row". */
static void tell_count(struct text *out, const struct state_seen *seen)
{
	text_add(out, out->size ? ", " : "");
	if (seen->count > 0) {
		text_printf(out, "%lld %s", (long long)seen->count, seen->native);
	} else {
		text_printf(out, "no %s", seen->native);
	}
	text_add(out, grounds_told(seen->grounds));
}

static void write_word(struct writer *w, enum state state)
{
	struct text TEXT_CLEANUP counts = { 0 };
	for (size_t i = 0; i < w->found->state_count; i++) {
		const struct state_seen *seen = &w->found->states[i];
		if (seen->meant != state || !can_be_said(seen->native)) {
			continue;
		}
		if (!w->has[state]) {
			text_printf(w->out, "\t%-9s = { ", state_word(state));
		}
		text_add(w->out, w->has[state] ? ", " : "");
		w->has[state] = true;
		write_string(w->out, seen->native);
		tell_count(&counts, seen);
	}
	if (w->has[state]) {
		text_printf(w->out, " }  # guess: %s\n", text_string(&counts));
	}
}

static void write_unknown(struct writer *w)
{
	for (size_t i = 0; i < w->found->state_count; i++) {
		const struct state_seen *seen = &w->found->states[i];
		if (seen->meant != STATE_NONE && can_be_said(seen->native)) {
			continue;
		}
		text_add(w->out, "\t# not understood, and never touched: ");
		text_add_visible(w->out, seen->native, strlen(seen->native));
		text_printf(w->out, seen->count <= 0 ? "\n" : " (%lld)\n",
			    (long long)seen->count);
	}
}

void write_states(struct writer *w)
{
	text_add(w->out, w->found->state_is_number
				 ? "\n# What a number means only the code knows that writes "
				   "it.\nstates {\n"
				 : "\n# The first of each is the one that is written.\n"
				   "states {\n");
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		write_word(w, (enum state)state);
	}
	write_unknown(w);
	if (!w->has[STATE_RUNNING]) {
		text_add(w->out, "\t" FILL_IN "running = { \"…\" }, the state of a task that a "
				 "worker has in its hands\n");
	}
	if (!w->has[STATE_READY]) {
		text_add(w->out, "\t# No state means ready: what is stale is only reported, "
				 "until ready = { \"…\" } stands here\n"
				 "\t# and the rules say: then = \"requeue\".\n");
	}
	text_add(w->out, "}\n");
}

/* ---- by predicates ---- */

static const struct column *named(const struct table *table, const char *const *names)
{
	for (; *names; names++) {
		for (size_t i = 0; i < table->column_count; i++) {
			if (strcasecmp(table->columns[i].name, *names) == 0) {
				return &table->columns[i];
			}
		}
	}
	return NULL;
}

/* A quoted SQL name. */
static void add_name(struct text *text, const struct writer *w, const struct column *column)
{
	char quote = w->found->quote;
	text_add_char(text, quote);
	text_add_quoted(text, column->name, strlen(column->name), quote);
	text_add_char(text, quote);
}

static void add_test(struct text *text, const struct writer *w, const struct column *column,
		     const char *test)
{
	if (column) {
		text_add(text, text->size ? " AND " : "");
		add_name(text, w, column);
		text_add(text, test);
	}
}

/* A word by: claimed (or not), and neither of both ends. */
static void write_open(struct writer *w, enum state state, const struct column *claim,
		       const char *test, const struct column *const ends[2], const char *why)
{
	struct text TEXT_CLEANUP predicate = { 0 };
	add_test(&predicate, w, claim, test);
	add_test(&predicate, w, ends[0], " IS NULL");
	add_test(&predicate, w, ends[1], " IS NULL");
	write_line(w, "\t", state_word(state), text_string(&predicate), why);
	w->has[state] = true;
}

static void write_ended(struct writer *w, enum state state, const struct column *end)
{
	struct text TEXT_CLEANUP predicate = { 0 };
	add_test(&predicate, w, end, " IS NOT NULL");
	if (end) {
		write_line(w, "\t", state_word(state), text_string(&predicate), "by its name");
	}
}

/* A task that is claimed and has not ended is running. */
void write_predicates(struct writer *w)
{
	static const char *const failed_names[] = { "failed_at", "failedAt", "discarded_at",
						    "discardedAt", NULL };
	const struct column *claim =
		w->columns[PART_CLAIMED] ? w->columns[PART_CLAIMED] : w->columns[PART_LEASE];
	const struct column *const ends[2] = { w->columns[PART_FINISHED],
					       named(w->found->table, failed_names) };
	text_add(w->out,
		 w->found->too_many_states
			 ? "\n# The column that is named like a state has too many values to "
			   "be one.\npredicates {\n"
			 : "\n# There is no column of states.\npredicates {\n");
	if (claim) {
		write_open(w, STATE_RUNNING, claim, " IS NOT NULL", ends,
			   "claimed, and not ended");
		write_open(w, STATE_READY, claim, " IS NULL", ends,
			   "not claimed, and not ended");
	} else {
		text_add(w->out, "\t" FILL_IN "running = \"…\", what in SQL makes a row a task "
				 "that a worker has in its hands; or name the column of its "
				 "state: columns { state = \"…\" } and states { … }\n");
	}
	write_ended(w, STATE_COMPLETED, ends[0]);
	write_ended(w, STATE_FAILED, ends[1]);
	text_add(w->out, "}\n");
}
