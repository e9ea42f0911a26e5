/*
 * The guardian: a process between the worker and a command. It runs the command in a process group of its own and ends
 * that group when the worker is gone or says so; it keeps the worker's lock until its last descendant has ended, so that
 * the worker is proven dead only when nothing of it runs any more.
 */
#ifndef APP_GUARDIAN_H
#define APP_GUARDIAN_H

#include "status.h"

#include <sys/resource.h>
#include <sys/types.h>

struct guarding {
	const char *path; /* of the program, found */
	char *const *argv, *const *environment;
	int input; /* becomes the command's stdin */
	int lock;  /* kept open by the guardian; -1: none */
	int64_t kill_grace;
	struct rlimit files; /* the command's limit of open files */
};

/* The worker's side of a guardian; descriptors are non-blocking, and the worker closes them. */
struct guardian {
	pid_t pid;
	int control; /* to the guardian: orders; closing it ends the group at once */
	int news; /* from the guardian: struct guardian_news; its end comes with or after the last */
	int out, err; /* of the command */
};

enum guardian_order { GUARDIAN_TERM = 'T', GUARDIAN_KILL = 'K' };

enum guardian_news_kind {
	NEWS_STARTED,        /* value: the command's process group */
	NEWS_NOT_STARTED,    /* value: errno of exec; comes before the end */
	NEWS_ENDED,          /* value: the wait status; nothing of its group runs */
	NEWS_ENDED_BY_ORDER, /* the same, after it was told to end */
};
struct guardian_news {
	int kind, value;
};

/* Safe in a program with threads. Takes nothing over: the caller still owns `input` and `lock`. */
enum reclaim_status guardian_start(const struct guarding *guarding,
				   struct guardian *ret_guardian, struct reclaim_error *error);
/* SIGTERM and, after the kill grace, SIGKILL; or SIGKILL. From any thread, never blocks. */
void guardian_tell(int control, enum guardian_order order);

#endif
