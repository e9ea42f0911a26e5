/* Reads from /proc what tells this process from every other one. */
#include "incarnation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_TIME_FIELD 22

/* The beginning of a small file as a string; "" when it can't be read. */
static void read_file(const char *path, char *ret_text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got = 0;
	while (fd >= 0 && size < room - 1) {
		got = read(fd, ret_text + size, room - 1 - size);
		if (got > 0) {
			size += (size_t)got;
		} else if (got == 0 || errno != EINTR) {
			break;
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	ret_text[got < 0 ? 0 : size] = '\0';
}

static int64_t namespace_inode(const char *path)
{
	struct stat found;
	return stat(path, &found) == 0 ? (int64_t)found.st_ino : 0;
}

/* The second field, a name in brackets, may hold anything; so they are counted from its end. */
int64_t incarnation_start_time(int64_t pid)
{
	char path[64], stat_line[1024];
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	read_file(path, stat_line, sizeof(stat_line));
	const char *at = strrchr(stat_line, ')');
	for (int field = 2; at && field < START_TIME_FIELD; field++) {
		at = strchr(at + 1, ' ');
	}
	return at ? strtoll(at, NULL, 10) : 0;
}

void incarnation_read(struct incarnation *ret_incarnation)
{
	struct incarnation own = { .pid = getpid(), .slot = -1 };
	gethostname(own.host, sizeof(own.host) - 1);
	read_file("/proc/sys/kernel/random/boot_id", own.boot, sizeof(own.boot));
	own.boot[strcspn(own.boot, "\n")] = '\0';
	own.pid_namespace = namespace_inode("/proc/self/ns/pid");
	own.time_namespace = namespace_inode("/proc/self/ns/time");
	own.start_time = incarnation_start_time(own.pid);
	*ret_incarnation = own;
}
