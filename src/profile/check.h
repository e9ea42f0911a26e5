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
/* Whether the words are by predicates. */
bool by_predicate(const struct profile *profile);
/* Whether one of them puts {error} somewhere by itself. */
bool remedies_take_error(const struct profile *profile);
bool check_rules(struct checker *c);
bool check_budget(struct checker *c);
bool check_changes(struct checker *c);
bool check_derived(struct checker *c);
bool check_texts(struct checker *c);

#endif
