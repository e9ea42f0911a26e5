/*
 * The worker's event loop: descriptors, each with what is to be done when it is readable. Its own descriptor is readable
 * when any of them is, so that the wait for a change of the database ends with an event too.
 */
#ifndef APP_LOOP_H
#define APP_LOOP_H

#include "status.h"

struct loop {
	int fd;
};

/* It may be removed at any time; its memory stays until loop_run has come back. */
struct source {
	int fd; /* -1: none */
	void (*ready)(struct source *source);
	void *context;
};

enum reclaim_status loop_init(struct loop *loop, struct reclaim_error *error);
void loop_finish(struct loop *loop);
bool loop_add(struct loop *loop, struct source *source);
/* Also closes the descriptor. */
void loop_remove(struct loop *loop, struct source *source);
/* Waits for events until the time is over (microseconds; negative: no limit) and deals with them; how many there were. */
int loop_run(struct loop *loop, int64_t timeout);

#endif
