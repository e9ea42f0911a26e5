/* What tests of ledgers and sweeps share: a clock that they move, our own ledger, the four systems' tables, and shorthand. */
#ifndef SCENE_H
#define SCENE_H

#include "contract.h"
#include "scene_engine.h"

#include "fault.h"
#include "pass.h"
#include "verbs.h"
#include "workers.h"

#define S USEC_PER_SEC

/* The machine's clock, ahead by what was passed; it never shows the same time twice. */
int scene_setup(void **state);
int scene_teardown(void **state);
#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
void clock_pass(int64_t duration);
void clock_reset(void); /* the machine's time again; a trigger of a host knows no other */
int64_t clock_read(void);

#define OK(call)                                                                               \
	do {                                                                                   \
		struct reclaim_error error = { 0 };                                            \
		if ((call) != RECLAIM_OK) {                                                    \
			FAIL_WITH("%s: %s", #call, error.message);                             \
		}                                                                              \
	} while (0)
#define FAILS(status, call)                                                                    \
	do {                                                                                   \
		struct reclaim_error error = { 0 };                                            \
		assert_failed((call), status, &error, NULL);                                   \
	} while (0)

/* Our own ledger, made and planned; in the scene's folder. */
struct ledger *open_own(void **state);
/* Another connection to the ledger of that profile; `decide` NULL: without faults. */
struct ledger *open_ledger(void **state, const char *profile, fault_fn *decide, void *context);
/* Its database is fresh again; nobody is connected to it. */
void ledger_forget(void **state, const char *profile);
/* Waits until nobody is connected to it: a server learns a little later that a process has died. */
void ledger_alone(void **state, const char *profile);
/* Keeps a copy of its database, to which `ledger_restore` goes back; nobody is connected. */
void ledger_save(void **state, const char *profile);
void ledger_restore(void **state, const char *profile);
/* How many tables of ours the database has. */
int64_t own_tables(struct db *db);
/* Whether its driver has that name. */
bool runs_on(const struct db *db, const char *engine);

/* One of the four systems as its own program leaves it. */
struct host {
	const char *name, *profile;
	const char *tables;   /* its DDL */
	const char *add;      /* INSERT of a task to do, its id in %s */
	bool bytes;           /* its ids are 16 bytes */
	const char *status;   /* SELECT of the state of the task whose id is %s */
	const char *complete; /* what its own worker runs when it is done; the id in %s */
	const char *beat;     /* … and to show that it lives; NULL: it can't */
	/* Where our verbs don't work: what its own worker runs to begin; NULL: our claim. */
	const char *claim;
	int64_t patience; /* without a sign a claim is stale after that */
	const char *done, *recovered;
};
extern const struct host hosts[];
extern const size_t host_count;
const struct host *host_named(const char *name);
struct ledger *open_host(void **state, const struct host *host);
void host_add(struct ledger *ledger, const struct host *host, const char *id);
/* Claims the task for WORKER, who beats once; the token, or NULL where our verbs don't work. */
const char *host_begin(struct ledger *ledger, const struct host *host, const char *id);
/* Runs one of the host's own statements on the task, at the scene's time. */
void host_runs(struct db *db, const struct host *host, const char *sql, const char *id);
const char *host_status(struct ledger *ledger, const struct host *host, const char *id);

#define TASK "11111111-1111-4111-8111-111111111111"
#define WORKER "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

void submit(struct ledger *ledger, const char *id);
void submit_task(struct ledger *ledger, const struct submission *task);
/* Claims one task by hand: its token. */
const char *claim(struct ledger *ledger, const char *owner, int64_t lease);
/* Claims up to `count` for a registered worker; how many. */
size_t claim_as(struct ledger *ledger, const char *worker, int64_t count);
/* Registers a worker without a process: its id. */
const char *enrol(struct ledger *ledger, int64_t lease);

struct sweep_result swept(struct ledger *ledger, struct pass_options options);
/* A one-shot sweep with the profile's own cap, its result already finished but for the counts. */
struct sweep_result sweep(struct ledger *ledger);

/* The first row of the answer as text, its cells divided by '|'; "" for NULL and no row. */
const char *ask_text(struct ledger *ledger, const char *sql);
/* … as an instant of our own tables. */
int64_t ask_time(struct ledger *ledger, const char *sql);
const char *state_of(struct ledger *ledger, const char *id);
/* Rows of our audit for a task (NULL: all), of that act (NULL: any). */
int64_t audits(struct ledger *ledger, const char *id, const char *act);

/* A forced interleaving: right before the first `before` that follows `after`, `happens` runs once. */
struct meanwhile {
	const char *after, *before;
	void (*happens)(void *context);
	void *context;
	bool armed, done;
};
fault_fn meanwhile;

#endif
