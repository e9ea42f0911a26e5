/* mariadb://user:password@host:port/database?…: the URL taken apart. No message shows a part of it that may be secret. */
#include "mariadb.h"

#include <string.h>

#define CONNECT_TIMEOUT 10

/* A piece of the URL, not decoded yet. */
struct piece {
	const char *at;
	size_t size;
};

struct query_name {
	const char *name;
	size_t offset; /* of a string in the target; 0: the connect timeout */
};

static const struct query_name query_names[] = {
	{ "unix_socket", offsetof(struct maria_target, socket) },
	{ "ssl_ca", offsetof(struct maria_target, ssl_ca) },
	{ "ssl_cert", offsetof(struct maria_target, ssl_cert) },
	{ "ssl_key", offsetof(struct maria_target, ssl_key) },
	{ "connect_timeout", 0 },
};

static enum reclaim_status fail_form(const struct mariadb *mariadb, const char *why,
				     struct reclaim_error *error)
{
	return fail(
		error, RECLAIM_INVALID,
		"database URL '%s': %s; it is written "
		"%s://user:password@host:port/database?unix_socket=…&ssl_ca=…, with '/', '?', "
		"'@' and '%%' in names and passwords as %%2F, %%3F, %%40, %%25",
		mariadb->db.url->shown, why, mariadb->db.url->scheme);
}

/* An absent or empty piece stays NULL. */
static bool decode(struct mariadb *mariadb, struct piece piece, const char **ret_text)
{
	if (piece.size > 0) {
		*ret_text = percent_decode(&mariadb->db.arena, piece.at, piece.size);
		return *ret_text != NULL;
	}
	return true;
}

static bool parse_number(struct piece piece, unsigned most, unsigned *ret_number)
{
	unsigned number = 0;
	for (size_t i = 0; i < piece.size; i++) {
		if (piece.at[i] < '0' || piece.at[i] > '9' || number > most) {
			return false;
		}
		number = number * 10 + (unsigned)(piece.at[i] - '0');
	}
	*ret_number = number;
	return piece.size > 0 && number > 0 && number <= most;
}

static struct piece piece_of(const char *at, const char *end)
{
	return (struct piece){ .at = at, .size = (size_t)(end - at) };
}

static enum reclaim_status parse_user(struct mariadb *mariadb, struct piece piece,
				      struct reclaim_error *error)
{
	const char *end = piece.at + piece.size;
	const char *colon = memchr(piece.at, ':', piece.size);
	struct maria_target *target = &mariadb->target;
	if (!decode(mariadb, piece_of(piece.at, colon ? colon : end), &target->user) ||
	    (colon && !decode(mariadb, piece_of(colon + 1, end), &target->password))) {
		return fail_form(mariadb, "a %XX in the user or the password is broken", error);
	}
	if (colon && !target->password) {
		target->password = "";
	}
	return RECLAIM_OK;
}

/* host, host:port, [::1] or [::1]:port. */
static enum reclaim_status parse_host(struct mariadb *mariadb, struct piece piece,
				      struct reclaim_error *error)
{
	const char *at = piece.at, *end = piece.at + piece.size;
	const char *host_end = memchr(at, ':', piece.size);
	if (piece.size > 0 && *at == '[') {
		const char *bracket = memchr(at, ']', piece.size);
		if (!bracket || (bracket + 1 < end && bracket[1] != ':')) {
			return fail_form(mariadb, "the ']' of the host is missing", error);
		}
		at++;
		host_end = bracket;
	}
	host_end = host_end ? host_end : end;
	if (!decode(mariadb, piece_of(at, host_end), &mariadb->target.host)) {
		return fail_form(mariadb, "a %XX in the host is broken", error);
	}
	const char *colon = memchr(host_end, ':', (size_t)(end - host_end));
	if (colon && !parse_number(piece_of(colon + 1, end), 65535, &mariadb->target.port)) {
		return fail_form(mariadb, "the port must be a number from 1 to 65535", error);
	}
	return RECLAIM_OK;
}

static enum reclaim_status fail_name(const struct mariadb *mariadb, struct piece name,
				     struct reclaim_error *error)
{
	TEXT_CLEANUP struct text allowed = { 0 }, shown = { 0 };
	for (size_t i = 0; i < sizeof(query_names) / sizeof(query_names[0]); i++) {
		text_printf(&allowed, "%s%s", i ? ", " : "", query_names[i].name);
	}
	text_add_visible(&shown, name.at, name.size);
	return fail(error, RECLAIM_INVALID,
		    "database URL '%s': unknown parameter '%s'; allowed: %s",
		    mariadb->db.url->shown, text_string(&shown), text_string(&allowed));
}

static enum reclaim_status parse_parameter(struct mariadb *mariadb, struct piece piece,
					   struct reclaim_error *error)
{
	const char *end = piece.at + piece.size;
	const char *equals = memchr(piece.at, '=', piece.size);
	if (!equals) {
		return fail_form(mariadb, "a parameter has no '='", error);
	}
	struct piece name = piece_of(piece.at, equals), value = piece_of(equals + 1, end);
	for (size_t i = 0; i < sizeof(query_names) / sizeof(query_names[0]); i++) {
		const struct query_name *known = &query_names[i];
		if (strlen(known->name) != name.size ||
		    memcmp(known->name, name.at, name.size) != 0) {
			continue;
		}
		if (known->offset == 0) {
			return parse_number(value, 3600, &mariadb->target.connect_timeout)
				       ? RECLAIM_OK
				       : fail_form(mariadb,
						   "connect_timeout must be 1 to 3600 seconds",
						   error);
		}
		const char **place =
			(const char **)(void *)((char *)&mariadb->target + known->offset);
		return decode(mariadb, value, place)
			       ? RECLAIM_OK
			       : fail_form(mariadb, "a %XX of a parameter is broken", error);
	}
	return fail_name(mariadb, name, error);
}

static enum reclaim_status parse_query(struct mariadb *mariadb, const char *at,
				       struct reclaim_error *error)
{
	enum reclaim_status status = RECLAIM_OK;
	while (status == RECLAIM_OK && *at) {
		size_t size = strcspn(at, "&");
		if (size > 0) {
			status = parse_parameter(
				mariadb, (struct piece){ .at = at, .size = size }, error);
		}
		at += size + (at[size] == '&');
	}
	return status;
}

enum reclaim_status maria_target_parse(struct mariadb *mariadb, struct reclaim_error *error)
{
	const char *rest = mariadb->db.url->rest;
	mariadb->target = (struct maria_target){ .connect_timeout = CONNECT_TIMEOUT };
	if (strncmp(rest, "//", 2) != 0) {
		return fail_form(mariadb, "'//' must follow the scheme", error);
	}
	const char *authority = rest + 2;
	const char *path = authority + strcspn(authority, "/?");
	const char *query = path + strcspn(path, "?");
	const char *at = memrchr(authority, '@', (size_t)(path - authority));
	enum reclaim_status status = RECLAIM_OK;
	if (at) {
		status = parse_user(mariadb, piece_of(authority, at), error);
	}
	if (status == RECLAIM_OK) {
		status = parse_host(mariadb, piece_of(at ? at + 1 : authority, path), error);
	}
	if (status == RECLAIM_OK && *path == '/' &&
	    !decode(mariadb, piece_of(path + 1, query), &mariadb->target.database)) {
		status = fail_form(mariadb, "a %XX in the database is broken", error);
	}
	return status == RECLAIM_OK && *query ? parse_query(mariadb, query + 1, error) : status;
}
