/* The command of the worker that is measured: tells a pipe when it was started. */
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t microseconds = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	int pipe = argc > 1 ? open(argv[1], O_WRONLY) : -1;
	return write(pipe, &microseconds, sizeof(microseconds)) != sizeof(microseconds);
}
