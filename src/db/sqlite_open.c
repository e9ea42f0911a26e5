/* Opening: from a URL to a file, and from a file to a connection that is known to work. */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* sqlite:FILE as it is; sqlite:///path decoded. */
static enum reclaim_status name_file(struct sqlite *sqlite, const char **ret_name,
				     struct reclaim_error *error)
{
	const struct url *url = sqlite->db.url;
	const char *name = url->rest;
	if (strncmp(name, "//", 2) == 0) {
		const char *path = name + 2 + strcspn(name + 2, "/?");
		size_t host = (size_t)(path - (name + 2));
		if (host > 0 && (host != 9 || strncmp(name + 2, "localhost", 9) != 0)) {
			return fail(error, RECLAIM_INVALID,
				    "database URL '%s' names a host, but the file is on this "
				    "machine: sqlite:FILE or sqlite:///absolute/path",
				    url->shown);
		}
		if (strchr(path, '?')) {
			return fail(error, RECLAIM_INVALID,
				    "database URL '%s' has parameters, and there are none; a "
				    "'?' in a file's name is written %%3F",
				    url->shown);
		}
		name = percent_decode(&sqlite->db.arena, path, strlen(path));
		if (!name) {
			return fail(error, RECLAIM_INVALID,
				    "database URL '%s': '%%' must be followed by two "
				    "hexadecimal digits other than 00",
				    url->shown);
		}
	}
	if (!*name) {
		return fail(error, RECLAIM_INVALID,
			    "database URL '%s' names no file; allowed: sqlite:FILE or "
			    "sqlite:///absolute/path",
			    url->shown);
	}
	if (strcmp(name, ":memory:") == 0) {
		return fail(error, RECLAIM_INVALID,
			    "database URL '%s': a database in memory has one connection only, "
			    "and several are needed; allowed: sqlite:FILE",
			    url->shown);
	}
	*ret_name = name;
	return RECLAIM_OK;
}

static enum reclaim_status fail_missing(struct sqlite *sqlite, const struct db_options *options,
					struct reclaim_error *error)
{
	const char *slash = strrchr(sqlite->file, '/');
	size_t size = slash == sqlite->file ? 1 : (size_t)(slash - sqlite->file);
	char *folder = arena_copy(&sqlite->db.arena, sqlite->file, size);
	struct stat found;
	if (!folder) {
		return fail_no_memory(error);
	}
	if (stat(folder, &found) != 0) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "no database file '%s': its folder does not exist", sqlite->shown);
	}
	if (options->create && !options->read_only) {
		return RECLAIM_OK;
	}
	return fail(error, RECLAIM_UNAVAILABLE, "no database file '%s'%s", sqlite->shown,
		    options->ours ? " (`reclaim init` or `reclaim submit` creates it)" : "");
}

/* The engine says "unable to open database file" to all of these. */
static enum reclaim_status look_at_file(struct sqlite *sqlite, const struct db_options *options,
					struct reclaim_error *error)
{
	struct stat found;
	if (stat(sqlite->file, &found) != 0) {
		if (errno == ENOENT) {
			return fail_missing(sqlite, options, error);
		}
		return fail(error, RECLAIM_UNAVAILABLE, "database '%s' can't be reached: %s",
			    sqlite->shown, strerror(errno));
	}
	if (!S_ISREG(found.st_mode)) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s' is %s; a regular file is needed", sqlite->shown,
			    S_ISDIR(found.st_mode) ? "a directory"
						   : "a device, pipe or socket");
	}
	if (faccessat(AT_FDCWD, sqlite->file, R_OK, AT_EACCESS) != 0) {
		return fail(error, RECLAIM_UNAVAILABLE, "database '%s' can't be read: %s",
			    sqlite->shown, strerror(errno));
	}
	return RECLAIM_OK;
}

enum reclaim_status sqlite_find_file(struct sqlite *sqlite, const struct db_options *options,
				     struct reclaim_error *error)
{
	struct arena *arena = &sqlite->db.arena;
	TEXT_CLEANUP struct text shown = { 0 };
	const char *name = NULL;
	enum reclaim_status status = name_file(sqlite, &name, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	text_add_visible(&shown, name, strlen(name));
	sqlite->shown = shown.failed ? NULL : arena_string(arena, text_string(&shown));
	/* A name that begins with "file:" or ':' means something else to the engine. */
	sqlite->file = *name == '/' ? name : arena_printf(arena, "./%s", name);
	if (!sqlite->shown || !sqlite->file) {
		return fail_no_memory(error);
	}
	return look_at_file(sqlite, options, error);
}

/* Whether the file's header asks for a WAL; read through the engine's own descriptor, whose locks another would drop. */
static bool is_wal(struct sqlite *sqlite)
{
	sqlite3_file *file = NULL;
	unsigned char version = 0;
	sqlite3_file_control(sqlite->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	return file && file->pMethods &&
	       file->pMethods->xRead(file, &version, /* size= */ 1, /* offset= */ 18) ==
		       SQLITE_OK &&
	       version == 2;
}

static int first_read(struct sqlite *sqlite)
{
	int64_t count;
	return sqlite_ask(sqlite, "SELECT count(*) FROM sqlite_schema", &count);
}

/* A reader of a WAL makes files beside it. */
static bool lacks_wal(struct sqlite *sqlite, int code)
{
	int primary = code & 0xff;
	return (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY) && is_wal(sqlite);
}

static enum reclaim_status fail_first_read(struct sqlite *sqlite, int code,
					   struct reclaim_error *error)
{
	if (lacks_wal(sqlite, code)) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': it is in WAL mode, where even a reader writes "
			    "'%s-wal' and '%s-shm', and can't: %s",
			    sqlite->shown, sqlite->shown, sqlite->shown,
			    sqlite3_errmsg(sqlite->handle));
	}
	return sqlite_fail(sqlite, code, NULL, error);
}

/* One value for a statement, one for a write transaction. */
static void reclaim_now(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct sqlite *sqlite = sqlite3_user_data(context);
	(void)count;
	(void)values;
	if (!sqlite->now_known) {
		sqlite->now = wall_now();
		sqlite->now_known = true;
	}
	sqlite3_result_int64(context, sqlite->now);
}

static int is_cancelled(void *context)
{
	const struct sqlite *sqlite = context;
	return sqlite->cancellable && sqlite_cancelled(sqlite);
}

/* How many steps of the engine's machine lie between two looks at `cancel`: under a millisecond. */
#define CANCEL_STEPS 20000

static int set_up(struct sqlite *sqlite)
{
	sqlite3 *handle = sqlite->handle;
	sqlite3_extended_result_codes(handle, /* on= */ 1);
	sqlite3_busy_handler(handle, sqlite_nap, sqlite);
	if (sqlite->cancel) {
		sqlite3_progress_handler(handle, CANCEL_STEPS, is_cancelled, sqlite);
	}
	/* A misspelt column in double quotes is an error, never a string. */
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, /* on= */ 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, /* on= */ 1, NULL);
	return sqlite3_create_function(handle, "reclaim_now", /* arguments= */ 0,
				       SQLITE_UTF8 | SQLITE_DIRECTONLY, sqlite, reclaim_now,
				       NULL, NULL);
}

/* Settings of this connection, and, if the file is being made ours, of the file. */
static enum reclaim_status set_modes(struct sqlite *sqlite, const struct db_options *options,
				     struct reclaim_error *error)
{
	static const char *const always[] = { "PRAGMA foreign_keys = ON",
					      "PRAGMA synchronous = FULL" };
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		int code = sqlite_insist(sqlite, always[i]);
		if (code != SQLITE_OK) {
			return sqlite_fail(sqlite, code, NULL, error);
		}
	}
	if (options->ours && options->create && !options->read_only && !is_wal(sqlite)) {
		int code = sqlite_insist(sqlite, "PRAGMA journal_mode = WAL");
		if (code != SQLITE_OK) {
			return sqlite_fail(sqlite, code, NULL, error);
		}
	}
	int code = sqlite_ask(sqlite, "PRAGMA data_version", &sqlite->version);
	return code == SQLITE_OK ? RECLAIM_OK : sqlite_fail(sqlite, code, NULL, error);
}

static bool find_path(struct sqlite *sqlite)
{
	char *path = realpath(sqlite->file, NULL);
	sqlite->path = arena_string(&sqlite->db.arena, path ? path : sqlite->file);
	free(path);
	return sqlite->path != NULL;
}

static int open_as(struct sqlite *sqlite, const char *name, int flags)
{
	int code = sqlite3_open_v2(name, &sqlite->handle, SQLITE_OPEN_NOMUTEX | flags, NULL);
	return code == SQLITE_OK ? set_up(sqlite) : code;
}

/* Nothing stands in the WAL, so the file alone is the database. */
static bool has_empty_wal(struct sqlite *sqlite)
{
	struct stat found;
	const char *wal = arena_printf(&sqlite->db.arena, "%s-wal", sqlite->file);
	return wal && (stat(wal, &found) == 0 ? found.st_size == 0 : errno == ENOENT);
}

/* Who may look but not write looks at the file as it is: the engine takes no locks then, and makes no files. */
static int look_only(struct sqlite *sqlite)
{
	struct text TEXT_CLEANUP uri = { 0 };
	text_add(&uri, "file:");
	for (const char *at = sqlite->file; *at; at++) {
		if (strchr("%?#", *at)) {
			text_printf(&uri, "%%%02X", (unsigned)*at);
		} else {
			text_add_char(&uri, *at);
		}
	}
	text_add(&uri, "?immutable=1");
	sqlite3_close(sqlite->handle);
	sqlite->handle = NULL;
	int code = uri.failed ? SQLITE_NOMEM
			      : open_as(sqlite, text_string(&uri),
					SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	return code == SQLITE_OK ? first_read(sqlite) : code;
}

/*
 * Somebody died in the middle of a write, and the engine undoes it only for who may write. A connection of its own does
 * that: ours stays one that can't write. Else the answer is the one there was, `code`.
 */
static int undo_half_a_write(struct sqlite *sqlite, int code)
{
	sqlite3 *writer = NULL;
	int undone = sqlite3_open_v2(sqlite->file, &writer,
				     SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, NULL);
	if (undone == SQLITE_OK) {
		sqlite3_busy_handler(writer, sqlite_nap, sqlite);
		undone = sqlite3_exec(writer, "SELECT count(*) FROM sqlite_schema", NULL, NULL,
				      NULL);
	}
	sqlite3_close(writer);
	return undone == SQLITE_OK     ? first_read(sqlite)
	       : undone == SQLITE_BUSY ? SQLITE_BUSY
				       : code;
}

enum reclaim_status sqlite_open_file(struct sqlite *sqlite, const struct db_options *options,
				     struct reclaim_error *error)
{
	int code = open_as(sqlite, sqlite->file,
			   options->read_only ? SQLITE_OPEN_READONLY
			   : options->create  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					      : SQLITE_OPEN_READWRITE);
	if (code != SQLITE_OK) {
		return sqlite_fail(sqlite, code, NULL, error);
	}
	code = first_read(sqlite);
	if (options->read_only && lacks_wal(sqlite, code) && has_empty_wal(sqlite)) {
		code = look_only(sqlite);
	} else if (options->read_only && code == SQLITE_READONLY_ROLLBACK) {
		code = undo_half_a_write(sqlite, code);
	}
	enum reclaim_status status = code == SQLITE_OK ? set_modes(sqlite, options, error)
						       : fail_first_read(sqlite, code, error);
	if (status == RECLAIM_OK && !find_path(sqlite)) {
		status = fail_no_memory(error);
	}
	return status;
}
