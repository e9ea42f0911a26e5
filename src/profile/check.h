/* Between the files that check a profile. */
#ifndef PROFILE_CHECK_H
#define PROFILE_CHECK_H

#include "parse.h"

struct checker {
	struct reader *reader;
	const struct profile *profile;
	const struct rule *rule;
	const struct node *node; /* of the rule */
};

#define BAD(c, line, ...) problem_at((c)->reader->problem, line, __VA_ARGS__)

/* The section of that name, else the root. */
const struct node *section_of(const struct checker *c, const char *name);
bool check_remedy(struct checker *c, enum remedy remedy, int line, const char *whose);
bool check_rules(struct checker *c);
bool check_texts(struct checker *c);

#endif
