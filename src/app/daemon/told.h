/* What a sweeper says of its passes: the profile's own lines at their occasions, ours where it has none. */
#ifndef APP_TOLD_H
#define APP_TOLD_H

#include "app.h"
#include "pass.h"

struct told {
	const struct app *app;
	const struct profile *profile;
	int64_t interval;
	bool only_theirs; /* the profile's lines and none of ours: for a command that prints its own */
	bool valve_holding; /* said already */
};

void tell_start(const struct told *told);
void tell_stop(const struct told *told);
/* A pass under the start-up grace, so long after the start. */
void tell_grace(const struct told *told, int64_t elapsed);
/* What a pass found and did: nothing is said of one that found nothing, but what the profile says then. */
void tell_pass(struct told *told, const struct sweep_result *result, bool in_grace);

#endif
