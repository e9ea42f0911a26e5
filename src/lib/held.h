/*
 * The claims that a program says it holds, and what follows from the ledger's answer to a beat. Pure: no thread, no
 * database, no clock. Whoever shares it guards it.
 *
 *   held --- the ledger has it no more, or the lease can't be renewed --> losing --- the program was told --> told
 *
 * A claim that was told stays known until the program drops it, so that nobody else gets it while the work ends; when
 * the ledger goes on holding it for three beats more it is forgotten, and the next beat finds it unknown.
 */
#ifndef LIB_HELD_H
#define LIB_HELD_H

#include "workers.h"

enum holding_state { HOLDING_HELD, HOLDING_LOSING, HOLDING_TOLD, HOLDING_DROPPED };

struct held {
	char *id, *token;
	char *reason; /* why it is lost; NULL: not, or there was no memory for it */
	enum holding_state state;
	uint64_t number;   /* when it came, by order */
	uint64_t answered; /* the last beat whose answer had it */
	int beats_told;    /* answers that had it since it was told */
};

struct held_claims {
	struct held *items; /* by id and token */
	size_t count, room;
	uint64_t next_number;
	uint64_t beat; /* beats sent so far */
	bool beating;  /* one is under way: what is dropped now may still be in its answer */
	int claiming;  /* claim requests under way */
	bool claimed;  /* one was under way at some time of the present beat */
	uint64_t
		sent_number; /* what came from here on can't be missing from the present beat's answer */
};

void held_finish(struct held_claims *held);

/* Knowing a claim already is fine. False: no memory. */
bool held_add(struct held_claims *held, const char *id, const char *token);
void held_drop(struct held_claims *held, const char *id, const char *token);
struct held *held_find(const struct held_claims *held, const char *id, const char *token);
/* False: the program does not hold it any more, or knows already. */
bool held_lose(struct held_claims *held, const char *id, const char *token, const char *reason);
/* True: at least one is to be told. */
bool held_lose_all(struct held_claims *held, const char *reason);
/* Hands over one claim that the program has to be told of; the caller frees id, token and reason. */
bool held_tell(struct held_claims *held, struct held *ret_lost);
/* Whether there is one that the program has to be told of. */
bool held_untold(const struct held_claims *held);

void held_claiming(struct held_claims *held, int change);

/* A beat: begin, send, then the answer, or end alone when there was none. */
void held_begin_beat(struct held_claims *held);
/*
 * `ret_unknown`, an array of answer->count, gets the places of claims to release; `missing` is called for each that the
 * program holds and the answer lacks.
 */
typedef void missing_fn(void *context, const struct held *held);
size_t held_answer(struct held_claims *held, const struct holding *answer, size_t *ret_unknown,
		   missing_fn *missing, void *context);
void held_end_beat(struct held_claims *held);

#endif
