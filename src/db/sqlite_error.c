/* The engine's codes in our words: one table. */
#include "sqlite.h"

#include "duration.h"

#include <errno.h>

struct meaning {
	int code; /* extended or primary */
	enum reclaim_status status;
	const char *phrase;
};

/* Extended codes before the primary code they belong to. */
static const struct meaning meanings[] = {
	{ SQLITE_BUSY_SNAPSHOT, RECLAIM_BUSY,
	  "somebody else has changed it since this transaction began" },
	{ SQLITE_LOCKED, RECLAIM_BUSY, "a statement of this process still holds it" },
	{ SQLITE_PROTOCOL, RECLAIM_BUSY, "too many processes open it at once" },
	{ SQLITE_SCHEMA, RECLAIM_BUSY, "its schema keeps changing" },
	{ SQLITE_INTERRUPT, RECLAIM_BUSY, "cancelled" },
	{ SQLITE_READONLY_DBMOVED, RECLAIM_UNAVAILABLE,
	  "its file was moved or deleted while it was open" },
	{ SQLITE_READONLY_DIRECTORY, RECLAIM_UNAVAILABLE,
	  "it is read-only: its folder can't be written" },
	{ SQLITE_READONLY_ROLLBACK, RECLAIM_UNAVAILABLE,
	  "it needs a recovery after a crash, which a read-only connection can't do" },
	{ SQLITE_READONLY_RECOVERY, RECLAIM_UNAVAILABLE,
	  "it needs a recovery after a crash, which a read-only connection can't do" },
	{ SQLITE_READONLY_CANTINIT, RECLAIM_UNAVAILABLE,
	  "in WAL mode even a reader writes beside it, and can't" },
	{ SQLITE_READONLY, RECLAIM_UNAVAILABLE, "it is read-only" },
	{ SQLITE_PERM, RECLAIM_UNAVAILABLE, "no right to it" },
	{ SQLITE_AUTH, RECLAIM_UNAVAILABLE, "no right to it" },
	{ SQLITE_CANTOPEN, RECLAIM_UNAVAILABLE, "a file of it can't be opened" },
	{ SQLITE_FULL, RECLAIM_UNAVAILABLE, "the disk is full" },
	{ SQLITE_IOERR_NOMEM, RECLAIM_NO_MEMORY, "" },
	{ SQLITE_IOERR_CORRUPTFS, RECLAIM_UNAVAILABLE, "the file system is corrupted" },
	{ SQLITE_IOERR, RECLAIM_UNAVAILABLE, "reading or writing failed" },
	{ SQLITE_CORRUPT, RECLAIM_UNAVAILABLE, "it is corrupted" },
	{ SQLITE_NOTADB, RECLAIM_UNAVAILABLE, "it is not an SQLite database, or encrypted" },
	{ SQLITE_NOLFS, RECLAIM_UNAVAILABLE, "it is too large for this system" },
	{ SQLITE_NOMEM, RECLAIM_NO_MEMORY, "" },
	{ SQLITE_CONSTRAINT_UNIQUE, RECLAIM_INVALID, DB_UNIQUE },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, RECLAIM_INVALID, DB_UNIQUE },
	{ SQLITE_CONSTRAINT_ROWID, RECLAIM_INVALID, DB_UNIQUE },
	{ SQLITE_CONSTRAINT, RECLAIM_INVALID, "a constraint or trigger refuses it" },
	{ SQLITE_MISMATCH, RECLAIM_INVALID, "a value has the wrong type" },
	{ SQLITE_TOOBIG, RECLAIM_INVALID, "a value is too large" },
	{ SQLITE_ERROR, RECLAIM_INVALID, "the statement fails" },
	{ SQLITE_RANGE, RECLAIM_INTERNAL, "a parameter too many" },
	{ SQLITE_MISUSE, RECLAIM_INTERNAL, "misuse of the engine" },
};

/* The system's word on a failed read, write or open, where it says more than the engine's code. */
static const struct {
	int number;
	const char *phrase;
} system_phrases[] = {
	{ ENOSPC, "the disk is full" },
	{ EDQUOT, "the disk quota is used up" },
	{ EFBIG, "a file of it may not grow any more" },
	{ EROFS, "the file system is read-only" },
	{ EACCES, "a file of it can't be opened: permission denied" },
	{ EPERM, "a file of it can't be opened: not permitted" },
	{ EISDIR, "a file of it is a directory" },
	{ EMFILE, "this process has too many open files" },
	{ ENFILE, "the system has too many open files" },
	{ EIO, "the device fails" },
	{ ESTALE, "the network file system has lost it" },
};

static const struct meaning *find_meaning(int code)
{
	static const struct meaning unexpected = { 0, RECLAIM_INTERNAL,
						   "unexpected answer of the engine" };
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].code == code || meanings[i].code == (code & 0xff)) {
			return &meanings[i];
		}
	}
	return &unexpected;
}

static const char *system_phrase(struct sqlite *sqlite, int code, const char *otherwise)
{
	int primary = code & 0xff;
	int number = sqlite->handle ? sqlite3_system_errno(sqlite->handle) : 0;
	if ((primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) || number == 0) {
		return otherwise;
	}
	for (size_t i = 0; i < sizeof(system_phrases) / sizeof(system_phrases[0]); i++) {
		if (system_phrases[i].number == number) {
			return system_phrases[i].phrase;
		}
	}
	return otherwise;
}

static enum reclaim_status fail_locked(const struct sqlite *sqlite, struct reclaim_error *error)
{
	if (sqlite_cancelled(sqlite)) {
		return fail(error, RECLAIM_BUSY,
			    "database '%s': cancelled while somebody else had it locked",
			    sqlite->shown);
	}
	if (sqlite->patience == 0) {
		return fail(error, RECLAIM_BUSY, "database '%s' is locked by somebody else",
			    sqlite->shown);
	}
	TEXT_CLEANUP struct text patience = { 0 };
	duration_print(&patience, sqlite->patience);
	return fail(error, RECLAIM_BUSY, "database '%s' is locked by somebody else for over %s",
		    sqlite->shown, text_string(&patience));
}

enum reclaim_status sqlite_fail(struct sqlite *sqlite, int code, const char *tried,
				struct reclaim_error *error)
{
	if (code == SQLITE_BUSY || code == SQLITE_BUSY_RECOVERY ||
	    code == SQLITE_BUSY_TIMEOUT) {
		return fail_locked(sqlite, error);
	}
	const struct meaning *meaning = find_meaning(code);
	if (meaning->status == RECLAIM_NO_MEMORY) {
		return fail_no_memory(error);
	}
	/* The connection's own message belongs to its last failure, if that is this one. */
	bool own = sqlite->handle &&
		   (sqlite3_extended_errcode(sqlite->handle) & 0xff) == (code & 0xff);
	fail(error, meaning->status, "database '%s': %s%s%s: %s", sqlite->shown,
	     tried ? tried : "", tried ? ": " : "",
	     system_phrase(sqlite, code, meaning->phrase),
	     own ? sqlite3_errmsg(sqlite->handle) : sqlite3_errstr(code));
	return db_note_unique(error, meaning->phrase, meaning->status);
}
