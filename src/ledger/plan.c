/* Profile + engine + schema as found -> plan. */
#include "plan_make.h"

#include <stdlib.h>
#include <string.h>

enum time_format plan_format(const struct plan *plan, enum signal signal)
{
	const struct mapped *mapped = &plan->profile->signals[signal];
	return plan_found_format(plan, plan->table, mapped->column, mapped->format);
}

const char *plan_native_after(const struct plan *plan, const struct change *change)
{
	const struct names *natives = &plan->profile->states[change->to];
	return change->native ? change->native : natives->count ? natives->items[0] : NULL;
}

#define OWN "reclaim_"

const char *plan_table(struct arena *arena, const struct db_driver *driver,
		       const struct profile *profile, const char *name)
{
	bool own = profile->native && strncmp(name, OWN, strlen(OWN)) == 0;
	return own ? arena_printf(arena, "%s%s", driver->own_prefix, name + strlen(OWN)) : name;
}

void make(struct maker *m, enum sql sql, const struct hole *holes, size_t count,
	  struct planned *ret)
{
	const struct sql_text *text = plan_sql(m->plan, sql);
	bool complete = true;
	for (size_t i = 0; i < count; i++) {
		complete &= holes[i].text != NULL;
	}
	if (!m->status && !complete) {
		m->status = fail_no_memory(m->error);
	}
	if (!m->status) {
		const char *at_once =
			text->at_once ? fill(&m->plan->arena, text->at_once, holes, count)
				      : NULL;
		m->status = text->at_once && !at_once
				    ? fail_no_memory(m->error)
				    : render_for_many(
					      &m->plan->arena, m->plan->driver, text->name,
					      fill(&m->plan->arena, text->text, holes, count),
					      at_once, text->writes, ret, m->error);
		ret->statement.many = text->many;
	}
}

enum reclaim_status plan_create(struct db *db, const struct profile *profile,
				struct plan **ret_plan, struct reclaim_error *error)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan) {
		return fail_no_memory(error);
	}
	plan->profile = profile;
	plan->driver = db->driver;
	plan->sql = sql_of(db->driver);
	enum reclaim_status status =
		plan->sql ? find_schema(db, plan, error)
			  : fail(error, RECLAIM_UNSUPPORTED,
				 "this build has no statements for engine '%s'",
				 db->driver->name);
	if (!status && !place_columns(plan)) {
		status = fail_no_memory(error);
	}
	if (!status) {
		place_worker(plan);
		place_order(plan);
		status = fit_policy(plan) ? RECLAIM_OK : fail_no_memory(error);
	}
	if (!status) {
		struct maker m = { .plan = plan, .error = error };
		make_looks(&m);
		make_changes(&m, db);
		make_workers(&m);
		status = m.status;
	}
	if (status) {
		plan_destroy(plan);
		return status;
	}
	*ret_plan = plan;
	return RECLAIM_OK;
}

void plan_destroy(struct plan *plan)
{
	if (!plan) {
		return;
	}
	table_destroy(plan->table);
	table_destroy(plan->worker_table);
	arena_finish(&plan->arena);
	free(plan);
}
