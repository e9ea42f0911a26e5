/* Looks a command up in PATH. */
#include "program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum found { FOUND_NOT, FOUND_FOLDER, FOUND_NOT_EXECUTABLE, FOUND };

static enum found look_at(const char *path)
{
	struct stat found;
	if (stat(path, &found) != 0) {
		return FOUND_NOT;
	}
	if (!S_ISREG(found.st_mode)) {
		return FOUND_FOLDER;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? FOUND : FOUND_NOT_EXECUTABLE;
}

static enum reclaim_status answer(enum found found, const char *name, bool by_path,
				  struct reclaim_error *error)
{
	switch (found) {
	case FOUND:
		return RECLAIM_OK;
	case FOUND_NOT:
		return fail(error, RECLAIM_INVALID, "command '%s' %s", name,
			    by_path ? "was not found in PATH" : "does not exist");
	case FOUND_FOLDER:
		return fail(error, RECLAIM_INVALID,
			    "command '%s' is no file; allowed: an executable file", name);
	case FOUND_NOT_EXECUTABLE:
		break;
	}
	return fail(error, RECLAIM_INVALID, "command '%s' is not executable", name);
}

/* The best in any folder of `folders`; an empty name among them is the current one. */
static enum found search(const char *name, const char *folders, struct arena *arena,
			 const char **ret_path)
{
	enum found best = FOUND_NOT;
	for (const char *at = folders; at && best != FOUND;) {
		size_t size = strcspn(at, ":");
		const char *path =
			arena_printf(arena, "%.*s%s%s", (int)size, at, size ? "/" : "./", name);
		enum found found = path ? look_at(path) : FOUND_NOT;
		if (found > best) {
			best = found;
			*ret_path = path;
		}
		at = at[size] ? at + size + 1 : NULL;
	}
	return best;
}

enum reclaim_status program_find(const char *name, struct arena *arena, const char **ret_path,
				 struct reclaim_error *error)
{
	const char *folders = getenv("PATH");
	if (!*name) {
		return fail(error, RECLAIM_INVALID,
			    "the command's name is empty; allowed: an executable file");
	}
	if (strchr(name, '/')) {
		*ret_path = name;
		return answer(look_at(name), name, /* by_path= */ false, error);
	}
	enum found found = search(name, folders ? folders : "/usr/local/bin:/usr/bin:/bin",
				  arena, ret_path);
	return answer(found, name, /* by_path= */ true, error);
}
