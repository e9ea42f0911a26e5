/* How long nobody could give a sign, as three clocks tell (I15), and that silence waits for that long. */
#ifndef APP_OUTAGE_H
#define APP_OUTAGE_H

#include "app.h"

/* One instant by three clocks. */
struct clocks {
	int64_t engine; /* NO_TIME: none yet */
	int64_t boot, monotonic;
};

enum reclaim_status clocks_read(struct ledger *ledger, struct clocks *ret_clocks,
				struct reclaim_error *error);
/* How far they are apart: the machine was suspended, or a clock was set. 0: by less than a beat or two, or nothing to compare. */
int64_t clocks_jump(const struct clocks *then, const struct clocks *now,
		    const struct profile *profile);

/* Says and records it; nothing for a length of 0. */
enum reclaim_status record_outage(const struct app *app, struct ledger *ledger, int64_t length,
				  struct reclaim_error *error);

#endif
