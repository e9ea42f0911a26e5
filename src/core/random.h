/* Random numbers from a seed (never from the system), backoff, and UUIDs. */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "status.h"

struct random {
	uint64_t s[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound); /* 0 <= x < bound; bound > 0 */

/* Before the n-th retry (n from 1): 10 s x 2^(n-1), at most 1 h, +-20 %. */
int64_t backoff(int attempts, struct random *random);

/* When the next attempt of a requeued task is due, as a profile says. */
struct backoff {
	bool present;
	int64_t first, max; /* max INT64_MAX: none */
	double factor;      /* first * factor ^ (n - 1) … */
	double power;       /* … or, with a power, first * n ^ power */
	double jitter;      /* 0.1: +-10 % */
};

/* Before the n-th retry (n from 1; less counts as 1); 0 where there is no backoff. Never longer than 100 years. */
int64_t backoff_of(const struct backoff *backoff, int64_t tries, struct random *random);

#define UUID_TEXT_SIZE 37
/* UUIDv7: the time's milliseconds, then random bits. */
void uuid_v7(struct random *random, int64_t time, char ret_text[UUID_TEXT_SIZE]);
void uuid_print(const unsigned char bytes[16], char ret_text[UUID_TEXT_SIZE]);
bool uuid_parse(const char *text, size_t size, unsigned char ret_bytes[16]);

#endif
