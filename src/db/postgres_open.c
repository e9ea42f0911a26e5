/* Opening, losing and finding again a connection. */
#include "postgres.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVER_MIN 130000
#define NAP_MIN (USEC_PER_SEC / 20)
#define NAP_MAX (2 * USEC_PER_SEC)
#define NAP_LOOK (USEC_PER_SEC / 20)

bool postgres_cancelled(const struct postgres *pg)
{
	return pg->cancel && __atomic_load_n(pg->cancel, __ATOMIC_RELAXED);
}

bool postgres_nap(const struct postgres *pg, int64_t time)
{
	for (int64_t until = monotonic_now() + time; !postgres_cancelled(pg);) {
		int64_t left = until - monotonic_now();
		if (left <= 0) {
			return true;
		}
		left = left < NAP_LOOK ? left : NAP_LOOK;
		nanosleep(&(struct timespec){ .tv_nsec = (long)(left * 1000) }, NULL);
	}
	return false;
}

void postgres_disconnect(struct postgres *pg)
{
	PQfinish(pg->handle);
	pg->handle = NULL;
}

/* ---- one attempt ---- */

/* A library prints nothing. */
static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

/* `postgres://…` as the client library spells it, or the keywords behind `postgres:`. */
static const char *connection_text(struct postgres *pg)
{
	const char *rest = pg->db.url->rest;
	return strncmp(rest, "//", 2) == 0 ? arena_printf(&pg->db.arena, "postgresql:%s", rest)
					   : rest;
}

static bool has_option(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++) {
		if (strcmp(options->keyword, keyword) == 0) {
			return options->val != NULL;
		}
	}
	return false;
}

/* The message names what is wrong; what it quotes may hold a password. */
static enum reclaim_status fail_url(const struct postgres *pg, char *message,
				    struct reclaim_error *error)
{
	TEXT_CLEANUP struct text why = { 0 };
	if (message) {
		text_add_visible(&why, message, strcspn(message, "\"\n"));
	}
	PQfreemem(message);
	return fail(error, RECLAIM_INVALID,
		    "database URL '%s' can't be read: %s…; allowed: "
		    "postgres://user@host:port/database and whatever else libpq takes",
		    pg->shown, text_string(&why));
}

/* Whether somebody else says a setting of ours: the URL, the environment, or a service's entry. */
static bool said(const PQconninfoOption *options, const char *keyword, const char *variable)
{
	return has_option(options, keyword) || has_option(options, "service") ||
	       getenv("PGSERVICE") || getenv(variable);
}

static enum reclaim_status check_server(const struct postgres *pg, PGconn *handle,
					struct reclaim_error *error)
{
	int version = PQserverVersion(handle);
	if (version < SERVER_MIN) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "database '%s': the server is version %d; needed: %d or later",
			    pg->shown, version / 10000, SERVER_MIN / 10000);
	}
	return RECLAIM_OK;
}

static enum reclaim_status try_connect(struct postgres *pg, PGconn **ret_handle,
				       bool *ret_try_again, struct reclaim_error *error)
{
	char *message = NULL;
	const char *text = connection_text(pg);
	*ret_try_again = false;
	if (!text) {
		return fail_no_memory(error);
	}
	PQconninfoOption *options = PQconninfoParse(text, &message);
	if (!options) {
		return fail_url(pg, message, error);
	}
	/* In front of the URL are defaults, behind it what must be so. */
	static const char *const keywords[] = { "target_session_attrs",      "connect_timeout",
						"fallback_application_name", "dbname",
						"client_encoding",           NULL };
	const char *const values[] = {
		said(options, "target_session_attrs", "PGTARGETSESSIONATTRS") ? NULL
		: pg->read_only                                               ? "any"
									      : "read-write",
		said(options, "connect_timeout", "PGCONNECT_TIMEOUT") ? NULL : "10",
		"reclaim",
		text,
		"UTF8",
		NULL
	};
	PQconninfoFree(options);
	PGconn *handle = PQconnectdbParams(keywords, values, /* expand_dbname= */ 1);
	enum reclaim_status status =
		PQstatus(handle) == CONNECTION_OK
			? check_server(pg, handle, error)
			: postgres_fail_connect(pg, handle, ret_try_again, error);
	if (status != RECLAIM_OK) {
		PQfinish(handle);
		return status;
	}
	PQsetNoticeReceiver(handle, ignore_notice, NULL);
	PQsetnonblocking(handle, 1);
	*ret_handle = handle;
	return RECLAIM_OK;
}

enum reclaim_status postgres_connect(struct postgres *pg, PGconn **ret_handle,
				     struct reclaim_error *error)
{
	bool try_again;
	return try_connect(pg, ret_handle, &try_again, error);
}

/* ---- again ---- */

/* Whether the other side is still there, as far as can be seen without asking. */
static bool lives(PGconn *handle)
{
	struct pollfd socket = { .fd = PQsocket(handle), .events = POLLIN };
	for (int i = 0; i < 16 && PQstatus(handle) == CONNECTION_OK; i++) {
		if (poll(&socket, 1, 0) <= 0) {
			return true;
		}
		if (!PQconsumeInput(handle)) {
			return false;
		}
		PQclear(PQisBusy(handle) ? NULL : PQgetResult(handle));
	}
	return PQstatus(handle) == CONNECTION_OK;
}

/* Twice as long each time, each between a half and the whole of it. */
static enum reclaim_status connect_again(struct postgres *pg, struct reclaim_error *error)
{
	int64_t until = monotonic_now() + pg->patience;
	for (int64_t nap = NAP_MIN;; nap = 2 * nap < NAP_MAX ? 2 * nap : NAP_MAX) {
		bool again = false;
		enum reclaim_status status = try_connect(pg, &pg->handle, &again, error);
		int64_t time =
			nap / 2 + (int64_t)random_below(&pg->jitter, (uint64_t)(nap / 2 + 1));
		if (status == RECLAIM_OK || !again || monotonic_now() + time > until ||
		    !postgres_nap(pg, time)) {
			return status;
		}
	}
}

enum reclaim_status postgres_ready(struct postgres *pg, struct reclaim_error *error)
{
	if (pg->handle && !lives(pg->handle)) {
		postgres_disconnect(pg);
	}
	return pg->handle ? RECLAIM_OK : connect_again(pg, error);
}
