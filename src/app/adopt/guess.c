/* From evidence to a profile's text: its head, and all parts in their order. */
#include "writer.h"

#include <string.h>

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
