/* The part that all decorators share: every call goes to the inner connection. */
#include "decorator.h"

#include <stdlib.h>

struct db *decorator_inner(struct db *db)
{
	return ((struct decorator *)db)->inner;
}

static void pass_close(struct db *db)
{
	db_close(decorator_inner(db));
	arena_finish(&db->arena);
	free(db);
}

static enum reclaim_status pass_begin(struct db *db, enum db_mode mode,
				      struct reclaim_error *error)
{
	return db_begin(decorator_inner(db), mode, error);
}

static enum reclaim_status pass_commit(struct db *db, struct reclaim_error *error)
{
	return db_commit(decorator_inner(db), error);
}

static void pass_rollback(struct db *db)
{
	db_rollback(decorator_inner(db));
}

static enum reclaim_status pass_run(struct db *db, const struct statement *statement,
				    const struct value *params, struct result *ret_result,
				    struct reclaim_error *error)
{
	return db_run(decorator_inner(db), statement, params, ret_result, error);
}

static enum reclaim_status pass_run_many(struct db *db, const struct statement *statement,
					 const struct value *params, size_t count,
					 int64_t *ret_changed, struct reclaim_error *error)
{
	return db_run_many(decorator_inner(db), statement, params, count, ret_changed, error);
}

static enum reclaim_status pass_script(struct db *db, const char *sql,
				       struct reclaim_error *error)
{
	return db_script(decorator_inner(db), sql, error);
}

static enum reclaim_status pass_wait(struct db *db, int64_t timeout, int wake,
				     struct reclaim_error *error)
{
	return db_wait(decorator_inner(db), timeout, wake, error);
}

static enum reclaim_status pass_look_up(struct db *db, const char *name,
					struct table **ret_table, struct reclaim_error *error)
{
	return db_look_up(decorator_inner(db), name, ret_table, error);
}

static const char *pass_lock_path(struct db *db)
{
	return db_lock_path(decorator_inner(db));
}

void *decorator_create(size_t size, struct db *inner)
{
	struct decorator *decorator = calloc(1, size);
	if (!decorator) {
		db_close(inner);
		return NULL;
	}
	decorator->inner = inner;
	decorator->driver = *inner->driver;
	decorator->driver.close = pass_close;
	decorator->driver.begin = pass_begin;
	decorator->driver.commit = pass_commit;
	decorator->driver.rollback = pass_rollback;
	decorator->driver.run = pass_run;
	decorator->driver.run_many = pass_run_many;
	decorator->driver.script = pass_script;
	decorator->driver.wait = pass_wait;
	decorator->driver.look_up = pass_look_up;
	decorator->driver.lock_path = pass_lock_path;
	decorator->db.driver = &decorator->driver;
	decorator->db.url = inner->url;
	decorator->db.cancel = inner->cancel;
	decorator->db.patience = inner->patience;
	return decorator;
}
