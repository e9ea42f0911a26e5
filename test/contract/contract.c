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

/* Whether one of our tables is named there, by its name on SQLite. */
static bool names_ours(const char *sql)
{
	static const char *const tables[] = { "tasks", "workers", "events", "ledgers",
					      "schema" };
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		if (strncmp(sql + strlen("reclaim_"), tables[i], strlen(tables[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* SQL of a test, with our tables named as they are on the engine. */
static const char *native(const struct db *db, const char *sql)
{
	TEXT_CLEANUP struct text text = { 0 };
	for (const char *next; (next = strstr(sql, "reclaim_")); sql = next) {
		text_add_bytes(&text, sql, (size_t)(next - sql));
		text_add(&text, names_ours(next) ? db->driver->own_prefix : "reclaim_");
		next += strlen("reclaim_");
	}
	text_add(&text, sql);
	return format("%s", text_string(&text));
}

void script(struct db *db, const char *sql)
{
	struct reclaim_error error = { 0 };
	if (db_script(db, native(db, sql), &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
}

struct statement plain(const char *name, const char *sql, bool writes)
{
	return (struct statement){ .name = name, .sql = sql, .writes = writes };
}

static void run_plain(struct db *db, const char *name, const char *sql, bool writes,
		      struct result *ret_result)
{
	struct reclaim_error error = { 0 };
	const struct statement statement = plain(name, native(db, sql), writes);
	if (db_run(db, &statement, NULL, ret_result, &error) != RECLAIM_OK) {
		FAIL_WITH("%s", error.message);
	}
}

int64_t ask(struct db *db, const char *sql)
{
	RESULT_CLEANUP struct result result = { 0 };
	run_plain(db, "ask", sql, /* writes= */ false, &result);
	return value_integer(result_cell(&result, 0, 0), -1);
}

int64_t change(struct db *db, const char *sql)
{
	RESULT_CLEANUP struct result result = { 0 };
	run_plain(db, "change", sql, /* writes= */ true, &result);
	return result.changed;
}

const char *ask_row(struct db *db, const char *sql)
{
	RESULT_CLEANUP struct result result = { 0 };
	TEXT_CLEANUP struct text text = { 0 };
	run_plain(db, "ask", sql, /* writes= */ false, &result);
	for (size_t i = 0; result.rows && i < result.columns; i++) {
		text_add(&text, i ? "|" : "");
		value_print(&text, result_cell(&result, 0, i));
	}
	return format("%s", text_string(&text));
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
