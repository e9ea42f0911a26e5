/*
 * What a profile may say, as data: each section with its options, and for each option how its value is written and
 * which member of the profile it fills. libConfuse's own option arrays are made from these tables.
 */
#ifndef PROFILE_SCHEMA_H
#define PROFILE_SCHEMA_H

#include "outline.h"
#include "profile.h"

#include <confuse.h>

enum shape {
	SHAPE_NAME,     /* an identifier or a native label: const char * */
	SHAPE_TEXT,     /* any text that is not empty: const char * */
	SHAPE_NAMES,    /* { } of names: struct names */
	SHAPE_TEXTS,    /* { } of texts: struct names */
	SHAPE_DURATION, /* > 0: int64_t */
	SHAPE_SPAN,     /* the same, or 0 */
	SHAPE_AFTER,    /* the same as a duration, or "off", "never": AFTER_NEVER */
	SHAPE_COUNT,    /* a whole number, or "off": NO_LIMIT */
	SHAPE_BUDGET,   /* a whole number > 0, or "column", "off": NO_LIMIT */
	SHAPE_BYTES,    /* a whole number > 0 */
	SHAPE_FRACTION, /* 0 … 1: double */
	SHAPE_NUMBER,   /* 0 < n <= NUMBER_MAX: double */
	SHAPE_FLAG,     /* true or false: bool */
	SHAPE_WORD,     /* one of `words`: an enum */
	SHAPE_SWITCH,   /* one of two `words`: bool */
	SHAPE_BITS,     /* { } of `words`: unsigned, a bit each */
	SHAPE_SET, /* { } of "column = expression": struct assignment *, its number at count_offset */
	SHAPE_INSERT,   /* the same for another table */
	SHAPE_SECTION,  /* filled relative to the same base */
	SHAPE_SECTIONS, /* any number: an array at offset, its number at count_offset */
	SHAPE_OWN,      /* checked for its place only; the section's `finish` reads it */
};

/* The words of an option, by number from `first`; NULL: none has that number. */
struct words {
	const char *(*name)(int number);
	int first, end;
};

struct section;
struct reader;

struct field {
	const char *name;
	enum shape shape;
	bool required;
	size_t offset, count_offset;
	const struct words *words;
	const struct section *section;
};

struct section {
	const struct field *fields;
	size_t count;
	bool titled;   /* NAME { … }; the title is the first member of each element */
	bool multiple; /* without titles, more than one is allowed */
	bool free;     /* options of any name with one text each; `finish` reads them */
	size_t size;   /* of an element of SHAPE_SECTIONS */
	/* After the fields: defaults, and what no shape can say. */
	bool (*finish)(struct reader *reader, const struct node *node, cfg_t *cfg, void *base);
};

struct reader {
	struct profile *profile;
	struct arena *arena;   /* of the profile */
	struct arena *scratch; /* of the reading */
	struct problem *problem;
	const struct engines *engines;
	const struct node *root;
	cfg_t *cfg;
};

const struct section *schema_root(void);
extern const struct words states_words, signals_words, kinds_words, remedies_words,
	formats_words, missing_words, unless_words, modes_words, kept_words, instead_words;
/* Their parents' `finish` reads them. */
extern const struct section message_section, column_section, index_section;

/* ---- finish.c, derived.c, changes.c, migration.c, outward.c: the sections' `finish` ---- */
typedef bool finish_fn(struct reader *reader, const struct node *node, cfg_t *cfg, void *base);
finish_fn finish_columns, finish_workers, finish_rule, finish_limits, finish_change,
	finish_audit, finish_environment, finish_results, finish_messages, finish_migration,
	finish_recover, finish_cleanup, finish_also, finish_backoff, finish_compute,
	finish_predicates, finish_entry;

#endif
