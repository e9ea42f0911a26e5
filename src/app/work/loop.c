/* The loop over epoll. */
#include "loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64
#define MSEC INT64_C(1000)
#define LONGEST (INT64_C(3600000) * MSEC)

enum reclaim_status loop_init(struct loop *loop, struct reclaim_error *error)
{
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->fd < 0
		       ? fail(error, RECLAIM_INTERNAL, "no event loop: %s", strerror(errno))
		       : RECLAIM_OK;
}

void loop_finish(struct loop *loop)
{
	if (loop->fd >= 0) {
		close(loop->fd);
	}
	loop->fd = -1;
}

bool loop_add(struct loop *loop, struct source *source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };
	return epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (source->fd >= 0) {
		epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
		close(source->fd);
	}
	source->fd = -1;
}

/* Rounded up: a wait that ends a little early is a wait of nothing the next time. */
static int milliseconds(int64_t timeout)
{
	if (timeout < 0) {
		return -1;
	}
	return (int)(((timeout < LONGEST ? timeout : LONGEST) + MSEC - 1) / MSEC);
}

int loop_run(struct loop *loop, int64_t timeout)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(loop->fd, events, EVENTS, milliseconds(timeout));
	for (int i = 0; i < count; i++) {
		struct source *source = events[i].data.ptr;
		if (source->fd >= 0) {
			source->ready(source);
		}
	}
	return count > 0 ? count : 0;
}
