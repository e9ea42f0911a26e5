/* A driver whose steps fail, or kill the process, where a test says so. */
#include "fault.h"

#include "decorator.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct faulty {
	struct decorator decorator;
	fault_fn *decide;
	void *context;
	long step;
};

/* One step on its way. */
struct step {
	const char *name;
	long number;
	bool commits;
	enum fault fault;
};

static struct step next_step(struct db *db, const char *name, bool commits)
{
	struct faulty *faulty = (struct faulty *)db;
	struct step step = { .name = name, .number = ++faulty->step, .commits = commits };
	step.fault = faulty->decide(faulty->context, name, step.number);
	return step;
}

static enum reclaim_status before(const struct step *step, struct reclaim_error *error)
{
	switch (step->fault) {
	case FAULT_NONE:
	case FAULT_AFTER:
	case FAULT_KILL_AFTER:
		return RECLAIM_OK;
	case FAULT_BEFORE:
		return fail(error, RECLAIM_UNAVAILABLE,
			    "fault: step %ld (%s) fails, it did not happen", step->number,
			    step->name);
	case FAULT_BUSY:
		return fail(error, RECLAIM_BUSY,
			    "fault: step %ld (%s) is busy, it did not happen", step->number,
			    step->name);
	case FAULT_KILL_BEFORE:
		kill(getpid(), SIGKILL);
		break;
	}
	return RECLAIM_INTERNAL;
}

/* After a step that succeeded. */
static enum reclaim_status after(const struct step *step, struct reclaim_error *error)
{
	if (step->fault == FAULT_KILL_AFTER) {
		kill(getpid(), SIGKILL);
	}
	if (step->fault != FAULT_AFTER) {
		return RECLAIM_OK;
	}
	return fail(error, step->commits ? RECLAIM_UNKNOWN : RECLAIM_UNAVAILABLE,
		    "fault: the answer to step %ld (%s) is lost", step->number, step->name);
}

static enum reclaim_status faulty_begin(struct db *db, enum db_mode mode,
					struct reclaim_error *error)
{
	struct step step = next_step(db, "begin", /* commits= */ false);
	enum reclaim_status status = before(&step, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	status = db_begin(decorator_inner(db), mode, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	status = after(&step, error);
	if (status != RECLAIM_OK) {
		db_rollback(decorator_inner(db));
	}
	return status;
}

static enum reclaim_status faulty_commit(struct db *db, struct reclaim_error *error)
{
	struct step step = next_step(db, "commit", /* commits= */ true);
	enum reclaim_status status = before(&step, error);
	if (status != RECLAIM_OK) {
		db_rollback(decorator_inner(db));
		return status;
	}
	status = db_commit(decorator_inner(db), error);
	return status == RECLAIM_OK ? after(&step, error) : status;
}

static enum reclaim_status faulty_run(struct db *db, const struct statement *statement,
				      const struct value *params, struct result *ret_result,
				      struct reclaim_error *error)
{
	RESULT_CLEANUP struct result result = { 0 };
	struct step step =
		next_step(db, statement->name, statement->writes && !db->in_transaction);
	enum reclaim_status status = before(&step, error);
	if (status == RECLAIM_OK) {
		status = db_run(decorator_inner(db), statement, params, &result, error);
	}
	if (status == RECLAIM_OK) {
		status = after(&step, error);
	}
	if (status == RECLAIM_OK && ret_result) {
		*ret_result = result;
		memset(&result, 0, sizeof(result));
	}
	return status;
}

static enum reclaim_status faulty_run_many(struct db *db, const struct statement *statement,
					   const struct value *params, size_t count,
					   int64_t *ret_changed, struct reclaim_error *error)
{
	struct step step = next_step(db, statement->name, /* commits= */ false);
	enum reclaim_status status = before(&step, error);
	if (status == RECLAIM_OK) {
		status = db_run_many(decorator_inner(db), statement, params, count, ret_changed,
				     error);
	}
	return status == RECLAIM_OK ? after(&step, error) : status;
}

static enum reclaim_status faulty_script(struct db *db, const char *sql,
					 struct reclaim_error *error)
{
	struct step step = next_step(db, "script", !db->in_transaction);
	enum reclaim_status status = before(&step, error);
	if (status == RECLAIM_OK) {
		status = db_script(decorator_inner(db), sql, error);
	}
	return status == RECLAIM_OK ? after(&step, error) : status;
}

struct db *fault_wrap(struct db *inner, fault_fn *decide, void *context)
{
	struct faulty *faulty = decorator_create(sizeof(*faulty), inner);
	if (!faulty) {
		return NULL;
	}
	faulty->decide = decide;
	faulty->context = context;
	faulty->decorator.driver.begin = faulty_begin;
	faulty->decorator.driver.commit = faulty_commit;
	faulty->decorator.driver.run = faulty_run;
	faulty->decorator.driver.run_many = faulty_run_many;
	faulty->decorator.driver.script = faulty_script;
	return &faulty->decorator.db;
}
