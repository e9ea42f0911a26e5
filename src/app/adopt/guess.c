/* From columns and states to a profile's text. */
#include "guess.h"

#include <string.h>

struct writer {
	const struct evidence_of_table *found;
	const struct column *columns[PART_COUNT];
	bool has[STATE_COUNT]; /* states that a native one, or a predicate, stands for */
	struct text *out;
};

static void line(struct writer *w, const char *indent, const char *name, const char *value,
		 const char *why)
{
	text_printf(w->out, "%s%-12s = \"", indent, name);
	for (const char *at = value; *at; at++) {
		if (*at == '"' || *at == '\\') {
			text_add_char(w->out, '\\');
		}
		text_add_char(w->out, *at);
	}
	text_printf(w->out, "\"%s%s\n", why ? "  # guess: " : "", why ? why : "");
}

/* A quoted SQL name, for expressions. */
static void add_name(struct text *text, const struct writer *w, const struct column *column)
{
	char quote = w->found->quote;
	text_add_char(text, quote);
	text_add_quoted(text, column->name, strlen(column->name), quote);
	text_add_char(text, quote);
}

/* ---- times ---- */

enum time_format format_meant(const struct column *column, const struct value *sample)
{
	if (column->kind == COLUMN_INSTANT || column->kind == COLUMN_ZONED) {
		return column->kind == COLUMN_ZONED ? TIME_ZONED : TIME_UTC;
	}
	if (sample && sample->type == VALUE_INT) {
		int64_t n = sample->number;
		return n > INT64_C(100000000000000) ? TIME_EPOCH_US
		       : n > INT64_C(100000000000)  ? TIME_EPOCH_MS
						    : TIME_EPOCH;
	}
	int64_t unused;
	if (!sample || sample->type != VALUE_TEXT ||
	    !time_parse(sample->data, sample->size, &unused)) {
		return TIME_FORMAT_COUNT;
	}
	bool zulu = strchr("Zz", sample->data[sample->size - 1]) != NULL;
	bool offset = sample->size > 10 && strpbrk(sample->data + 10, "+-") != NULL;
	return zulu                      ? TIME_RFC3339
	       : offset                  ? TIME_ZONED
	       : sample->data[10] == 'T' ? TIME_ISO
					 : TIME_UTC;
}

static enum time_format usual_format(const struct writer *w)
{
	for (int p = 0; p < PART_COUNT; p++) {
		if (w->columns[p] && part_is_time((enum part)p) &&
		    w->found->formats[p] != TIME_FORMAT_COUNT) {
			return w->found->formats[p];
		}
	}
	return TIME_UTC;
}

static void write_times(struct writer *w)
{
	enum time_format usual = usual_format(w);
	bool any = false;
	for (int p = 0; p < PART_COUNT; p++) {
		enum time_format format = w->found->formats[p];
		if (!w->columns[p] || !part_is_time((enum part)p) || format == usual ||
		    format == TIME_FORMAT_COUNT) {
			continue;
		}
		text_add(w->out, any ? "" : "\ntimes {\n");
		line(w, "\t", part_name((enum part)p), time_format_name(format), NULL);
		any = true;
	}
	text_add(w->out, any ? "}\n" : "");
}

/* ---- columns ---- */

static void write_key(struct writer *w)
{
	const struct table *table = w->found->table;
	text_add(w->out, "key    = {");
	const char *comma = " ";
	for (int place = 1; place <= (int)table->column_count; place++) {
		for (size_t i = 0; i < table->column_count; i++) {
			if (table->columns[i].key == place) {
				text_printf(w->out, "%s\"%s\"", comma, table->columns[i].name);
				comma = ", ";
			}
		}
	}
	text_add(w->out, " }\n");
}

static const char *why_column(int part)
{
	static const char *const doubts[PART_COUNT] = {
		[PART_OWNER] = "who works on it",
		[PART_CLAIMED] = "when the attempt in flight began",
		[PART_BEAT] = "when its worker last gave a sign",
		[PART_LEASE] = "until when the claim is good",
		[PART_DEADLINE] = "by when it must be done",
		[PART_ATTEMPTS] = "counted when a worker claims",
		[PART_UPDATED] = "set by every change of the row",
		[PART_DUE] = "when it may be claimed",
	};
	return doubts[part]                    ? doubts[part]
	       : part_is_time((enum part)part) ? NULL
					       : "by its name";
}

static void write_token(struct writer *w)
{
	static const enum part fence[] = { PART_OWNER, PART_CLAIMED, PART_ATTEMPTS };
	const char *comma = " ";
	struct text TEXT_CLEANUP names = { 0 };
	for (size_t i = 0; i < sizeof(fence) / sizeof(fence[0]); i++) {
		if (w->columns[fence[i]]) {
			text_printf(&names, "%s\"%s\"", comma, w->columns[fence[i]]->name);
			comma = ", ";
		}
	}
	if (names.size > 0) {
		text_printf(w->out,
			    "\t%-12s = {%s }  # guess: what a claim changes, and nothing else "
			    "does\n",
			    "token", text_string(&names));
	}
}

static void write_columns(struct writer *w, bool by_state)
{
	text_add(w->out, "\ncolumns {\n");
	for (int p = 0; p < PART_COUNT; p++) {
		if (w->columns[p] && (p != PART_STATE || by_state)) {
			line(w, "\t", part_name((enum part)p), w->columns[p]->name,
			     why_column(p));
		}
	}
	line(w, "\t", "time", time_format_name(usual_format(w)),
	     "how its times are kept; one without a zone is taken for UTC");
	write_token(w);
	text_add(w->out, "}\n");
	write_times(w);
}

/* ---- states ---- */

static void write_state_word(struct writer *w, enum state state)
{
	const char *comma = " ";
	struct text TEXT_CLEANUP counts = { 0 };
	for (size_t i = 0; i < w->found->state_count; i++) {
		const struct state_seen *seen = &w->found->states[i];
		if (seen->meant != state) {
			continue;
		}
		if (!w->has[state]) {
			text_printf(w->out, "\t%-9s = {", state_word(state));
		}
		w->has[state] = true;
		text_printf(w->out, "%s\"%s\"", comma, seen->native);
		comma = ", ";
		if (seen->count >= 0) {
			text_printf(&counts, "%s%lld %s", counts.size ? ", " : "",
				    (long long)seen->count, seen->native);
		}
	}
	if (w->has[state]) {
		text_printf(w->out, " }%s%s\n", counts.size ? "  # guess: " : "  # guess",
			    text_string(&counts));
	}
}

static void write_states(struct writer *w)
{
	text_add(w->out,
		 w->found->state_is_number
			 ? "\n# Numbers say nothing of what they mean: the code that writes "
			   "them does. This is their order, no more.\nstates {\n"
			 : "\n# The first of each is the one that is written.\nstates {\n");
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		write_state_word(w, (enum state)state);
	}
	for (size_t i = 0; i < w->found->state_count; i++) {
		const struct state_seen *seen = &w->found->states[i];
		if (seen->meant == STATE_NONE) {
			text_printf(w->out, "\t# not in the dictionary, never touched: \"%s\"",
				    seen->native);
			text_printf(w->out, seen->count < 0 ? "\n" : " (%lld)\n",
				    (long long)seen->count);
		}
	}
	text_add(w->out, "}\n");
}

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

/* Without a state column: a task that is claimed and has not ended is running. */
static void write_predicates(struct writer *w)
{
	static const char *const failed_names[] = { "failed_at", "failedAt", "discarded_at",
						    "discardedAt", NULL };
	const struct column *claim =
		w->columns[PART_CLAIMED] ? w->columns[PART_CLAIMED] : w->columns[PART_LEASE];
	const struct column *failed = named(w->found->table, failed_names);
	const struct column *finished = w->columns[PART_FINISHED];
	struct text TEXT_CLEANUP open = { 0 };
	struct text TEXT_CLEANUP running = { 0 };
	struct text TEXT_CLEANUP ready = { 0 };
	const struct column *ends[] = { finished, failed };
	for (size_t i = 0; i < 2; i++) {
		if (ends[i]) {
			text_add(&open, " AND ");
			add_name(&open, w, ends[i]);
			text_add(&open, " IS NULL");
		}
	}
	add_name(&running, w, claim);
	text_printf(&running, " IS NOT NULL%s", text_string(&open));
	add_name(&ready, w, claim);
	text_printf(&ready, " IS NULL%s", text_string(&open));
	text_add(w->out, "\n# There is no column of states.\npredicates {\n");
	line(w, "\t", "running", text_string(&running), "claimed, and not ended");
	line(w, "\t", "ready", text_string(&ready), "not claimed, and not ended");
	w->has[STATE_RUNNING] = w->has[STATE_READY] = true;
	for (size_t i = 0; i < 2; i++) {
		struct text TEXT_CLEANUP ended = { 0 };
		if (ends[i]) {
			enum state state = i == 0 ? STATE_COMPLETED : STATE_FAILED;
			add_name(&ended, w, ends[i]);
			text_add(&ended, " IS NOT NULL");
			line(w, "\t", state_word(state), text_string(&ended), "by its name");
			w->has[state] = true;
		}
	}
	text_add(w->out, "}\n");
	/* A remedy can't write what a predicate says. */
	w->has[STATE_FAILED] = w->has[STATE_STUCK] = false;
}

/* ---- rules and remedies ---- */

static const char *remedy(const struct writer *w)
{
	return w->has[STATE_READY] ? "requeue" : "report";
}

static void write_rule(struct writer *w, const char *name, const char *when, const char *of,
		       const char *after, const char *reason)
{
	text_printf(w->out, "\nrule %s {\n", name);
	line(w, "\t", "when", when, NULL);
	if (of) {
		text_printf(w->out, "\t%-12s = { \"%s\" }\n", "of", of);
	}
	if (after) {
		line(w, "\t", "after", after, reason);
	}
	line(w, "\t", "then", remedy(w), NULL);
	text_add(w->out, "}\n");
}

static void write_rules(struct writer *w)
{
	if (w->columns[PART_DEADLINE] && w->has[STATE_FAILED]) {
		text_add(w->out, "\nrule deadline {\n\twhen         = \"deadline\"\n\tthen     "
				 "    = \"fail\"\n}\n");
	}
	if (w->columns[PART_LEASE]) {
		write_rule(w, "lease", "lease", NULL, NULL, NULL);
	}
	if (w->columns[PART_BEAT]) {
		write_rule(w, "silent", "heartbeat", NULL, "5m",
			   "at least three times the pause between two heartbeats");
	}
	if (w->columns[PART_CLAIMED]) {
		write_rule(w, "too-old", "age", "claimed_at", "1h",
			   "longer than the longest task takes, or it runs twice");
	} else if (!w->columns[PART_LEASE] && !w->columns[PART_BEAT]) {
		write_rule(w, "untouched", "age", "updated_at", "1h",
			   "longer than the longest task takes without a change of its row");
	}
}

static void write_budget(struct writer *w)
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
		    w->has[STATE_STUCK]    ? "stuck"
		    : w->has[STATE_FAILED] ? "fail"
					   : "report");
}

static void write_requeue(struct writer *w)
{
	static const enum part cleared[] = { PART_OWNER, PART_CLAIMED, PART_BEAT, PART_LEASE };
	struct text TEXT_CLEANUP set = { 0 };
	for (size_t i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++) {
		const struct column *column = w->columns[cleared[i]];
		if (column && column->nullable) {
			text_printf(&set, "%s\"%s = NULL\"", set.size ? ", " : "",
				    column->name);
		}
	}
	if (set.size > 0) {
		text_printf(
			w->out,
			"\n# What a worker's claim sets is cleared; add what else it changes.\n"
			"requeue {\n\tset = { %s }\n}\n",
			text_string(&set));
	}
}

/* ---- all of it ---- */

static bool complete(const struct writer *w, bool by_state, struct text *missing)
{
	bool key = false, signal = w->columns[PART_CLAIMED] || w->columns[PART_BEAT] ||
				   w->columns[PART_LEASE] || w->columns[PART_UPDATED];
	for (size_t i = 0; i < w->found->table->column_count; i++) {
		key |= w->found->table->columns[i].key > 0;
	}
	bool running = !by_state;
	for (size_t i = 0; i < w->found->state_count; i++) {
		running |= w->found->states[i].meant == STATE_RUNNING;
	}
	if (!key) {
		text_add(missing, "a primary key: a task must be told from the others\n");
	}
	if (!by_state && !w->columns[PART_CLAIMED] && !w->columns[PART_LEASE]) {
		text_add(missing, "a column of states (status, state), or one that says that a "
				  "task is claimed (locked_at, claimed_at)\n");
	} else if (!running) {
		text_add(missing, "a state that means `running`: name it in states { running = "
				  "{ \"…\" } }\n");
	}
	if (!signal) {
		text_add(missing,
			 "a time to go by: when it was claimed (claimed_at, started_at), last "
			 "heard of (heartbeat_at), or changed (updated_at)\n");
	}
	return missing->size == 0;
}

bool guess_profile(const struct evidence_of_table *found, struct text *out,
		   struct text *ret_missing)
{
	struct writer w = { .found = found, .out = out };
	const char *dot = strrchr(found->table->name, '.');
	for (int p = 0; p < PART_COUNT; p++) {
		w.columns[p] = part_column(found->table, (enum part)p);
	}
	bool by_state = w.columns[PART_STATE] && found->state_count > 0;
	text_printf(out,
		    "# %s, as `reclaim adopt` understands it. Every line that says `guess` is "
		    "one: look at it, and at a\n"
		    "# dry run, before you let it change anything.\n\n",
		    found->table->name);
	text_printf(out, "ledger = \"%s\"\ntable  = \"%s\"\n",
		    dot ? dot + 1 : found->table->name, found->table->name);
	write_key(&w);
	if (!by_state && (w.columns[PART_CLAIMED] || w.columns[PART_LEASE])) {
		write_predicates(&w);
	}
	write_columns(&w, by_state);
	if (by_state) {
		write_states(&w);
	}
	write_rules(&w);
	text_add(out, "\n# The first sweeps should be small.\nlimits {\n\tper_sweep = 10\n}\n");
	write_budget(&w);
	write_requeue(&w);
	return complete(&w, by_state, ret_missing);
}
