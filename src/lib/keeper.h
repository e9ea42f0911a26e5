/*
 * The keeper from inside: a beat thread with a connection of its own, which may be blocked in the database for any
 * time; and a watch thread, which never touches the database, ends the lease on our side when its time has come (I11),
 * and is the only one that calls `lost`.
 */
#ifndef LIB_KEEPER_H
#define LIB_KEEPER_H

#include "held.h"
#include "lockfile.h"

#include <pthread.h>

struct reclaim_keeper {
	/* As they were at the start. */
	struct arena arena;
	struct ledger_options options;
	const char *name;
	bool named;    /* the program chose the name: on a host's ledger it is the owner */
	int64_t lease; /* how long an acknowledged beat is good */
	int64_t asked; /* the lease that a host's claim is renewed by; 0: its profile's */
	int64_t beat, kill_grace;
	bool registers; /* our own ledger; else each claim is renewed by itself */
	reclaim_lost_fn *lost;
	void *context;
	pthread_t beating, watching;
	int timer; /* of the watch thread, CLOCK_BOOTTIME: goes on while the machine is suspended */

	/* The beat thread's own. */
	struct ledger *ledger; /* NULL: to be opened again */
	struct random random;

	volatile int cancel; /* the end has come: calls on the database end soon */

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	bool stopping;
	char worker[RECLAIM_ID_SIZE]; /* "": not registered */
	struct lockfile lockfile;
	int64_t fence_at; /* CLOCK_BOOTTIME; healthy until then */
	bool fenced;      /* that time has come, and everything held then is lost */
	bool hurry;       /* the next beat is now */
	struct held_claims held;
};

/* ---- for this project's own programs ---- */

/*
 * A copy of the descriptor whose lock proves that `worker` lives, for a process that has to end before it is proven
 * dead; the caller closes it. -1 when there is no such lock. False: that registration is over, and with it its claims.
 */
bool keeper_lock(struct reclaim_keeper *keeper, const char *worker, int *ret_fd);
int64_t keeper_kill_grace(const struct reclaim_keeper *keeper);

/* ---- between the keeper's own files ---- */

void *keeper_watch(void *context); /* the thread; its context is the keeper */
enum reclaim_status keeper_set_options(struct reclaim_keeper *keeper,
				       const struct reclaim_options *options,
				       const struct reclaim_keeping *keeping,
				       struct reclaim_error *error);
/* Once there is a connection: two beats at least before the work has to stop. */
enum reclaim_status keeper_set_timing(struct reclaim_keeper *keeper,
				      const struct reclaim_keeping *keeping,
				      struct reclaim_error *error);
/*
 * With the mutex held: wakes the watch then. A time that is past is at once; what was set before is forgotten.
 */
void keeper_wake(struct reclaim_keeper *keeper, int64_t at);
enum reclaim_status keeper_connect(struct reclaim_keeper *keeper, struct reclaim_error *error);
/* Acknowledged: what was sent at that time has been answered. */
void keeper_acknowledge(struct reclaim_keeper *keeper, int64_t sent);
/* Tells the program soon that a claim, or each that it holds, is lost. */
void keeper_lose(struct reclaim_keeper *keeper, const char *id, const char *token,
		 const char *reason);
void keeper_end_registration(struct reclaim_keeper *keeper, const char *reason);

/* Becomes a worker: registers, or, on a host's ledger, takes a name and gives the first sign. */
enum reclaim_status beat_first(struct reclaim_keeper *keeper, struct reclaim_error *error);
/* One beat and what follows from its answer. Failures other than LOST leave everything as it was. */
enum reclaim_status beat_once(struct reclaim_keeper *keeper, struct reclaim_error *error);
/* Signs off, if the database lets us soon. */
void beat_last(struct reclaim_keeper *keeper);

#endif
