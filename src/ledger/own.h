/* What the verbs on our own ledger share, one at a time or many together. */
#ifndef LEDGER_OWN_H
#define LEDGER_OWN_H

#include "verbs.h"

#define OWN_ID_MAX 255 /* bytes */

/* What the decision reads. */
struct held {
	enum state state;
	int64_t token, closed_token;
	const char *closed_as, *owner;
	int64_t attempts, max_attempts, recoveries, claimed_at, now;
};

enum decision { ACCEPT, REPLAY, LOST, NOT_ALLOWED };

/* What is no UTF-8, or too long, is nobody's id, and an engine may refuse to compare it. */
bool can_exist(const char *id);
/* A token of ours is a whole number above 0, written in one way; anything else, -1, can be nobody's. */
int64_t parse_token(const char *token);
/* A row of `task`, or one of `tasks` behind its id; its texts belong to the row. */
enum reclaim_status read_held(const struct value *row, const char *id, struct held *ret_held,
			      struct reclaim_error *error);
enum decision decide_handing_in(const struct held *held, enum act act, int64_t token);
/* All of its audit but the token. */
void describe_hand_in(const char *id, enum act act, enum state to, const char *reason,
		      const struct held *held, struct event *ret_event);

enum reclaim_status not_found(const struct ledger *ledger, const char *id,
			      struct reclaim_error *error);
enum reclaim_status lost(const char *id, const char *token, const struct held *held,
			 struct reclaim_error *error);

enum reclaim_status own_claim(struct ledger *ledger, const struct claiming *claiming,
			      struct claims *ret_claims, struct reclaim_error *error);
enum reclaim_status own_hand_in(struct ledger *ledger, const struct handing *handings,
				size_t count, enum reclaim_status *ret_statuses,
				struct reclaim_error *error);

#endif
