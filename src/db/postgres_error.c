/* The engine's conditions in our words: one table. */
#include "postgres.h"

#include "duration.h"

#include <string.h>

struct meaning {
	const char *state; /* an SQLSTATE, or the start of several */
	enum reclaim_status status;
	const char *phrase;
	bool try_again; /* a little later there may be a connection */
};

/* The first that fits counts. */
static const struct meaning meanings[] = {
	{ "57014", RECLAIM_BUSY, "it takes too long", false },
	{ "55P03", RECLAIM_BUSY, "somebody else has it locked", false },
	{ "40", RECLAIM_BUSY, "somebody else changes the same rows", false },
	{ "55006", RECLAIM_BUSY, "somebody else uses it", false },
	{ "42501", RECLAIM_UNAVAILABLE, "a right is missing", false },
	{ "25006", RECLAIM_UNAVAILABLE, "it is read-only", true },
	{ "57P03", RECLAIM_UNAVAILABLE, "the server can't be asked now", true },
	{ "57P", RECLAIM_UNAVAILABLE, "the server has ended the connection", true },
	{ "25P0", RECLAIM_UNAVAILABLE, "the engine has ended the transaction", false },
	{ "08", RECLAIM_UNAVAILABLE, "the connection is lost", true },
	{ "53300", RECLAIM_UNAVAILABLE, "the server has too many connections", true },
	{ "53100", RECLAIM_UNAVAILABLE, "the disk is full", false },
	{ "53", RECLAIM_UNAVAILABLE, "the server lacks something", false },
	{ "58", RECLAIM_UNAVAILABLE, "the server's system fails", false },
	{ "XX", RECLAIM_UNAVAILABLE, "the server fails", false },
	{ "28", RECLAIM_UNAVAILABLE, "the server does not let us in", false },
	{ "3D000", RECLAIM_UNAVAILABLE, "there is no such database", false },
	{ "23505", RECLAIM_INVALID, DB_UNIQUE, false },
	{ "23P01", RECLAIM_INVALID, DB_UNIQUE, false },
	{ "23", RECLAIM_INVALID, "a constraint refuses it", false },
	{ "22", RECLAIM_INVALID, "a value does not fit", false },
	{ "42P01", RECLAIM_INVALID, "a table is missing", false },
	{ "42703", RECLAIM_INVALID, "a column is missing", false },
	{ "42", RECLAIM_INVALID, "the statement fails", false },
	{ "0A", RECLAIM_UNSUPPORTED, "the engine can't do that", false },
	{ "", RECLAIM_INVALID, "it is refused", false }, /* a trigger may say anything */
};

/* Said of catalog rows, in words that are never translated: it has no state of its own. */
static bool is_catalog_race(const char *state, const char *message)
{
	return strcmp(state, "XX000") == 0 &&
	       strncmp(message, "tuple concurrently ", strlen("tuple concurrently ")) == 0;
}

static const struct meaning *meaning_of(const char *state)
{
	size_t i = 0;
	while (strncmp(meanings[i].state, state, strlen(meanings[i].state)) != 0) {
		i++;
	}
	return &meanings[i];
}

static const char *field(const PGresult *failure, int code)
{
	const char *text = failure ? PQresultErrorField(failure, code) : NULL;
	return text ? text : "";
}

/* Lines become one. */
static void add_lines(struct text *out, const char *message)
{
	while (*message) {
		size_t size = strcspn(message, "\n");
		text_add_visible(out, message, size);
		message += size + strspn(message + size, " \t\n");
		text_add(out, *message ? "; " : "");
	}
}

/* ---- rights ---- */

static bool starts(const char *sql, const char *word)
{
	return strncmp(sql + strspn(sql, " \t\n"), word, strlen(word)) == 0;
}

/* What a statement needs to be allowed to do with a table. */
static const char *table_rights(const char *sql)
{
	bool inserts =
		starts(sql, "INSERT") || (starts(sql, "WITH") && strstr(sql, "INSERT INTO"));
	return inserts                 ? "SELECT, INSERT"
	       : starts(sql, "DELETE") ? "SELECT, DELETE"
	       : starts(sql, "UPDATE") || starts(sql, "WITH") || strstr(sql, " KEY UPDATE")
		       ? "SELECT, UPDATE"
		       : "SELECT";
}

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool is_plain(const char *name, size_t size)
{
	size_t at = 0;
	while (at < size && is_word(name[at])) {
		at++;
	}
	return size > 0 && at == size && !(*name >= '0' && *name <= '9');
}

/* As SQL wants it: in quotes, where it is no plain word. */
static void add_identifier(struct text *out, const char *name, size_t size)
{
	struct text TEXT_CLEANUP quoted = { 0 };
	if (is_plain(name, size)) {
		text_add_bytes(out, name, size);
		return;
	}
	text_add_quoted(&quoted, name, size, '"');
	text_add_char(out, '"');
	text_add_visible(out, text_string(&quoted), quoted.size);
	text_add_char(out, '"');
	out->failed |= quoted.failed;
}

/* Where the schema of the dot at `dot` begins, and its size; NULL: there is none. */
static const char *schema_before(const char *sql, const char *dot, size_t *ret_size)
{
	bool quoted = dot > sql && dot[-1] == '"';
	const char *end = quoted ? dot - 1 : dot, *start = end;
	while (start > sql && (quoted ? start[-1] != '"' : is_word(start[-1]))) {
		start--;
	}
	*ret_size = (size_t)(end - start);
	return end > start ? start : NULL;
}

/* The engine names a table without its schema; the statement may tell it: a.NAME or "a"."NAME". */
static void add_schema(struct text *out, const char *sql, const char *name)
{
	size_t size = strlen(name), schema_size = 0;
	for (const char *at = strstr(sql, name); at; at = strstr(at + 1, name)) {
		const char *start = at > sql && at[-1] == '"' && at[size] == '"' ? at - 1 : at;
		bool ends = start < at || !is_word(at[size]);
		const char *schema = ends && start > sql && start[-1] == '.'
					     ? schema_before(sql, start - 1, &schema_size)
					     : NULL;
		if (schema) {
			add_identifier(out, schema, schema_size);
			text_add_char(out, '.');
			return;
		}
	}
}

/* The GRANT that gives what the engine's message ("permission denied for KIND NAME") misses. */
static void add_grant(const struct postgres *pg, const char *message, const char *sql,
		      struct text *out)
{
	static const char denied[] = "permission denied for ";
	static const struct {
		const char *kind, *rights, *on;
	} kinds[] = {
		{ "table ", NULL, "" },
		{ "view ", NULL, "" },
		{ "relation ", NULL, "" },
		{ "schema ", "USAGE", "SCHEMA " },
		{ "sequence ", "USAGE", "SEQUENCE " },
		{ "function ", "EXECUTE", "FUNCTION " },
		{ "database ", "CREATE", "DATABASE " },
	};
	const char *at = strstr(message, denied);
	const char *user = pg->handle ? PQuser(pg->handle) : NULL;
	for (size_t i = 0; at && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *kind = at + strlen(denied);
		if (strncmp(kind, kinds[i].kind, strlen(kinds[i].kind)) == 0) {
			const char *name = kind + strlen(kinds[i].kind);
			text_printf(out, "; needed: GRANT %s ON %s",
				    kinds[i].rights ? kinds[i].rights : table_rights(sql),
				    kinds[i].on);
			add_schema(out, sql, name);
			add_identifier(out, name, strlen(name));
			text_add(out, " TO ");
			add_identifier(out, user ? user : "us", strlen(user ? user : "us"));
			return;
		}
	}
}

/* ---- failures ---- */

/* A standby refuses to begin what writes in words of its own; nothing else of a begin can be unknown to an engine. */
static const char *state_of(const struct trip *trip, const char *tried)
{
	const char *state = field(trip->failure, PG_DIAG_SQLSTATE);
	return strcmp(tried, "begin") == 0 && strncmp(state, "0A", 2) == 0 ? "25006" : state;
}

static enum reclaim_status fail_lost(struct postgres *pg, const char *tried, bool commits,
				     struct reclaim_error *error)
{
	TEXT_CLEANUP struct text why = { 0 };
	add_lines(&why, pg->handle ? PQerrorMessage(pg->handle) : "");
	if (!commits) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': %s: the connection is lost: %s", pg->shown, tried,
			    why.size ? text_string(&why) : "no answer");
	}
	return fail(error, RECLAIM_UNKNOWN,
		    "database '%s': %s: the connection was lost while it was committed: the "
		    "outcome is unknown: %s",
		    pg->shown, tried, why.size ? text_string(&why) : "no answer");
}

/* A script sets its own patience. */
static enum reclaim_status fail_locked(const struct postgres *pg, const char *tried,
				       struct reclaim_error *error)
{
	TEXT_CLEANUP struct text patience = { 0 };
	if (strcmp(tried, "script") != 0 && !(pg->db.in_transaction && pg->brief)) {
		text_add(&patience, " for over ");
		duration_print(&patience, pg->patience);
	}
	return fail(error, RECLAIM_BUSY, "database '%s': %s: somebody else has it locked%s",
		    pg->shown, tried, text_string(&patience));
}

static enum reclaim_status fail_overdue(const struct postgres *pg, const struct trip *trip,
					const char *tried, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text patience = { 0 };
	duration_print(&patience, pg->patience);
	return fail(error, RECLAIM_BUSY,
		    "database '%s': %s: it has waited for others' transactions for over %s: %s",
		    pg->shown, tried, text_string(&patience),
		    text_string(&trip->watch->holders));
}

enum reclaim_status postgres_fail(struct postgres *pg, struct trip *trip, const char *tried,
				  const char *sql, bool commits, struct reclaim_error *error)
{
	const char *message = field(trip->failure, PG_DIAG_MESSAGE_PRIMARY);
	const char *state = is_catalog_race(state_of(trip, tried), message)
				    ? "40001"
				    : state_of(trip, tried);
	if (trip->no_memory) {
		return fail_no_memory(error);
	}
	/* What the server refused before it came to the commit has not happened. */
	if (!*state || (trip->lost && commits && trip->failed == trip->sent - 1)) {
		return fail_lost(pg, tried, commits, error);
	}
	const struct meaning *meaning = meaning_of(state);
	if (strcmp(state, "55P03") == 0) {
		return fail_locked(pg, tried, error);
	}
	if (strcmp(state, "57014") == 0 && trip->overdue) {
		return fail_overdue(pg, trip, tried, error);
	}
	if (strcmp(state, "57014") == 0 && postgres_cancelled(pg)) {
		return fail(error, RECLAIM_BUSY, "database '%s': %s: cancelled", pg->shown,
			    tried);
	}
	/* A server that has become a standby is not the one to ask again. */
	trip->lost |= strcmp(state, "25006") == 0 && !pg->read_only;
	TEXT_CLEANUP struct text why = { 0 };
	add_lines(&why, message);
	if (*field(trip->failure, PG_DIAG_MESSAGE_DETAIL)) {
		text_add(&why, "; ");
		add_lines(&why, field(trip->failure, PG_DIAG_MESSAGE_DETAIL));
	}
	if (strcmp(state, "42501") == 0) {
		add_grant(pg, message, sql, &why);
	}
	fail(error, meaning->status, "database '%s': %s: %s: %s", pg->shown, tried,
	     meaning->phrase, text_string(&why));
	if (error) {
		error->overlong = strcmp(state, "57014") == 0;
	}
	return db_note_unique(error, meaning->phrase, meaning->status);
}

/* ---- no connection ---- */

/* The client library tells in words what has no SQLSTATE. */
static bool is_refusal(const char *message)
{
	static const char *const words[] = { "authentication failed",
					     "no pg_hba.conf entry",
					     "does not exist",
					     "is not permitted to log in",
					     "no password supplied",
					     "invalid",
					     "certificate" };
	bool refused = false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		refused |= strstr(message, words[i]) != NULL;
	}
	return refused;
}

enum reclaim_status postgres_fail_connect(const struct postgres *pg, PGconn *handle,
					  bool *ret_try_again, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text why = { 0 };
	if (!handle) {
		*ret_try_again = false;
		return fail_no_memory(error);
	}
	const char *message = PQerrorMessage(handle);
	if (strncmp(message, "invalid ", 8) == 0) {
		/* Nobody was asked: the URL is wrong. What is quoted may be a piece of a password. */
		text_add_visible(&why, message, strcspn(message, "\"\n"));
		*ret_try_again = false;
		return fail(error, RECLAIM_INVALID, "database URL '%s' can't be used: %s…",
			    pg->shown, text_string(&why));
	}
	add_lines(&why, message);
	*ret_try_again = !is_refusal(text_string(&why));
	return fail(error, RECLAIM_UNAVAILABLE, "database '%s' can't be reached: %s", pg->shown,
		    text_string(&why));
}
