/* The machine's clocks. */
#include "clock.h"

#include "timefmt.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

int64_t monotonic_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t boot_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t machine_now(void)
{
	return read_clock(CLOCK_REALTIME);
}
