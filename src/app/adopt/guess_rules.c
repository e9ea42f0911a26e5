/* The part of a guessed profile that says when a claim is stale, and what is then done. */
#include "writer.h"

#include "duration.h"

#include <string.h>

/* ---- rules ---- */

static const char *remedy(const struct writer *w)
{
	return w->has[STATE_READY] ? "requeue" : "report";
}

static bool has_signs(const struct writer *w)
{
	return w->columns[PART_LEASE] || w->columns[PART_BEAT];
}

static void begin_rule(struct writer *w, const char *name, const char *when)
{
	text_printf(w->out, "\nrule %s {\n", name);
	write_line(w, "\t", "when", when, NULL);
}

static void end_rule(struct writer *w, const char *then, const char *why)
{
	write_line(w, "\t", "then", then, why);
	/* Ours name the owner. */
	if (!w->columns[PART_OWNER]) {
		write_line(w, "\t", "reason", "Nothing for {age}, longer than {threshold}",
			   NULL);
	}
	text_add(w->out, "}\n");
}

/* By what finished tasks took, where rows tell it. */
static void write_age(struct writer *w, const char *otherwise)
{
	struct text TEXT_CLEANUP after = { 0 };
	struct text TEXT_CLEANUP why = { 0 };
	if (w->found->longest == NO_TIME) {
		write_line(w, "\t", "after", "1h", otherwise);
		return;
	}
	duration_print(&after, threshold_by(w->found->longest));
	text_printf(&why,
		    "four times the longest of the newest %lld that finished, which took ",
		    (long long)w->found->finished);
	duration_print_human(&why, w->found->longest);
	write_line(w, "\t", "after", text_string(&after), text_string(&why));
}

static void write_limit(struct writer *w)
{
	begin_rule(w, "too-old", "age");
	text_printf(w->out, "\t%-12s = { \"claimed_at\" }\n", "of");
	write_age(w, "longer than the longest task takes, or it runs twice");
	if (has_signs(w)) {
		end_rule(w, "report", "who gives signs of life is only shown, not robbed");
	} else {
		end_rule(w, remedy(w), NULL);
	}
}

static void write_silence(struct writer *w)
{
	begin_rule(w, "silent", "heartbeat");
	text_printf(w->out, "\t%-12s = { %s\"beat_at\" }\n", "of",
		    w->columns[PART_CLAIMED] ? "\"claimed_at\", " : "");
	write_line(w, "\t", "after", "5m",
		   "at least three times the pause between two heartbeats");
	end_rule(w, remedy(w), NULL);
}

static void write_untouched(struct writer *w)
{
	begin_rule(w, "untouched", "age");
	text_printf(w->out, "\t%-12s = { \"updated_at\" }\n", "of");
	write_age(w, "longer than the longest task takes without a change of its row");
	end_rule(w, remedy(w), NULL);
}

void write_rules(struct writer *w)
{
	if (w->columns[PART_DEADLINE] && w->has[STATE_FAILED]) {
		begin_rule(w, "deadline", "deadline");
		end_rule(w, "fail", NULL);
	}
	if (w->columns[PART_LEASE]) {
		begin_rule(w, "lease", "lease");
		end_rule(w, remedy(w), NULL);
	}
	if (w->columns[PART_BEAT]) {
		write_silence(w);
	}
	if (w->columns[PART_CLAIMED]) {
		write_limit(w);
	} else if (!has_signs(w) && w->columns[PART_UPDATED]) {
		write_untouched(w);
	} else if (!has_signs(w)) {
		text_add(w->out, "\n" FILL_IN
				 "columns { claimed_at = \"…\" }, a time to go by: when it was "
				 "claimed (or beat_at: last heard of; or updated_at: changed), "
				 "and here a rule: rule too-old { when = \"age\"  of = { "
				 "\"claimed_at\" }  after = \"1h\"  then = \"requeue\" }\n");
	}
}

/* ---- what is done ---- */

void write_budget(struct writer *w)
{
	text_add(w->out, "\n# What has had its chances is not run for ever.\nbudget {\n");
	if (w->columns[PART_MAX_ATTEMPTS] && w->columns[PART_ATTEMPTS]) {
		text_add(w->out, "\tattempts    = \"column\"\n");
	} else if (w->columns[PART_ATTEMPTS]) {
		text_add(w->out, "\tattempts    = 5  # guess\n");
	} else {
		text_add(w->out, "\trecoveries  = 3  # guess\n\tkept        = \"audit\"\n");
	}
	text_printf(w->out, "\tlast_resort = \"%s\"\n}\n",
		    w->by_state && w->has[STATE_STUCK]    ? "stuck"
		    : w->by_state && w->has[STATE_FAILED] ? "fail"
							  : "report");
}

/* What the column is given; NULL: it can't be cleared. */
static const char *cleared_value(const struct column *column, enum part part)
{
	bool text = column->kind == COLUMN_TEXT || strstr(column->type, "char") ||
		    strstr(column->type, "text");
	return column->nullable ? "NULL" : part == PART_OWNER && text ? "''" : NULL;
}

/* What a SET list can name. */
static bool can_be_set(const struct column *column)
{
	return !column->key && !strpbrk(column->name, "'\"`(){}<>!,;=");
}

static void add_cleared(struct text *set, const struct column *column, const char *value)
{
	struct text TEXT_CLEANUP assignment = { 0 };
	text_printf(&assignment, "%s = %s", column->name, value);
	text_add(set, set->size ? ", " : "");
	write_string(set, text_string(&assignment));
}

/* What is cleared, and what can't be, because it has to have a value. */
static void list_cleared(const struct writer *w, struct text *set, struct text *left)
{
	static const enum part cleared[] = { PART_OWNER, PART_CLAIMED, PART_BEAT, PART_LEASE };
	for (size_t i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++) {
		const struct column *column = w->columns[cleared[i]];
		const char *value = column ? cleared_value(column, cleared[i]) : NULL;
		if (value && can_be_set(column)) {
			add_cleared(set, column, value);
		} else if (column) {
			text_printf(left, "%s%s", left->size ? ", " : "", column->name);
		}
	}
}

/* A list that changes nothing: without one, what can't be cleared would be. */
static void keep_first(const struct writer *w, struct text *set)
{
	for (int p = 0; p < PART_COUNT && set->size == 0; p++) {
		const struct column *column = p == PART_STATE ? NULL : w->columns[p];
		if (column && can_be_set(column)) {
			add_cleared(set, column, column->name);
		}
	}
}

void write_requeue(struct writer *w)
{
	struct text TEXT_CLEANUP set = { 0 };
	struct text TEXT_CLEANUP left = { 0 };
	if (!w->has[STATE_READY]) {
		return;
	}
	list_cleared(w, &set, &left);
	if (set.size == 0 && !w->by_state) {
		text_add(w->out,
			 "\n" FILL_IN "requeue { set = { \"column = …\" } }, what makes "
			 "a row ready again\n");
		return;
	}
	if (left.size > 0) {
		keep_first(w, &set);
		text_printf(w->out, "\n# These can't be NULL, and stay as they are: %s.",
			    text_string(&left));
	}
	if (set.size > 0) {
		text_printf(w->out,
			    "\n# What a worker's claim sets is cleared; add what else it "
			    "changes.\nrequeue {\n\tset = { %s }\n}\n",
			    text_string(&set));
	}
}
