/* The statements about workers. */
#include "plan_make.h"

static const char *worker_columns(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const char *named[] = { w->key, w->seen.column, w->lease.column, w->state };
	static const char *const process[] = { "name", "host", "boot",
					       "pid",  "slot", "lock_inode" };
	struct text TEXT_CLEANUP text = { 0 };
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		text_printf(&text, "%s%s", i ? ", " : "",
			    named[i] ? piece_column(plan, "w", named[i]) : "NULL");
	}
	for (size_t i = 0; w->evidence && i < sizeof(process) / sizeof(process[0]); i++) {
		text_printf(&text, ", %s", piece_column(plan, "w", process[i]));
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static const char *worker_fence(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const char *named[] = { w->seen.column, w->lease.column };
	struct text TEXT_CLEANUP text = { 0 };
	for (int i = 0; i < 2; i++) {
		const char *value = arena_printf(&plan->arena, ":row%d", WORKER_CELL_SEEN + i);
		if (named[i] && value) {
			text_printf(&text, "%s%s", text.size ? " AND " : "",
				    piece_same(plan, plan->worker_table, named[i], value));
		}
	}
	return text.failed ? NULL : arena_copy(&plan->arena, text_string(&text), text.size);
}

static const char *worker_label(struct plan *plan)
{
	const struct workers *w = &plan->profile->workers;
	const struct names *labels = w->lost.count ? &w->lost : &w->stalled;
	return arena_printf(&plan->arena, "%s = %s", piece_column(plan, "", w->state),
			    quote_literal(&plan->arena, labels->items[0]));
}

static void make_worker_beat(struct maker *m, const struct change *beat)
{
	struct plan *plan = m->plan;
	const struct workers *w = &plan->profile->workers;
	const char *columns, *values;
	if (!piece_insertion(plan, plan->worker_table, beat->set, beat->set_count, &columns,
			     &values)) {
		m->status = fail_no_memory(m->error);
		return;
	}
	struct text TEXT_CLEANUP set = { 0 };
	for (size_t i = 0; i < beat->set_count; i++) {
		text_printf(&set, "%s%s = %s", i ? ", " : "",
			    piece_column(plan, "", beat->set[i].column),
			    piece_expression(plan, plan->worker_table, &beat->set[i]));
	}
	const char *key = piece_column(plan, "", w->key);
	MAKE(m, SQL_UPSERT, &plan->worker_beat,
	     { "relation", quote_name(&plan->arena, plan->driver, plan->workers_table) },
	     { "columns", arena_printf(&plan->arena, "%s, %s", key, columns) },
	     { "values", arena_printf(&plan->arena, ":owner, %s", values) }, { "key", key },
	     { "set",
	       set.failed ? NULL : arena_copy(&plan->arena, text_string(&set), set.size) });
	plan->has_worker_beat = true;
}

void make_workers(struct maker *m)
{
	struct plan *plan = m->plan;
	if (!plan->has_workers) {
		return;
	}
	const struct workers *w = &plan->profile->workers;
	const char *table = quote_name(&plan->arena, plan->driver, plan->workers_table);
	const char *key = arena_printf(&plan->arena, "%s = :row%d",
				       piece_column(plan, "", w->key), WORKER_CELL_KEY);
	MAKE(m, SQL_WORKERS, &plan->workers, { "columns", worker_columns(plan) },
	     { "relation", table });
	MAKE(m, SQL_WORKER_SAME, &plan->worker_same, { "relation", table }, { "key", key },
	     { "fence", worker_fence(plan) });
	MAKE(m, SQL_UNCHANGED, &plan->worker_any, { "relation", table }, { "key", key },
	     { "fence", "1 = 1" });
	if (plan->worker_has_label) {
		MAKE(m, SQL_WORKER_END, &plan->worker_end, { "relation", table },
		     { "set", worker_label(plan) }, { "key", key },
		     { "fence", worker_fence(plan) });
	}
	if (plan->profile->worker_beat) {
		make_worker_beat(m, plan->profile->worker_beat);
	}
}
