/* xoshiro256** by Blackman and Vigna, seeded by splitmix64; backoff and UUIDs made from it. */
#include "random.h"

#include "text.h"

#include <math.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define BACKOFF_FIRST (10 * SECOND)
#define BACKOFF_LAST (3600 * SECOND)
#define JITTER_PARTS 5 /* a fifth: 20 % */

static uint64_t split_mix(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
	return mixed ^ mixed >> 31;
}

void random_seed(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		random->s[i] = split_mix(&seed);
	}
}

static uint64_t rotate(uint64_t bits, int by)
{
	return bits << by | bits >> (64 - by);
}

uint64_t random_next(struct random *random)
{
	uint64_t *s = random->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	/* The first 2^64 mod bound numbers would make some remainders likelier than others. */
	uint64_t skip = -bound % bound;
	uint64_t number;
	do {
		number = random_next(random);
	} while (number < skip);
	return number % bound;
}

int64_t backoff(int attempts, struct random *random)
{
	int64_t wait = BACKOFF_FIRST;
	for (int n = 1; n < attempts && wait < BACKOFF_LAST; n++) {
		wait *= 2;
	}
	if (wait > BACKOFF_LAST) {
		wait = BACKOFF_LAST;
	}
	int64_t jitter = wait / JITTER_PARTS;
	return wait - jitter + (int64_t)random_below(random, 2 * (uint64_t)jitter + 1);
}

#define LONGEST (INT64_C(100) * 366 * 86400 * SECOND)
#define FINEST 1000000 /* steps of a jitter */

/* From -1 to 1. */
static double random_part(struct random *random)
{
	return (double)random_below(random, 2 * FINEST + 1) / FINEST - 1;
}

int64_t backoff_of(const struct backoff *backoff, int64_t tries, struct random *random)
{
	double n = tries < 1 ? 1 : (double)tries;
	double max = backoff->max < LONGEST ? (double)backoff->max : (double)LONGEST;
	if (!backoff->present) {
		return 0;
	}
	double wait =
		(double)backoff->first *
		(backoff->power > 0 ? pow(n, backoff->power) : pow(backoff->factor, n - 1));
	wait = wait < max ? wait : max;
	wait += wait * backoff->jitter * random_part(random);
	return wait < 0 ? 0 : wait < (double)LONGEST ? (int64_t)wait : LONGEST;
}

static void put_big_endian(unsigned char *bytes, int count, uint64_t number)
{
	for (int i = count - 1; i >= 0; i--) {
		bytes[i] = (unsigned char)number;
		number >>= 8;
	}
}

void uuid_v7(struct random *random, int64_t time, char ret_text[UUID_TEXT_SIZE])
{
	unsigned char bytes[16];
	put_big_endian(bytes, 6, time > 0 ? (uint64_t)time / 1000 : 0);
	put_big_endian(bytes + 6, 2, 0x7000 | random_next(random) >> 52);
	put_big_endian(bytes + 8, 8, UINT64_C(1) << 63 | random_next(random) >> 2);
	uuid_print(bytes, ret_text);
}

static bool dash_at(size_t place)
{
	return place == 8 || place == 13 || place == 18 || place == 23;
}

void uuid_print(const unsigned char bytes[16], char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t nibble = 0;
	for (size_t place = 0; place < UUID_TEXT_SIZE - 1; place++) {
		if (dash_at(place)) {
			ret_text[place] = '-';
			continue;
		}
		unsigned char byte = bytes[nibble / 2];
		ret_text[place] = digits[nibble % 2 == 0 ? byte >> 4 : byte & 15];
		nibble++;
	}
	ret_text[UUID_TEXT_SIZE - 1] = '\0';
}

bool uuid_parse(const char *text, size_t size, unsigned char ret_bytes[16])
{
	unsigned char bytes[16] = { 0 };
	size_t nibble = 0;
	if (size != UUID_TEXT_SIZE - 1) {
		return false;
	}
	for (size_t place = 0; place < size; place++) {
		if (dash_at(place)) {
			if (text[place] != '-') {
				return false;
			}
			continue;
		}
		int digit = hex_digit(text[place]);
		if (digit < 0) {
			return false;
		}
		bytes[nibble / 2] = (unsigned char)(bytes[nibble / 2] << 4 | digit);
		nibble++;
	}
	memcpy(ret_bytes, bytes, sizeof bytes);
	return true;
}
