/* What the table's own definition refuses of what the profile writes; and rows that this role is not shown. */
#include "lint.h"

#include "catalog.h"
#include "labels.h"

#include <ctype.h>
#include <string.h>

#define LABELS_MAX 64

/* A column's words, as one piece of the definition lists them. */
struct listed {
	struct lint *lint;
	const struct table *table;
	const struct column *column;
	const char *labels[LABELS_MAX];
	size_t count;
	bool is_type; /* an enum: nothing else can be in the column */
};

/* ---- a piece of a definition ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the literal that begins here. */
static const char *skip_literal(const char *at)
{
	for (at++; *at && (*at != '\'' || at[1] == '\''); at++) {
		at += *at == '\'';
	}
	return *at ? at + 1 : at;
}

static bool word_is(const char *at, size_t size, const char *word)
{
	return strlen(word) == size && strncasecmp(at, word, size) == 0;
}

/* A condition that looks at more than the one column, or denies, does not simply list its values. */
static bool is_plain(const struct listed *listed, const char *piece)
{
	static const char *const denials[] = { "not", "like", "similar", "regexp" };
	bool plain = !strstr(piece, "<>") && !strstr(piece, "!=") && !strchr(piece, '~');
	for (const char *at = piece; *at && plain;) {
		size_t size = 0;
		while (is_word(at[size])) {
			size++;
		}
		for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
			plain &= !word_is(at, size, denials[i]);
		}
		for (size_t i = 0; size && i < listed->table->column_count; i++) {
			const struct column *other = &listed->table->columns[i];
			plain &= other == listed->column || !word_is(at, size, other->name);
		}
		at = *at == '\'' ? skip_literal(at) : at + (size ? size : 1);
	}
	return plain;
}

/* Behind the parenthesis that closes the one that `at` stands on. */
static const char *skip_parentheses(const char *at)
{
	int depth = 0;
	while (*at) {
		depth += *at == '(';
		depth -= *at == ')';
		at = *at == '\'' ? skip_literal(at) : at + 1;
		if (depth == 0) {
			break;
		}
	}
	return at;
}

static bool starts_check(const char *definition, const char *at)
{
	return strncasecmp(at, "check", 5) == 0 && (at == definition || !is_word(at[-1])) &&
	       at[5 + strspn(at + 5, " \t\r\n")] == '(';
}

/* The next CHECK of a definition, its condition copied; NULL: there is none. */
static const char *next_check(struct arena *arena, const char *definition,
			      const char **ret_condition)
{
	for (const char *at = definition; *at; at = *at == '\'' ? skip_literal(at) : at + 1) {
		if (starts_check(definition, at)) {
			const char *open = strchr(at, '('), *end = skip_parentheses(open);
			*ret_condition = arena_copy(arena, open, (size_t)(end - open));
			return *ret_condition ? end : NULL;
		}
	}
	return NULL;
}

/* ---- words ---- */

static bool is_listed(const struct listed *listed, const char *word)
{
	int (*compare)(const char *, const char *) =
		listed->column->collation ? strcasecmp : strcmp;
	bool found = listed->count > LABELS_MAX;
	for (size_t i = 0; i < listed->count && !found; i++) {
		found = compare(listed->labels[i], word) == 0;
	}
	return found;
}

/* A sweep without the word fails; a verb without it is one that nobody may ever use. */
static void need_word(const struct listed *listed, const char *word, const char *writer,
		      bool sweeps)
{
	if (word && !is_listed(listed, word)) {
		lint_add(listed->lint,
			 listed->is_type && sweeps ? SEVERITY_ERROR : SEVERITY_WARNING,
			 listed->column->name, NULL,
			 "'%s' of '%s' takes no '%s', which the profile's %s writes: the "
			 "table's "
			 "definition lists the values of this column, and that one is not "
			 "among them",
			 listed->column->name, listed->table->name, word, writer);
	}
}

/* Whether some rule, the budget or a conflict may ask for it. */
static bool is_used(const struct plan *plan, enum remedy remedy)
{
	const struct policy *policy = &plan->policy;
	bool used = plan->profile->conflict == remedy, requeues = false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		used |= policy->rules[i].then == remedy;
		requeues |= policy->rules[i].then == REMEDY_REQUEUE;
	}
	return used || (requeues && policy->last_resort == remedy);
}

static void need_words(const struct listed *listed)
{
	const struct plan *plan = listed->lint->ledger->plan;
	const struct workers *workers = &plan->profile->workers;
	if (listed->table != plan->table) {
		need_word(listed, workers->stalled.count ? workers->stalled.items[0] : NULL,
			  "label of silent workers", /* sweeps= */ true);
		return;
	}
	for (int r = 0; r < REMEDY_COUNT; r++) {
		const struct change *change = plan->remedies[r].change;
		bool used = change && is_used(plan, (enum remedy)r);
		if (used && r != REMEDY_REPORT && !change->remove && !change->call) {
			need_word(listed, plan_native_after(plan, change),
				  remedy_name((enum remedy)r), /* sweeps= */ true);
		}
	}
	for (int v = 0; v < VERB_COUNT; v++) {
		const struct change *change = plan->verbs[v].change;
		if (change && !change->remove && !change->call && change->to != STATE_NONE) {
			need_word(listed, plan_native_after(plan, change),
				  verb_name((enum verb)v), /* sweeps= */ false);
		}
	}
}

static void read_piece(struct listed *listed, const char *piece)
{
	listed->is_type = strncasecmp(piece, "enum(", 5) == 0;
	listed->count = 0;
	if (listed->is_type || is_plain(listed, piece)) {
		listed->count = labels_of(&listed->lint->arena, piece, listed->column->name,
					  listed->labels, LABELS_MAX);
	}
	if (listed->count > 0) {
		need_words(listed);
	}
}

static void read_limit(struct listed *listed, const char *definition)
{
	const char *condition = NULL;
	bool any = false;
	for (const char *at = definition;
	     (at = next_check(&listed->lint->arena, at, &condition));) {
		read_piece(listed, condition);
		any = true;
	}
	if (!any && strncasecmp(definition, "create", 6) != 0) {
		read_piece(listed, definition);
	}
}

static enum reclaim_status lint_column(struct lint *lint, const struct table *table,
				       const char *name, struct reclaim_error *error)
{
	struct result RESULT_CLEANUP says = { 0 };
	struct listed listed = { .lint = lint,
				 .table = table,
				 .column = table && name ? table_column(table, name) : NULL };
	if (!listed.column || table->is_view) {
		return RECLAIM_OK;
	}
	const struct catalog_column column = { .table = table, .name = listed.column->name };
	enum reclaim_status status = catalog_says(lint->ledger->db, &column, &says, error);
	for (size_t i = 0; !status && i < says.rows; i++) {
		const struct value *word = result_cell(&says, i, COLUMN_SAYS_R_WORD);
		const struct value *text = result_cell(&says, i, COLUMN_SAYS_R_TEXT);
		if (word->type == VALUE_TEXT && text->type == VALUE_TEXT &&
		    string_equal(word->data, "limit")) {
			read_limit(&listed, text->data);
		}
	}
	return status;
}

/* ---- rows that are hidden ---- */

static enum reclaim_status lint_hidden(struct lint *lint, const struct table *table,
				       struct reclaim_error *error)
{
	struct result RESULT_CLEANUP hidden = { 0 };
	enum reclaim_status status =
		table ? catalog_hidden(lint->ledger->db, table, &hidden, error) : RECLAIM_OK;
	for (size_t i = 0; !status && i < hidden.rows; i++) {
		const struct value *why = result_cell(&hidden, i, HIDDEN_R_WHY);
		const struct value *fix = result_cell(&hidden, i, HIDDEN_R_FIX);
		bool all = value_integer(result_cell(&hidden, i, HIDDEN_R_ALL), 0) != 0;
		lint_add(lint, all ? SEVERITY_ERROR : SEVERITY_WARNING, table->name,
			 fix->type == VALUE_TEXT ? fix->data : NULL, "%s", why->data);
	}
	return status;
}

enum reclaim_status lint_words(struct lint *lint, struct reclaim_error *error)
{
	const struct plan *plan = lint->ledger->plan;
	const struct profile *profile = plan->profile;
	enum reclaim_status status = lint_hidden(lint, plan->table, error);
	if (!status) {
		status = lint_hidden(lint, plan->worker_table, error);
	}
	if (!status) {
		status = lint_column(lint, plan->table, profile->roles[ROLE_STATE], error);
	}
	return status || !plan->worker_has_label
		       ? status
		       : lint_column(lint, plan->worker_table, profile->workers.state, error);
}
