/* The way from a text to what the schema's tables say; inside this layer only. */
#ifndef PROFILE_PARSE_H
#define PROFILE_PARSE_H

#include "schema.h"

#define NAME_HELP "1 to 128 bytes without control characters and outer spaces"

/* Refuses what the schema does not have. */
bool schema_check(struct reader *reader, const struct section *section,
		  const struct node *node);
/* libConfuse's array; NULL: no memory. */
cfg_opt_t *schema_options(struct arena *arena, const struct section *section);
/* Sets reader->cfg; give it back with confuse_free, after a failure too. */
bool confuse_parse(struct reader *reader, const char *text);
void confuse_free(struct reader *reader);

/* ---- read.c ---- */
struct place {
	const struct field *field;
	const struct node *section;
	cfg_t *cfg;
	size_t count; /* values, or sections */
};
bool read_section(struct reader *reader, const struct section *section, const struct node *node,
		  cfg_t *cfg, void *base);
/* "after = "x" in rule 'y': …", at the line of the option's i-th value. */
bool value_problem(struct reader *reader, const struct node *section, const char *option,
		   size_t i, const char *value, const char *format, ...) PRINTF_LIKE(6, 7);
/* An option's i-th value; NULL: it is not there. */
const char *option_at(const struct node *section, cfg_t *cfg, const char *option, size_t i);

/* ---- shapes.c ---- */
typedef bool read_fn(struct reader *reader, const struct place *place, void *slot);
/* NULL for sections, sets and what a section reads by itself. */
read_fn *shape_reader(enum shape shape);
/* An identifier: 1 to 128 bytes without control characters. */
bool name_is_good(const char *name, size_t size);

/* ---- words.c ---- */
void words_list(struct text *text, const struct words *words);
bool words_find(const struct words *words, const char *name, int *ret_number);

/* ---- assignments.c ---- */
/* What an expression may name. */
enum holes {
	HOLES_CHANGE,
	HOLES_INSERTION,
	HOLES_WHERE,
	HOLES_ROW, /* {row} */
	HOLES_NONE,
	HOLES_PLAIN, /* none; a brace in quotes is one */
};
bool read_set(struct reader *reader, const struct node *section, const char *option, cfg_t *cfg,
	      enum holes holes, struct assignment **ret_set, size_t *ret_count);
/* Refuses a bad hole, a ';', a comment, and quotes and parentheses that do not close. */
bool check_expression(struct reader *reader, const struct node *section, const char *option,
		      size_t i, const char *expression, enum holes holes);

/* ---- complete.c ---- */
bool profile_complete(struct reader *reader);

/* ---- check.c ---- */
/* What only the whole profile shows. */
bool profile_check(struct reader *reader);

#endif
