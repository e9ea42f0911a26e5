/* Checks what a profile derives: computed columns and where they are named, error entries, and SQL that stands alone. */
#include "check.h"

#include <string.h>

/* Names that begin so are ours: the state by predicate, and what else a plan computes. */
#define OURS "reclaim_"

static bool check_computed(struct checker *c)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
	for (size_t i = 0; i < c->profile->computed_count; i++) {
		const struct computed *computed = &c->profile->computed[i];
		const char *name = computed->name;
		if (strspn(name, letters) != strlen(name) || strchr("0123456789", name[0]) ||
		    strlen(name) > COMPUTED_NAME_MAX ||
		    strncmp(name, OURS, strlen(OURS)) == 0) {
			return BAD(
				c, computed->line,
				"compute names the column '%s'; allowed: letters, digits and "
				"_, no digit first, at most %d, not %s…",
				name, COMPUTED_NAME_MAX, OURS);
		}
	}
	return true;
}

static bool is_computed(struct checker *c, const struct node *section, const char *option,
			const char *column)
{
	const struct computed *computed = profile_computed(c->profile, column);
	return computed && !BAD(c, node_line(section, option),
				"%s names '%s', which is computed (line %d); allowed: columns "
				"of the table",
				option, column, computed->line);
}

/* What is written must be a column of the table. */
static bool check_written(struct checker *c)
{
	const struct names *key = &c->profile->key;
	for (size_t i = 0; i < key->count; i++) {
		if (is_computed(c, c->reader->root, "key", key->items[i])) {
			return false;
		}
	}
	const struct node *columns = section_of(c, "columns");
	return !is_computed(c, columns, "state", c->profile->roles[ROLE_STATE]) &&
	       !is_computed(c, columns, "error", c->profile->roles[ROLE_ERROR]);
}

static bool check_error(struct checker *c)
{
	const struct profile *p = c->profile;
	const struct node *section = node_child(c->reader->root, "error", 0);
	if (!section) {
		return true;
	}
	if (!p->roles[ROLE_ERROR] && p->error_mode != ERROR_REPLACE) {
		return BAD(c, node_line(section, "mode"),
			   "append and push need a column; allowed: columns { error = \"…\" }");
	}
	if (!p->roles[ROLE_ERROR] && !remedies_take_error(p)) {
		return BAD(c, section->line,
			   "error has nothing that takes it; allowed: columns { error = "
			   "\"…\" }, or {error} in a remedy");
	}
	if (p->error_mode == ERROR_PUSH && p->error_entry_count == 0) {
		return BAD(c, node_line(section, "mode"),
			   "mode = \"push\" needs what is pushed; allowed: entry { NAME = "
			   "\"…\" … }");
	}
	return true;
}

static bool check_sql(struct checker *c, const struct node *section, const char *option,
		      const char *sql)
{
	return !sql || check_expression(c->reader, section, option, 0, sql, HOLES_PLAIN);
}

bool check_derived(struct checker *c)
{
	const struct node *root = c->reader->root;
	return check_computed(c) && check_written(c) && check_error(c) &&
	       check_remedy(c, c->profile->conflict, node_line(root, "conflict"), "conflict") &&
	       check_sql(c, root, "wake", c->profile->wake) &&
	       check_sql(c, section_of(c, "detect"), "version", c->profile->version_query);
}
