/* workers: who works on a ledger's tasks, when each was last seen, and how many claims it holds. */
#include "rows.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

/* The visitor's state rides behind the pass; claims[i] belongs to crowd.members[i]. */
struct census {
	struct pass pass;
	int64_t *claims;
};

static enum reclaim_status count_claim(struct pass *pass, const struct judged *judged,
				       bool *ret_go_on)
{
	struct census *census = (struct census *)pass; /* the pass is its first member */
	struct text TEXT_CLEANUP owner = { 0 };
	(void)ret_go_on;
	row_print_owner(&owner, pass->plan, judged->row);
	const struct member *member = crowd_find(&pass->crowd, text_string(&owner));
	if (member) {
		census->claims[member - pass->crowd.members]++;
	}
	return RECLAIM_OK;
}

static enum reclaim_status take_census(struct ledger *ledger, struct census *census,
				       struct reclaim_error *error)
{
	static const struct visitor visitor = { .row = count_claim };
	struct valve valve;
	enum reclaim_status status = pass_look(ledger, &census->pass, &valve, error);
	if (status) {
		return status;
	}
	census->claims = calloc(census->pass.crowd.count + 1, sizeof(*census->claims));
	census->pass.every_claim = true;
	if (!census->claims) {
		return fail_no_memory(error);
	}
	return census->pass.crowd.count ? scan(&census->pass, &visitor) : RECLAIM_OK;
}

static const char *worker_text(const struct census *census, const struct member *member,
			       int cell)
{
	bool kept = census->pass.crowd.rows.columns > (size_t)cell;
	return kept && member->row[cell].type == VALUE_TEXT ? member->row[cell].data : NULL;
}

static int64_t worker_pid(const struct census *census, const struct member *member)
{
	bool kept = census->pass.crowd.rows.columns > WORKER_CELL_PID;
	return kept ? value_integer(&member->row[WORKER_CELL_PID], -1) : -1;
}

static int64_t age_of(const struct census *census, const struct member *member)
{
	int64_t age;
	bool known = member->seen != NO_TIME &&
		     !__builtin_sub_overflow(census->pass.now, member->seen, &age);
	return known ? age : NO_TIME;
}

static int64_t claims_of(const struct census *census, const struct member *member)
{
	return census->claims[member - census->pass.crowd.members];
}

static void print_json(struct text *out, const struct census *census, const struct member *m)
{
	const struct profile *profile = census->pass.ledger->profile;
	struct json json = { .out = out };
	json_open(&json, NULL, '{');
	json_string(&json, "worker", m->key);
	json_string(&json, "name", worker_text(census, m, WORKER_CELL_NAME));
	json_string(&json, "state", presence_name(worker_state(profile, m)));
	json_string(&json, "native_state", worker_text(census, m, WORKER_CELL_STATE));
	json_bool(&json, "silent", m->silent);
	json_time(&json, "last_seen", m->seen);
	json_age(&json, "age_s", age_of(census, m));
	json_time(&json, "lease_expires_at", m->lease);
	json_int(&json, "claims", claims_of(census, m));
	json_string(&json, "host", worker_text(census, m, WORKER_CELL_HOST));
	json_count(&json, "pid", worker_pid(census, m));
	json_string(&json, "evidence", evidence_name(m->evidence));
	json_close(&json, '}');
	text_add(out, "\n");
}

static enum tint presence_tint(enum presence presence)
{
	switch (presence) {
	case WORKER_ACTIVE:
		return TINT_GOOD;
	case WORKER_STALLED:
		return TINT_WARN;
	case WORKER_STOPPED:
		return TINT_FAINT;
	case WORKER_MISSING:
	case WORKER_UNMAPPED:
		break;
	}
	return TINT_PLAIN;
}

static void add_process(struct text_table *table, const struct census *census,
			const struct member *m)
{
	static const enum tint tints[] = { TINT_FAINT, TINT_GOOD, TINT_BAD };
	struct text TEXT_CLEANUP process = { 0 };
	int64_t pid = worker_pid(census, m);
	const char *host = worker_text(census, m, WORKER_CELL_HOST);
	if (host || pid >= 0) {
		text_printf(&process, "%s:%lld", host ? host : "?", (long long)pid);
	}
	text_table_add(table, TINT_PLAIN, text_string(&process));
	text_table_add(table, tints[m->evidence], evidence_name(m->evidence));
}

static void add_row(struct text_table *table, const struct census *census,
		    const struct member *m)
{
	const struct profile *profile = census->pass.ledger->profile;
	enum presence presence = worker_state(profile, m);
	struct text TEXT_CLEANUP state = { 0 };
	text_add(&state, presence_name(presence));
	if (m->silent && presence == WORKER_ACTIVE) {
		text_add(&state, ", silent");
	}
	text_table_add(table, TINT_PLAIN, m->key);
	text_table_add(table, presence_tint(presence), text_string(&state));
	text_table_add_age(table, age_of(census, m));
	text_table_add_count(table, claims_of(census, m));
	if (profile->workers.evidence) {
		text_table_add_age(table, m->lease == NO_TIME || presence != WORKER_ACTIVE
						  ? NO_TIME
						  : m->lease - census->pass.now);
		text_table_add(table, TINT_PLAIN, worker_text(census, m, WORKER_CELL_NAME));
		add_process(table, census, m);
	}
}

static void print_table(const struct app *app, struct text *out, const struct census *census,
			const struct member **members, size_t count)
{
	static const struct heading headings[] = {
		{ .title = "WORKER" },
		{ .title = "STATE" },
		{ .title = "SEEN AGO", .right = true },
		{ .title = "CLAIMS", .right = true },
		{ .title = "LEASE", .right = true, .spare = 3 },
		{ .title = "NAME", .elastic = true, .spare = 2 },
		{ .title = "PROCESS", .elastic = true, .spare = 1 },
		{ .title = "EVIDENCE" },
	};
	const struct screen screen = screen_of(app);
	struct text_table TABLE_CLEANUP table = {
		.headings = headings,
		.columns = app->ledger->profile->workers.evidence ? 8 : 4,
	};
	for (size_t i = 0; i < count; i++) {
		add_row(&table, census, members[i]);
	}
	text_table_print(out, &table, &screen);
}

/* Active before stalled before stopped, and the last seen first. */
static int by_life(const void *a, const void *b)
{
	const struct member *x = *(const struct member *const *)a,
			    *y = *(const struct member *const *)b;
	bool x_silent = x->silent && x->presence == WORKER_ACTIVE,
	     y_silent = y->silent && y->presence == WORKER_ACTIVE;
	int order = (x->presence > y->presence) - (x->presence < y->presence);
	order = order ? order : x_silent - y_silent;
	return order ? order : (y->seen > x->seen) - (y->seen < x->seen);
}

static bool is_called(const struct census *census, const struct member *member,
		      const char *name)
{
	return !name || string_equal(member->key, name) ||
	       string_equal(worker_text(census, member, WORKER_CELL_NAME), name);
}

static int show(const struct app *app, const struct census *census, const char *name)
{
	const struct crowd *crowd = &census->pass.crowd;
	struct arena ARENA_CLEANUP arena = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	const struct member **members = arena_take(&arena, sizeof(*members) * crowd->count);
	size_t count = 0;
	for (size_t i = 0; members && i < crowd->count; i++) {
		if (is_called(census, &crowd->members[i], name)) {
			members[count++] = &crowd->members[i];
		}
	}
	struct reclaim_error error = { 0 };
	if (!members) {
		fail_no_memory(&error);
		return app_fail(app, &error);
	}
	if (count == 0 && name) {
		struct text TEXT_CLEANUP shown = { 0 };
		text_add_visible(&shown, name, strlen(name));
		fail(&error, RECLAIM_NOT_FOUND, "no worker '%s' in ledger '%s'",
		     text_string(&shown), app->ledger->profile->name);
		return app_fail(app, &error);
	}
	if (count == 0) {
		say_none(app,
			 app->ledger->plan->has_workers
				 ? "No worker has registered in ledger '%s'."
				 : "Ledger '%s' keeps no workers.",
			 app->ledger->profile->name);
		return EXIT_DONE;
	}
	qsort(members, count, sizeof(*members), by_life);
	for (size_t i = 0; app->json && i < count; i++) {
		print_json(&out, census, members[i]);
	}
	if (!app->json) {
		print_table(app, &out, census, members, count);
	}
	return app_out(app, &out);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct census census = { 0 };
	struct reclaim_error error = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 1)) {
		return EXIT_USAGE;
	}
	census.pass.lockfile.fd = -1;
	enum reclaim_status status = take_census(app->ledger, &census, &error);
	int code =
		status ? app_fail(app, &error) : show(app, &census, argc > 0 ? argv[0] : NULL);
	pass_finish(&census.pass);
	free(census.claims);
	return code;
}

const struct command workers_command = {
	.name = "workers",
	.arguments = "[NAME]",
	.summary = "lists workers: state, last sign, lease, claims, process and what is proven "
		   "about it",
	.about = "NAME is an id or a name. EVIDENCE is what the lock file proves about "
		 "the process; a worker that is silent loses its claims at the next sweep.",
	.codes = "3 no such worker",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
