/* Whether this user can sweep here: rights, and servers that can only be read. */
#include "lint.h"

#include "rights.h"

#include <stdlib.h>
#include <unistd.h>

static void add_grant(void *context, const char *name, const char *sql)
{
	struct lint *lint = context;
	(void)name;
	const char **grants =
		reallocarray(lint->grants, lint->grant_count + 1, sizeof(*lint->grants));
	const char *copy = arena_string(&lint->arena, sql);
	lint->failed |= !grants || !copy;
	lint->grants = grants ? grants : lint->grants;
	if (grants && copy) {
		grants[lint->grant_count++] = copy;
	}
}

static void add_read_only(void *context, const char *why, const char *fix)
{
	lint_add(context, SEVERITY_WARNING, "read-only", fix,
		 "%s: looking works, sweeping does not", why);
}

static bool is_told(const struct lint *lint, const char *fix)
{
	bool told = false;
	for (size_t i = 0; i < lint->count; i++) {
		told |= string_equal(lint->findings[i].fix, fix);
	}
	return told;
}

/* Who lacks the rights to look is told nothing else. */
static void add_lacking(void *context, const struct lacking *lacking)
{
	if (is_told(context, lacking->grant)) {
		return; /* a schema has several tables */
	}
	if (lacking->partly) {
		lint_add(context, SEVERITY_NOTE, "rights", lacking->grant,
			 "this role lacks %s: whoever needs these columns fails",
			 lacking->what);
	} else {
		lint_add(context, lacking->looks ? SEVERITY_ERROR : SEVERITY_WARNING, "rights",
			 lacking->grant, "this role lacks %s: %s", lacking->what,
			 lacking->looks ? "neither looking nor sweeping works"
					: "looking works, sweeping does not");
	}
}

static void lint_files(struct lint *lint)
{
	const char *path = db_lock_path(lint->ledger->db);
	if (path && access(path, W_OK) < 0) {
		lint_add(lint, SEVERITY_WARNING, "rights", NULL,
			 "'%s' is not writable for this user: looking works, sweeping does not",
			 path);
	}
}

enum reclaim_status lint_rights(struct lint *lint, struct reclaim_error *error)
{
	lint_files(lint);
	enum reclaim_status status = ledger_read_only(lint->ledger, add_read_only, lint, error);
	if (!status) {
		status = ledger_lacking(lint->ledger, add_lacking, lint, error);
	}
	return status ? status : ledger_rights(lint->ledger, add_grant, lint, error);
}
