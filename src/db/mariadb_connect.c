/* Connections: made, given our settings, noticed to be lost, and made again. */
#include "mariadb.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MIN (USEC_PER_SEC / 10)
#define RETRY_MAX (2 * USEC_PER_SEC)
#define NAP (USEC_PER_SEC / 20)
/* How old the last answer may be before a connection is asked whether it still lives. */
#define TRUSTED (USEC_PER_SEC / 2)

static void start_client(void)
{
	mysql_library_init(0, NULL, NULL);
}

bool maria_cancelled(const struct mariadb *mariadb)
{
	return mariadb->cancel && __atomic_load_n(mariadb->cancel, __ATOMIC_RELAXED);
}

void maria_disconnect(struct mariadb *mariadb)
{
	maria_forget(mariadb);
	mariadb->many = MANY_UNKNOWN;
	mariadb->packet = 0;
	if (mariadb->handle) {
		mysql_close(mariadb->handle);
		mariadb->handle = NULL;
	}
	mariadb->broken = false;
}

static void set_options(const struct mariadb *mariadb, MYSQL *handle)
{
	const struct maria_target *target = &mariadb->target;
	const unsigned no_local_files = 0;
	const unsigned long packet_max = 1UL << 30; /* the server's own limit is lower */
	const my_bool verify = 1;
	char own[4096];
	const char *home = getenv("HOME");
	int size = home ? snprintf(own, sizeof(own), "%s/.my.cnf", home) : -1;
	if (size > 0 && (size_t)size < sizeof(own) && access(own, R_OK) == 0) {
		mysql_options(handle, MYSQL_READ_DEFAULT_FILE, own);
		mysql_options(handle, MYSQL_READ_DEFAULT_GROUP, "client");
	}
	mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &target->connect_timeout);
	mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no_local_files);
	mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_max);
	if (mariadb->cancel) {
		mysql_options(handle, MYSQL_OPT_NONBLOCK, NULL);
	}
	if (target->ssl_ca || target->ssl_cert || target->ssl_key) {
		mysql_ssl_set(handle, target->ssl_key, target->ssl_cert, target->ssl_ca, NULL,
			      NULL);
	}
	if (target->ssl_ca) {
		mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	}
}

/* A connection to the target; NULL: no memory. Whether it stands mysql_errno tells. */
static MYSQL *dial(const struct mariadb *mariadb)
{
	const struct maria_target *target = &mariadb->target;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_client);
	MYSQL *handle = mysql_init(NULL);
	if (!handle) {
		return NULL;
	}
	set_options(mariadb, handle);
	/* Else a change that writes the same value would count as none. */
	if (mysql_real_connect(handle, target->host, target->user, target->password,
			       target->database, target->port, target->socket,
			       CLIENT_FOUND_ROWS)) {
		int fd = (int)mysql_get_socket(handle);
		if (fd >= 0) {
			fcntl(fd, F_SETFD, FD_CLOEXEC);
		}
	}
	return handle;
}

bool maria_say(struct mariadb *mariadb, const char *sql)
{
	if (mysql_real_query(mariadb->handle, sql, strlen(sql)) != 0) {
		return false;
	}
	MYSQL_RES *rows = mysql_store_result(mariadb->handle);
	if (rows) {
		mysql_free_result(rows);
	}
	mariadb->used_at = monotonic_now();
	return mysql_errno(mariadb->handle) == 0;
}

int64_t maria_lock_seconds(const struct mariadb *mariadb)
{
	int64_t patience = mariadb->brief ? 0 : mariadb->patience;
	int64_t seconds = (patience + USEC_PER_SEC - 1) / USEC_PER_SEC;
	/* The other branch of the family knows no 0. */
	return seconds > 0 || mariadb_connection(mariadb->handle) ? seconds : 1;
}

bool maria_say_patience(struct mariadb *mariadb, int64_t seconds)
{
	char sql[80];
	snprintf(sql, sizeof(sql), "SET SESSION innodb_lock_wait_timeout = %lld",
		 (long long)seconds);
	return maria_say(mariadb, sql);
}

bool maria_say_limits(struct mariadb *mariadb, int64_t statement)
{
	char limits[160];
	int size =
		snprintf(limits, sizeof(limits), "SET SESSION innodb_lock_wait_timeout = %lld",
			 (long long)maria_lock_seconds(mariadb));
	/* The other branch can't limit what writes. */
	if (mariadb_connection(mariadb->handle)) {
		snprintf(limits + size, sizeof(limits) - (size_t)size,
			 ", max_statement_time = %lld.%06lld",
			 (long long)(statement / USEC_PER_SEC),
			 (long long)(statement % USEC_PER_SEC));
	}
	return maria_say(mariadb, limits);
}

/* The one number of an answer. */
static int64_t ask_number(struct mariadb *mariadb, const char *sql, int64_t otherwise)
{
	MYSQL_RES *rows = mysql_real_query(mariadb->handle, sql, strlen(sql)) == 0
				  ? mysql_store_result(mariadb->handle)
				  : NULL;
	MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
	int64_t number = row && row[0] ? strtoll(row[0], NULL, 10) : otherwise;
	mysql_free_result(rows);
	return number;
}

bool maria_ends_on_timeout(struct mariadb *mariadb)
{
	return ask_number(mariadb, "SELECT @@innodb_rollback_on_timeout", 1) != 0;
}

#define PACKET_ROOM 1024 /* for all that is no value */

int64_t maria_packet(struct mariadb *mariadb)
{
	if (mariadb->packet == 0) {
		mariadb->packet = ask_number(mariadb, "SELECT @@max_allowed_packet", INT64_MAX);
	}
	return mariadb->packet - PACKET_ROOM;
}

/* Nothing of what the server or the user's account has set may change what our statements mean. */
static bool set_up(struct mariadb *mariadb)
{
	int64_t seconds = maria_lock_seconds(mariadb);
	char settings[1024], mode[64];
	snprintf(mode, sizeof(mode), "SET SESSION TRANSACTION READ %s",
		 mariadb->read_only ? "ONLY" : "WRITE");
	int size = snprintf(
		settings, sizeof(settings),
		"SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,"
		"STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
		"NO_ENGINE_SUBSTITUTION%s', time_zone = '+00:00', autocommit = 1, "
		"completion_type = 0, sql_select_limit = DEFAULT, sql_safe_updates = 0, "
		"sql_big_selects = 1, sql_auto_is_null = 0, foreign_key_checks = 1, "
		"unique_checks = 1, group_concat_max_len = 1073741824, "
		"lock_wait_timeout = %lld",
		mariadb_connection(mariadb->handle) ? ",SIMULTANEOUS_ASSIGNMENT" : "",
		(long long)seconds);
	return size > 0 && (size_t)size < sizeof(settings) &&
	       maria_say(mariadb, "SET NAMES utf8mb4") && maria_say(mariadb, settings) &&
	       maria_say_limits(mariadb, mariadb->statement) &&
	       maria_say(mariadb, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED") &&
	       maria_say(mariadb, mode);
}

/* The next attempt waits twice as long, with a jitter, so that not all of them come at once. */
static void wait_longer(struct mariadb *mariadb)
{
	int64_t pause = RETRY_MIN;
	for (int i = 0; i < mariadb->failures && pause < RETRY_MAX; i++) {
		pause *= 2;
	}
	pause = pause < RETRY_MAX ? pause : RETRY_MAX;
	pause = pause / 2 + (int64_t)random_below(&mariadb->jitter, (uint64_t)(pause / 2 + 1));
	mariadb->failures++;
	mariadb->connect_at = monotonic_now() + pause;
}

enum reclaim_status maria_connect(struct mariadb *mariadb, struct reclaim_error *error)
{
	maria_disconnect(mariadb);
	mariadb->brief = false;
	mariadb->handle = dial(mariadb);
	if (!mariadb->handle) {
		return fail_no_memory(error);
	}
	if (mysql_errno(mariadb->handle) == 0 && set_up(mariadb)) {
		mariadb->failures = 0;
		mariadb->used_at = mariadb->changed_at = monotonic_now();
		return RECLAIM_OK;
	}
	struct maria_answer answer;
	maria_answer(mariadb, NULL, &answer);
	enum reclaim_status status =
		maria_fail(mariadb, &answer, "connect", /* commits= */ false, error);
	maria_disconnect(mariadb);
	wait_longer(mariadb);
	return status;
}

static void nap_until(const struct mariadb *mariadb, int64_t until)
{
	for (int64_t left; (left = until - monotonic_now()) > 0 && !maria_cancelled(mariadb);) {
		struct timespec time = { .tv_nsec = (long)((left < NAP ? left : NAP) * 1000) };
		nanosleep(&time, NULL);
	}
}

enum reclaim_status maria_be_connected(struct mariadb *mariadb, struct reclaim_error *error)
{
	if (mariadb->handle && !mariadb->broken) {
		return RECLAIM_OK;
	}
	nap_until(mariadb, mariadb->connect_at);
	if (maria_cancelled(mariadb)) {
		return fail(error, RECLAIM_BUSY, "database '%s': cancelled",
			    mariadb->db.url->shown);
	}
	return maria_connect(mariadb, error);
}

enum reclaim_status maria_be_alive(struct mariadb *mariadb, struct reclaim_error *error)
{
	if (mariadb->handle && !mariadb->broken &&
	    monotonic_now() - mariadb->used_at > TRUSTED) {
		mariadb->broken = mysql_ping(mariadb->handle) != 0;
	}
	return maria_be_connected(mariadb, error);
}

void maria_interrupt(struct mariadb *mariadb)
{
	char sql[64];
	MYSQL *other = dial(mariadb);
	snprintf(sql, sizeof(sql), "KILL QUERY %lu", mysql_thread_id(mariadb->handle));
	if (other && mysql_errno(other) == 0) {
		mysql_real_query(other, sql, strlen(sql));
	}
	if (other) {
		mysql_close(other);
	}
}

bool maria_in_transaction(const struct mariadb *mariadb)
{
	unsigned server_status = 0;
	mariadb_get_infov(mariadb->handle, MARIADB_CONNECTION_SERVER_STATUS, &server_status);
	return server_status & SERVER_STATUS_IN_TRANS;
}
