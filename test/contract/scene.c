/* The clock, our own ledger, shorthand. */
#include "scene.h"

#include <string.h>
#include <time.h>

static int64_t ahead, shown;

static int64_t machine(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * S + now.tv_nsec / 1000;
}

int64_t clock_read(void)
{
	int64_t now = machine() + ahead;
	shown = now > shown ? now : shown + 1;
	return shown;
}

void clock_pass(int64_t duration)
{
	ahead += duration;
	engine_clock(ahead);
}

void clock_reset(void)
{
	ahead = shown = 0;
	engine_clock(ahead);
}

int scene_setup(void **state)
{
	engine_reset();
	clock_reset();
	db_clock = clock_read;
	return folder_setup(state);
}

int scene_teardown(void **state)
{
	db_clock = NULL;
	return folder_teardown(state);
}

/* ---- ledgers ---- */

static fault_fn *next_decide;
static void *next_context;

static struct db *wrap(struct db *db)
{
	return fault_wrap(db, next_decide, next_context);
}

struct ledger *open_ledger(void **state, const char *profile, fault_fn *decide, void *context)
{
	struct ledger *ledger = NULL;
	const struct ledger_options options = { .url = ledger_url(state, profile),
						.profile = profile,
						.db = { .create = true } };
	next_decide = decide;
	next_context = context;
	db_opened = decide ? wrap : NULL;
	OK(ledger_open(&options, &ledger, &error));
	db_opened = NULL;
	return ledger;
}

struct ledger *open_own(void **state)
{
	struct ledger *ledger = open_ledger(state, "reclaim", NULL, NULL);
	OK(ledger_init(ledger, NULL, NULL, &error));
	OK(ledger_plan(ledger, &error));
	return ledger;
}

/* ---- doing ---- */

void submit_task(struct ledger *ledger, const struct submission *task)
{
	char ids[1][RECLAIM_ID_SIZE];
	size_t bad;
	struct submission full = *task;
	full.max_attempts = full.max_attempts ? full.max_attempts : 25;
	OK(verb_submit(ledger, &full, 1, ids, &bad, &error));
}

void submit(struct ledger *ledger, const char *id)
{
	submit_task(ledger, &(struct submission){ .id = id });
}

const char *claim(struct ledger *ledger, const char *owner, int64_t lease)
{
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = owner, .count = 1, .lease = lease };
	OK(verb_claim(ledger, &claiming, &claims, &error));
	assert_int_equal(claims.count, 1);
	const char *token = format("%s", claims.items[0].token);
	claims_finish(&claims);
	return token;
}

size_t claim_as(struct ledger *ledger, const char *worker, int64_t count)
{
	struct claims claims = { 0 };
	const struct claiming claiming = { .owner = worker,
					   .count = count,
					   .registered = true };
	OK(verb_claim(ledger, &claiming, &claims, &error));
	size_t got = claims.count;
	claims_finish(&claims);
	return got;
}

const char *enrol(struct ledger *ledger, int64_t lease)
{
	const struct incarnation unknown = { .slot = -1 };
	char id[1][RECLAIM_ID_SIZE];
	OK(worker_register(ledger, "tester", lease, &unknown, id, &error));
	return format("%s", id[0]);
}

struct sweep_result swept(struct ledger *ledger, struct pass_options options)
{
	struct sweep_result result = { 0 };
	OK(pass_run(ledger, &options, &result, &error));
	return result;
}

struct sweep_result sweep(struct ledger *ledger)
{
	struct sweep_result result = swept(ledger, (struct pass_options){ .limit = -1 });
	struct sweep_result counts = result;
	sweep_result_finish(&result);
	counts.tasks = NULL;
	counts.problems = counts.blind_rows = NULL;
	counts.workers = NULL;
	counts.arena = (struct arena){ 0 };
	return counts;
}

/* ---- asking ---- */

const char *ask_text(struct ledger *ledger, const char *sql)
{
	return ask_row(ledger->db, sql);
}

int64_t ask_time(struct ledger *ledger, const char *sql)
{
	const char *told = ask_text(ledger, sql);
	const struct value value = value_string(told);
	int64_t time = NO_TIME;
	assert_true(time_from_value(&value, ledger->db->driver->native_time, &time));
	return time;
}

static const char *quoted(const char *string)
{
	TEXT_CLEANUP struct text text = { 0 };
	text_add_quoted(&text, string, strlen(string), '\'');
	return format("'%s'", text_string(&text));
}

const char *state_of(struct ledger *ledger, const char *id)
{
	return ask_text(ledger,
			format("SELECT state FROM reclaim_tasks WHERE id = %s", quoted(id)));
}

int64_t audits(struct ledger *ledger, const char *id, const char *act)
{
	return ask(ledger->db,
		   format("SELECT count(*) FROM reclaim_events WHERE (%s IS NULL OR task = %s) "
			  "AND (%s IS NULL OR act = %s)",
			  id ? quoted(id) : "NULL", id ? quoted(id) : "NULL",
			  act ? quoted(act) : "NULL", act ? quoted(act) : "NULL"));
}

enum fault meanwhile(void *context, const char *name, long step)
{
	struct meanwhile *m = context;
	(void)step;
	if (!m->done && m->armed && strcmp(name, m->before) == 0) {
		m->done = true;
		m->happens(m->context);
	}
	m->armed |= strcmp(name, m->after) == 0;
	return FAULT_NONE;
}
