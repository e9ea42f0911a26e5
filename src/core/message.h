/*
 * Messages with holes: "Released from stalled worker {owner}, last seen {last_seen}". `{{` is a brace that opens none;
 * a closing one needs no such care.
 */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "timefmt.h"

/* A hole that only one profile has: one of its own result words. */
struct message_word {
	const char *word;
	int64_t number;
};

/* What a message can name. Unset strings are printed as "-" and unset times as "never". */
struct message_facts {
	const char *id, *owner, *kind, *queue, *rule;
	/* {age} {age_s} {age_seconds} (%.1f) {age_go} {age_minutes} {age_hours} (%.1f) */
	/* {threshold} {threshold_s} {threshold_go} */
	int64_t age, threshold;
	int64_t last_seen, deadline; /* {last_seen} {deadline}, in the shape of `format` */
	int64_t attempts, max_attempts, recoveries;
	int64_t count, other;    /* {count}; {other}: what else a summary counts */
	int64_t interval, grace; /* {interval} {interval_s} {interval_go} {grace} {grace_s} */
	const char *error;
	int64_t at; /* {at}: now, always RFC 3339 */
	enum time_format format;
	const struct message_word *words;
	size_t word_count;
};

/* False when the message names a hole that does not exist, or one is not closed; *ret_at is its
 * place. It may name these words, too. */
bool message_check(const char *message, const struct message_word *words, size_t word_count,
		   size_t *ret_at);
/* The names of all holes, for an error that says what is allowed. */
const char *message_holes(void);
/* Whether the message is nothing but one hole that stands for a number. */
bool message_is_number(const char *message);
void message_print(struct text *out, const char *message, const struct message_facts *facts);

#endif
