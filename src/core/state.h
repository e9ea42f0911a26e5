/*
 * The life of a task (DESIGN.md section 3).
 *
 *          submit
 *            |            claim                    complete
 *            v     .------------------.          .-----------> completed
 *          ready --'                  '-> running --- fail ---> failed
 *            ^  \                           | | \--- cancel --> cancelled
 *            |   '-- deadline -> failed     | |
 *            '--- recovery, release, retry -' '-- last resort -> stuck
 *
 * - I2 terminal is for ever: only an operator's retry leaves completed, failed and cancelled.
 * - I6 no limbo: from ready, running and stuck some rule, claim or operator leads on.
 * - A change to the same state is a replay: nothing is written, and it succeeds. (The one exception is in the table:
 *   on a host's ledger a recovery may give back the claim of a task that is ready and stays so.)
 *
 * The table below is the only place where a transition is allowed; `reclaim dot` draws it.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "text.h"

enum state {
	STATE_NONE, /* a native state that no word stands for: counted, never touched */
	STATE_READY,
	STATE_RUNNING,
	STATE_COMPLETED,
	STATE_FAILED,
	STATE_CANCELLED,
	STATE_STUCK,
	STATE_COUNT,
};

/* Who or what moves a task. */
enum act {
	ACT_CLAIM,
	ACT_COMPLETE,
	ACT_FAIL,
	ACT_RELEASE,
	ACT_DEADLINE, /* a sweep: the task is late, whoever works on it */
	ACT_RECOVER,  /* a sweep: requeue, fail or stuck */
	ACT_CANCEL,
	ACT_RETRY,
	ACT_COUNT,
};

struct transition {
	enum state from, to;
	enum act act;
	bool host_only; /* never on our own ledger; a host's profile may ask for it */
};

enum move { MOVE_REFUSED, MOVE_REPLAY, MOVE_ALLOWED };

const char *state_word(enum state state);
bool state_parse(const char *word, enum state *ret_state); /* one of the six words */
bool state_is_terminal(enum state state);
const char *act_word(enum act act);
const struct transition *transitions(size_t *ret_count);
enum move state_move(enum state from, enum state to, enum act act, bool host);
/* The table as Graphviz. */
void state_dot(struct text *out);

#define STATE_BIT(state) (1u << (state))

#endif
