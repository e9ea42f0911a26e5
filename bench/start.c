/* What starting a program costs, from its start to its end: the median of many runs, and the most memory of one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 31

static double milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void become(char **argv)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(nowhere, STDOUT_FILENO);
	execv(argv[0], argv);
	_exit(127);
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	double times[RUNS];
	long most = 0;
	for (int i = 0; argc > 1 && i < RUNS; i++) {
		struct rusage usage;
		int status = 0;
		double begun = milliseconds();
		pid_t pid = fork();
		if (pid == 0) {
			become(argv + 1);
		}
		while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
		}
		times[i] = milliseconds() - begun;
		if (pid < 0 || status != 0) {
			fprintf(stderr, "start: %s fails\n", argv[1]);
			return 1;
		}
		most = usage.ru_maxrss > most ? usage.ru_maxrss : most;
	}
	qsort(times, RUNS, sizeof(*times), ascending);
	printf("ms %.3f\nmib %.3f\n", times[RUNS / 2], (double)most / 1024);
	return 0;
}
