/* What is told of a task that a pass takes: its texts, and its place in the result. */
#ifndef SWEEP_TELL_H
#define SWEEP_TELL_H

#include "scan.h"

/* The texts of one task, rendered. */
struct telling {
	struct text id, owner, token, reason, error;
	bool has_error;
};
void telling_finish(struct telling *t);

#define FINGERPRINT_SIZE 17
/* What tells this claim from the next one of its row, where its token does not; false: the token does. */
bool fingerprint_of(const struct pass *pass, const struct judged *judged,
		    char ret_fingerprint[FINGERPRINT_SIZE]);

#define TELLING_CLEANUP __attribute__((cleanup(telling_finish)))

/* False: no memory. */
bool tell(const struct pass *pass, const struct judged *judged, struct telling *t);
/* The native state that a remedy writes; NULL: it changes none. */
const char *native_after(const struct pass *pass, enum remedy remedy);
/* Adds the task to the result: after its take, or as what would be attempted. */
enum reclaim_status record(struct pass *pass, const struct judged *judged);

#endif
