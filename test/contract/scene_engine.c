/* Databases for the scene: made, saved and brought back as each engine does it; and its clock there. */
#include "scene.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DATABASES_MAX 8
#define PATIENCE_MS 20000

static const char *databases[DATABASES_MAX]; /* that this test has made on the server */
static int64_t clock_ahead;

bool runs_on(const struct db *db, const char *engine)
{
	return strcmp(db->driver->name, engine) == 0;
}

/* The server's URL, or NULL: files. */
static const char *server(void)
{
	const char *url = getenv("RECLAIM_TEST_DB");
	return url && strstr(url, "://") ? url : NULL;
}

bool engine_is_remote(void)
{
	return server() != NULL;
}

static const char *url_of(const char *database)
{
	const char *url = server(), *path = strchr(strstr(url, "://") + 3, '/');
	const char *query = strchr(path, '?');
	return format("%.*s/%s%s", (int)(path - url), url, database, query ? query : "");
}

/* ---- the clock ---- */

/*
 * PostgreSQL's can't be set. There our statements call statement_timestamp(), and find this one first by the database's
 * search_path: the server's, ahead by what has passed in the scene.
 */
static const char clock_made[] =
	"CREATE TABLE IF NOT EXISTS public.scene_clock (ahead bigint NOT NULL);"
	"CREATE OR REPLACE FUNCTION public.statement_timestamp() RETURNS timestamptz"
	" LANGUAGE sql STABLE AS $$ SELECT pg_catalog.statement_timestamp() +"
	" ahead * interval '1 microsecond' FROM public.scene_clock $$;"
	"DELETE FROM public.scene_clock;";

static void tell_clock(struct db *db)
{
	script(db, format("%s INSERT INTO public.scene_clock VALUES (%lld)", clock_made,
			  (long long)clock_ahead));
}

void engine_clock(int64_t ahead)
{
	clock_ahead = ahead;
	for (size_t i = 0; i < DATABASES_MAX && databases[i]; i++) {
		struct db *db = open_with(url_of(databases[i]), NULL);
		if (runs_on(db, "postgres")) {
			tell_clock(db);
		}
		db_close(db);
	}
}

/* ---- databases on a server ---- */

/* From now on it is. */
static bool seen_before(const char *database)
{
	size_t i = 0;
	while (i < DATABASES_MAX && databases[i] && strcmp(databases[i], database) != 0) {
		i++;
	}
	assert_true(i < DATABASES_MAX);
	bool seen = databases[i];
	databases[i] = database;
	return seen;
}

/* In the place of what has that name; `from`: as a copy of that one, where the engine can. */
static void make_database(const char *database, const char *from)
{
	struct db *db = open_with(server(), NULL);
	bool postgres = runs_on(db, "postgres");
	script(db, format("DROP DATABASE IF EXISTS %s%s", database,
			  postgres ? " WITH (FORCE)" : ""));
	script(db, format("CREATE DATABASE %s%s%s", database,
			  !postgres ? " CHARACTER SET utf8mb4"
			  : from    ? " TEMPLATE "
				    : "",
			  from ? from : ""));
	if (postgres) {
		script(db, format("ALTER DATABASE %s SET search_path = public, pg_catalog",
				  database));
	}
	db_close(db);
	if (postgres) {
		db = open_with(url_of(database), NULL);
		tell_clock(db);
		db_close(db);
	}
}

static const char *database_of(const char *profile)
{
	const char *slash = strrchr(profile, '/');
	char *name = (char *)(uintptr_t)format("scene_%s", slash ? slash + 1 : profile);
	for (char *at = name; *at; at++) {
		*at = strchr("-.", *at) ? '_' : *at;
	}
	return name;
}

static const char *path_of(void **state, const char *profile)
{
	const char *slash = strrchr(profile, '/');
	return in(state, format("%s.db", slash ? slash + 1 : profile));
}

void engine_reset(void)
{
	memset(databases, 0, sizeof(databases));
}

const char *ledger_url(void **state, const char *profile)
{
	if (!server()) {
		return format("sqlite:%s", path_of(state, profile));
	}
	const char *database = database_of(profile);
	if (!seen_before(database)) {
		make_database(database, /* from= */ NULL);
	}
	return url_of(database);
}

static void remove_file(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < COUNT_OF(endings); i++) {
		unlink(format("%s%s", path, endings[i]));
	}
}

void ledger_forget(void **state, const char *profile)
{
	if (server()) {
		seen_before(database_of(profile));
		make_database(database_of(profile), /* from= */ NULL);
	} else {
		remove_file(path_of(state, profile));
	}
}

/* ---- as it was ---- */

static void copy_file(const char *from, const char *to)
{
	char bytes[1 << 16];
	ssize_t size;
	int in_fd = open(from, O_RDONLY), out_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(in_fd >= 0 && out_fd >= 0);
	while ((size = read(in_fd, bytes, sizeof(bytes))) > 0) {
		assert_int_equal(write(out_fd, bytes, (size_t)size), size);
	}
	close(in_fd);
	close(out_fd);
}

static void await_no_session(const char *database)
{
	struct db *db = open_with(server(), NULL);
	const char *sessions =
		format(runs_on(db, "postgres")
			       ? "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s'"
			       : "SELECT count(*) FROM information_schema.processlist"
				 " WHERE db = '%s'",
		       database);
	for (int waited = 0; ask(db, sessions) > 0; waited++) {
		assert_true(waited < PATIENCE_MS);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	db_close(db);
}

/* MariaDB copies no databases. */
static void copy_tables(const char *from, const char *to)
{
	struct db *db = open_with(server(), NULL);
	RESULT_CLEANUP struct result tables = { 0 };
	const struct statement list =
		plain("list",
		      format("SELECT table_name FROM information_schema.tables"
			     " WHERE table_schema = '%s'",
			     from),
		      /* writes= */ false);
	OK(db_run(db, &list, NULL, &tables, &error));
	for (size_t i = 0; i < tables.rows; i++) {
		const char *name = result_cell(&tables, i, 0)->data;
		script(db, format("CREATE TABLE %s.%s LIKE %s.%s", to, name, from, name));
		script(db,
		       format("INSERT INTO %s.%s SELECT * FROM %s.%s", to, name, from, name));
	}
	db_close(db);
}

static void copy_database(const char *from, const char *to)
{
	struct db *db = open_with(server(), NULL);
	bool copies = runs_on(db, "postgres");
	db_close(db);
	await_no_session(from);
	make_database(to, copies ? from : NULL);
	if (!copies) {
		copy_tables(from, to);
	}
}

void ledger_alone(void **state, const char *profile)
{
	(void)state;
	if (server()) {
		await_no_session(database_of(profile));
	}
}

void ledger_save(void **state, const char *profile)
{
	if (server()) {
		const char *database = database_of(profile);
		copy_database(database, format("%s_saved", database));
	} else {
		const char *path = path_of(state, profile);
		copy_file(path, format("%s.saved", path));
	}
}

void ledger_restore(void **state, const char *profile)
{
	if (server()) {
		const char *database = database_of(profile);
		copy_database(format("%s_saved", database), database);
	} else {
		const char *path = path_of(state, profile);
		remove_file(path);
		copy_file(format("%s.saved", path), path);
	}
}

int64_t own_tables(struct db *db)
{
	return ask(db,
		   runs_on(db, "sqlite")
			   ? "SELECT count(*) FROM sqlite_master WHERE name LIKE 'reclaim%'"
		   : runs_on(db, "mariadb")
			   ? "SELECT count(*) FROM information_schema.tables"
			     " WHERE table_schema = database() AND table_name LIKE 'reclaim%'"
			   : "SELECT count(*) FROM pg_namespace WHERE nspname = 'reclaim'");
}
