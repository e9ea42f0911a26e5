/* The engine's codes in our words: one table. */
#include "mariadb.h"

#include "duration.h"

#include <errmsg.h>
#include <stdio.h>
#include <string.h>

#define TOOK_TOO_LONG 1969

struct meaning {
	unsigned code;
	enum reclaim_status status;
	const char *phrase;
	bool unsure; /* as the answer to a commit it leaves open what became of it */
};

static const struct meaning meanings[] = {
	{ 1205, RECLAIM_BUSY, "somebody else holds a lock on it", false },
	{ 1213, RECLAIM_BUSY, "a deadlock: the engine chose this transaction to end", false },
	{ 3572, RECLAIM_BUSY, "somebody else holds a lock on it", false },
	{ 1020, RECLAIM_BUSY, "the row was changed since it was read", false },
	{ 1615, RECLAIM_BUSY, "its schema keeps changing", false },
	{ 1412, RECLAIM_BUSY, "its schema was changed", false },
	{ 1637, RECLAIM_BUSY, "too many transactions at once", false },
	{ 1317, RECLAIM_BUSY, "cancelled", true },
	{ TOOK_TOO_LONG, RECLAIM_BUSY, "it takes too long", true },
	{ 1040, RECLAIM_UNAVAILABLE, "the server has too many connections", false },
	{ 1203, RECLAIM_UNAVAILABLE, "this user has too many connections", false },
	{ 1226, RECLAIM_UNAVAILABLE, "this user's limit is reached", false },
	{ 1041, RECLAIM_UNAVAILABLE, "the server is out of memory", true },
	{ 1037, RECLAIM_UNAVAILABLE, "the server is out of memory", true },
	{ 1038, RECLAIM_UNAVAILABLE, "the server is out of memory", true },
	{ 1021, RECLAIM_UNAVAILABLE, "the disk is full", true },
	{ 1114, RECLAIM_UNAVAILABLE, "the table is full", false },
	{ 1030, RECLAIM_UNAVAILABLE, "the storage engine fails", true },
	{ 1290, RECLAIM_UNAVAILABLE, "the server is read-only", false },
	{ 1836, RECLAIM_UNAVAILABLE, "the server is read-only", false },
	{ 1792, RECLAIM_UNAVAILABLE, "the connection is for reading only", false },
	{ 1047, RECLAIM_UNAVAILABLE, "this node of the cluster is not ready", false },
	{ 1053, RECLAIM_UNAVAILABLE, "the server is being shut down", true },
	{ 1180, RECLAIM_UNAVAILABLE, "the commit failed", true },
	{ 1927, RECLAIM_UNAVAILABLE, "the connection was killed", true },
	{ 4031, RECLAIM_UNAVAILABLE, "the connection was idle for too long", true },
	{ 1049, RECLAIM_UNAVAILABLE,
	  "the server has no such database (CREATE DATABASE makes it)", false },
	{ 1044, RECLAIM_UNAVAILABLE, "no right to the database", false },
	{ 1045, RECLAIM_UNAVAILABLE, "the server refuses this user or password", false },
	{ 1698, RECLAIM_UNAVAILABLE, "the server refuses this user or password", false },
	{ 1130, RECLAIM_UNAVAILABLE, "the server refuses this host", false },
	{ 1142, RECLAIM_UNAVAILABLE, "a right is missing", false },
	{ 1143, RECLAIM_UNAVAILABLE, "a right is missing", false },
	{ 1370, RECLAIM_UNAVAILABLE, "a right is missing", false },
	{ 1227, RECLAIM_UNAVAILABLE, "a right is missing", false },
	{ 1665, RECLAIM_UNAVAILABLE, "the server's binlog_format must be ROW or MIXED", false },
	{ 1153, RECLAIM_INVALID, "larger than the server's max_allowed_packet", false },
	{ 1406, RECLAIM_INVALID, "a value is too long", false },
	{ 1062, RECLAIM_INVALID, DB_UNIQUE, false },
	{ 1586, RECLAIM_INVALID, DB_UNIQUE, false },
	{ 1022, RECLAIM_INVALID, DB_UNIQUE, false },
	{ 1048, RECLAIM_INVALID, "a constraint refuses it", false },
	{ 1451, RECLAIM_INVALID, "a constraint refuses it", false },
	{ 1452, RECLAIM_INVALID, "a constraint refuses it", false },
	{ 3819, RECLAIM_INVALID, "a constraint refuses it", false },
	{ 4025, RECLAIM_INVALID, "a constraint refuses it", false },
	{ 1644, RECLAIM_INVALID, "a trigger refuses it", false },
	{ CR_OUT_OF_MEMORY, RECLAIM_NO_MEMORY, "", true },
	{ CR_CONNECTION_ERROR, RECLAIM_UNAVAILABLE, "the server can't be reached", true },
	{ CR_CONN_HOST_ERROR, RECLAIM_UNAVAILABLE, "the server can't be reached", true },
	{ CR_UNKNOWN_HOST, RECLAIM_UNAVAILABLE, "the server's name is unknown", true },
	{ CR_SSL_CONNECTION_ERROR, RECLAIM_UNAVAILABLE, "no TLS connection", true },
	{ CR_SERVER_GONE_ERROR, RECLAIM_UNAVAILABLE, "the connection is lost", true },
	{ CR_SERVER_LOST, RECLAIM_UNAVAILABLE, "the connection is lost", true },
};

/* Client errors are 2000 to 2999 and 5000 to 5999; of those that are not listed the connection is no more to be trusted. */
static bool is_client_error(unsigned code)
{
	return (code >= 2000 && code < 3000) || (code >= 5000 && code < 6000);
}

static struct meaning meaning_of(const struct maria_answer *answer)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].code == answer->code) {
			return meanings[i];
		}
	}
	if (is_client_error(answer->code)) {
		return (struct meaning){ answer->code, RECLAIM_UNAVAILABLE, "the client fails",
					 true };
	}
	if (strncmp(answer->state, "40", 2) == 0) {
		return (struct meaning){ answer->code, RECLAIM_BUSY,
					 "the engine ended this transaction", false };
	}
	return (struct meaning){ answer->code, RECLAIM_INVALID, "the statement fails", false };
}

void maria_answer(struct mariadb *mariadb, MYSQL_STMT *statement,
		  struct maria_answer *ret_answer)
{
	MYSQL *handle = mariadb->handle;
	ret_answer->code = statement ? mysql_stmt_errno(statement) : mysql_errno(handle);
	snprintf(ret_answer->state, sizeof(ret_answer->state), "%s",
		 statement ? mysql_stmt_sqlstate(statement) : mysql_sqlstate(handle));
	snprintf(ret_answer->message, sizeof(ret_answer->message), "%s",
		 statement ? mysql_stmt_error(statement) : mysql_error(handle));
}

bool maria_is_lost(unsigned code)
{
	return (is_client_error(code) && code != CR_OUT_OF_MEMORY) || code == 1053 ||
	       code == 1927 || code == 4031;
}

/* "UPDATE command denied to user 'ann'@'host' for table …": what must be granted, and to whom. */
static void add_grant(struct text *hint, const struct maria_answer *answer,
		      const char *database)
{
	static const char denied[] = " command denied to user ";
	const char *at = strstr(answer->message, denied);
	if (answer->code == 1044) {
		text_printf(hint,
			    "; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX "
			    "ON `%s`.* TO this user gives it",
			    database ? database : "…");
		return;
	}
	if (!at) {
		return;
	}
	const char *user = at + sizeof(denied) - 1;
	const char *object = strstr(user, " for ");
	const char *name = object ? strrchr(object, ' ') : NULL;
	if (object && name) {
		text_printf(hint, "; GRANT %.*s ON %s TO %.*s gives it",
			    (int)(at - answer->message), answer->message, name + 1,
			    (int)(object - user), user);
	}
}

static enum reclaim_status fail_locked(const struct mariadb *mariadb, const char *tried,
				       struct reclaim_error *error)
{
	TEXT_CLEANUP struct text patience = { 0 };
	duration_print(&patience, mariadb->patience);
	bool waited = mariadb->patience && !mariadb->brief;
	return fail(error, RECLAIM_BUSY, "database '%s': %s: somebody else holds a lock%s%s",
		    mariadb->db.url->shown, tried, waited ? " for over " : "",
		    waited ? text_string(&patience) : "");
}

enum reclaim_status maria_fail_large(struct mariadb *mariadb, const char *tried, int64_t bytes,
				     struct reclaim_error *error)
{
	return fail(error, RECLAIM_INVALID,
		    "database '%s': %s: its values have %lld bytes; allowed by the server's "
		    "max_allowed_packet: %lld",
		    mariadb->db.url->shown, tried, (long long)bytes,
		    (long long)maria_packet(mariadb));
}

enum reclaim_status maria_fail_overlong(struct mariadb *mariadb, const char *tried,
					struct reclaim_error *error)
{
	const struct maria_answer answer = { .code = TOOK_TOO_LONG,
					     .message = "the rows of one call" };
	mariadb->dropped = true;
	return maria_fail(mariadb, &answer, tried, /* commits= */ false, error);
}

enum reclaim_status maria_fail(struct mariadb *mariadb, const struct maria_answer *answer,
			       const char *tried, bool commits, struct reclaim_error *error)
{
	struct meaning meaning = meaning_of(answer);
	TEXT_CLEANUP struct text hint = { 0 }, message = { 0 };
	mariadb->broken |= maria_is_lost(answer->code);
	if (commits && meaning.unsure) {
		text_add_visible(&message, answer->message, strlen(answer->message));
		return fail(error, RECLAIM_UNKNOWN,
			    "database '%s': %s: %s, and whether it was kept is unknown: %s",
			    mariadb->db.url->shown, tried, meaning.phrase,
			    text_string(&message));
	}
	if (meaning.status == RECLAIM_NO_MEMORY) {
		return fail_no_memory(error);
	}
	if (mariadb->cancel && maria_cancelled(mariadb) && meaning.status == RECLAIM_BUSY) {
		return fail(error, RECLAIM_BUSY, "database '%s': %s: cancelled",
			    mariadb->db.url->shown, tried);
	}
	if (answer->code == 1205) {
		return fail_locked(mariadb, tried, error);
	}
	if (answer->code == 1792 && mariadb->reading) {
		return fail(error, RECLAIM_INTERNAL,
			    "database '%s': %s writes, and the transaction is for reading",
			    mariadb->db.url->shown, tried);
	}
	text_add_visible(&message, answer->message, strlen(answer->message));
	add_grant(&hint, answer, mariadb->target.database);
	fail(error, meaning.status, "database '%s': %s: %s: %s%s", mariadb->db.url->shown,
	     tried, meaning.phrase, text_string(&message), text_string(&hint));
	if (error) {
		error->overlong = answer->code == TOOK_TOO_LONG;
	}
	return db_note_unique(error, meaning.phrase, meaning.status);
}
