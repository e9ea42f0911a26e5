/* The folder, the connections and the short ways to ask that contract tests share. */
#include "contract.h"

#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena texts;

const char *format(const char *text, ...)
{
	char *printed = NULL;
	va_list arguments;
	va_start(arguments, text);
	int size = vasprintf(&printed, text, arguments);
	va_end(arguments);
	assert_true(size >= 0);
	const char *kept = arena_string(&texts, printed);
	free(printed);
	return kept;
}

int folder_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	char *folder = arena_string(&texts, format("%s/contract-XXXXXX", base ? base : "/tmp"));
	*state = mkdtemp(folder);
	return *state && chmod(folder, 0777) == 0 ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *found, int type, struct FTW *walk)
{
	(void)found;
	(void)type;
	(void)walk;
	return remove(path);
}

int folder_teardown(void **state)
{
	int result = nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	arena_finish(&texts);
	return result;
}

const char *engine_url(void **state)
{
	const char *url = getenv("RECLAIM_TEST_DB");
	return url ? url : file_url(state, "test.db");
}

const char *file_url(void **state, const char *name)
{
	return format("sqlite:%s/%s", (const char *)*state, name);
}

const char *in(void **state, const char *name)
{
	return format("%s/%s", (const char *)*state, name);
}

struct db *open_with(const char *url, const struct db_options *options)
{
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	if (db_open(url, options, &db, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
	return db;
}

struct db *open_ours(const char *url)
{
	return open_with(url, &(struct db_options){ .create = true, .ours = true });
}

void script(struct db *db, const char *sql)
{
	struct reclaim_error error = { 0 };
	if (db_script(db, sql, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
}

struct statement plain(const char *name, const char *sql, bool writes)
{
	return (struct statement){ .name = name, .sql = sql, .writes = writes };
}

int64_t ask(struct db *db, const char *sql)
{
	RESULT_CLEANUP struct result result = { 0 };
	struct reclaim_error error = { 0 };
	struct statement statement = plain("ask", sql, /* writes= */ false);
	if (db_run(db, &statement, NULL, &result, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
	return value_integer(result_cell(&result, 0, 0), -1);
}

int64_t change(struct db *db, const char *sql)
{
	RESULT_CLEANUP struct result result = { 0 };
	struct reclaim_error error = { 0 };
	struct statement statement = plain("change", sql, /* writes= */ true);
	if (db_run(db, &statement, NULL, &result, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
	return result.changed;
}

void assert_failed(enum reclaim_status status, enum reclaim_status expected,
		   const struct reclaim_error *error, ...)
{
	va_list parts;
	va_start(parts, error);
	if (status != expected) {
		FAIL_WITH("%s instead of %s: %s", reclaim_status_text(status),
			  reclaim_status_text(expected), error->message);
	}
	assert_int_equal(error->status, expected);
	const char *part;
	while ((part = va_arg(parts, const char *))) {
		if (!strstr(error->message, part)) {
			FAIL_WITH("no '%s' in: %s", part, error->message);
		}
	}
	va_end(parts);
}

void close_made(struct db *db)
{
	script(db, "CREATE TABLE t (n)");
	db_close(db);
}

void assert_no_open(const char *url, const struct db_options *options, const char *part)
{
	struct reclaim_error error = { 0 };
	struct db *db = NULL;
	assert_failed(db_open(url, options, &db, &error), RECLAIM_UNAVAILABLE, &error,
		      url + strlen("sqlite:"), part, NULL);
	assert_null(db);
}

static void become_nobody(void)
{
	const unsigned nobody = 65534;
	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(nobody) || setuid(nobody))) {
		_exit(99);
	}
}

int in_child(int (*test)(void *context), void *context, bool drop_rights)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (drop_rights) {
			become_nobody();
		}
		_exit(test(context));
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
