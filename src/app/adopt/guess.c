/* From evidence to a profile's text: its head, its columns. */
#include "writer.h"

#include <string.h>

bool can_be_said(const char *value)
{
	for (const char *at = value; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			return false;
		}
	}
	return *value && utf8_invalid_at(value, strlen(value)) == strlen(value);
}

/* `${` is refused between double quotes, and nothing has a meaning between single ones but themselves and `\`. */
void write_string(struct text *out, const char *value)
{
	char quote = strstr(value, "${") ? '\'' : '"';
	text_add_char(out, quote);
	for (const char *at = value; *at; at++) {
		if (*at == quote || *at == '\\') {
			text_add_char(out, '\\');
		}
		text_add_char(out, *at);
	}
	text_add_char(out, quote);
}

void write_line(struct writer *w, const char *indent, const char *name, const char *value,
		const char *why)
{
	text_printf(w->out, "%s%-12s = ", indent, name);
	write_string(w->out, value);
	text_printf(w->out, "%s%s\n", why ? "  # guess: " : "", why ? why : "");
}

/* ---- times ---- */

/* The database says itself how it keeps an instant of its own type. */
static bool tells_format(const struct writer *w, int part)
{
	const struct column *column = w->columns[part];
	return column && part_is_time((enum part)part) && column->kind != COLUMN_INSTANT &&
	       column->kind != COLUMN_ZONED && w->found->formats[part] != TIME_FORMAT_COUNT;
}

static enum time_format usual_format(const struct writer *w)
{
	for (int p = 0; p < PART_COUNT; p++) {
		if (tells_format(w, p)) {
			return w->found->formats[p];
		}
	}
	return TIME_UTC;
}

void write_times(struct writer *w)
{
	enum time_format usual = usual_format(w);
	bool any = false;
	for (int p = 0; p < PART_COUNT; p++) {
		enum time_format format = w->found->formats[p];
		if (!tells_format(w, p) || format == usual) {
			continue;
		}
		text_add(w->out, any ? "" : "\ntimes {\n");
		write_line(w, "\t", part_name((enum part)p), time_format_name(format),
			   "as a row has it");
		any = true;
	}
	text_add(w->out, any ? "}\n" : "");
}

/* ---- columns ---- */

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
			text_add(&names, comma);
			write_string(&names, w->columns[fence[i]]->name);
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

void write_columns(struct writer *w)
{
	text_add(w->out, "\ncolumns {\n");
	for (int p = 0; p < PART_COUNT; p++) {
		if (w->columns[p] && (p != PART_STATE || w->by_state)) {
			write_line(w, "\t", part_name((enum part)p), w->columns[p]->name,
				   why_column(p));
		}
	}
	write_line(w, "\t", "time", time_format_name(usual_format(w)),
		   "how its times are kept; one without a zone is taken for UTC");
	write_token(w);
	text_add(w->out, "}\n");
}

/* ---- the head ---- */

static size_t write_primary_key(struct writer *w)
{
	const struct table *table = w->found->table;
	size_t count = 0;
	for (int place = 1; place <= (int)table->column_count; place++) {
		for (size_t i = 0; i < table->column_count; i++) {
			if (table->columns[i].key == place) {
				text_add(w->out, count++ ? ", " : "key    = { ");
				write_string(w->out, table->columns[i].name);
			}
		}
	}
	return count;
}

/* The column of a unique index that has no other. */
static const struct column *unique_column(const struct table *table)
{
	for (size_t i = 0; i < table->index_count; i++) {
		const struct table_index *index = &table->indexes[i];
		bool one = *index->definition && !strchr(index->definition, ',');
		if (index->unique && !index->partial && one) {
			return table_column(table, index->first);
		}
	}
	return NULL;
}

static void write_key(struct writer *w)
{
	const struct table *table = w->found->table;
	if (write_primary_key(w) > 0) {
		text_add(w->out, " }\n");
		return;
	}
	const struct column *unique = unique_column(table);
	const struct column *key = unique           ? unique
				   : table->is_view ? table_column(table, "id")
						    : NULL;
	if (key) {
		text_add(w->out, "key    = { ");
		write_string(w->out, key->name);
		text_add(w->out, unique ? " }  # guess: it has a unique index\n"
					: " }  # guess: by its name; a view has no key\n");
		return;
	}
	text_add(w->out, FILL_IN "key = { \"…\" }, the columns that tell a task from the "
				 "others; the table has no primary key\n");
}

static void write_head(struct writer *w)
{
	const char *name = w->found->name;
	text_add(w->out, "# ");
	text_add_visible(w->out, name, strlen(name));
	text_add(w->out,
		 ", as `reclaim adopt` understands it. Every line that says `guess` is one: "
		 "look at it, and at a\n"
		 "# dry run, before you let it change anything.\n\n");
	text_add(w->out, "ledger = ");
	write_string(w->out, table_bare_name(name));
	text_add(w->out, "\ntable  = ");
	write_string(w->out, name);
	text_add(w->out, "\n");
	write_key(w);
}

bool guess_profile(const struct evidence_of_table *found, struct text *out)
{
	struct writer w = { .found = found, .columns = found->columns, .out = out };
	w.by_state = found->columns[PART_STATE] && !found->too_many_states;
	write_head(&w);
	if (!w.by_state) {
		write_predicates(&w);
	}
	write_columns(&w);
	write_times(&w);
	if (w.by_state) {
		write_states(&w);
	}
	write_rules(&w);
	text_add(out, "\n# The first sweeps should be small.\nlimits {\n\tper_sweep = 10\n}\n");
	write_budget(&w);
	write_requeue(&w);
	return !strstr(text_string(out), FILL_IN);
}

const char *guess_missing(const struct text *profile, size_t n, int *ret_line, size_t *ret_size)
{
	int line = 1;
	for (const char *at = text_string(profile); *at; line++) {
		size_t size = strcspn(at, "\n"), indent = strspn(at, "\t");
		bool asks = strncmp(at + indent, FILL_IN, sizeof(FILL_IN) - 1) == 0;
		if (asks && n-- == 0) {
			*ret_line = line;
			*ret_size = size - indent - (sizeof(FILL_IN) - 1);
			return at + indent + sizeof(FILL_IN) - 1;
		}
		at += size + (at[size] == '\n');
	}
	return NULL;
}
