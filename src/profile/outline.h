/*
 * The outline of a profile's text: its sections and options with the line of every value. It comes before libConfuse
 * and refuses what libConfuse takes without a word (a section left open, an option said twice, ${…}, bytes that mean
 * nothing), so that every error can name its line.
 */
#ifndef PROFILE_OUTLINE_H
#define PROFILE_OUTLINE_H

#include "arena.h"
#include "problem.h"

struct node {
	const char *name;
	const char *title; /* of a section; NULL: none */
	int line;
	bool section;
	bool list;  /* an option with { } */
	int *lines; /* of an option's values */
	size_t count;
	struct node *parent, *children, *next;
};

struct engines;

/*
 * What stands in `on NAME { … }` belongs to the section around it if that is the engine's name; else it is left out.
 * Without engines an `on` is a name like any other.
 * `*ret_text` is the text for libConfuse: without `on`, what is left out, and comments (it counts a line too many for
 * each of them), blanked so that lines stay. The root is a section without a name.
 */
bool outline_read(struct arena *arena, const char *text, size_t size,
		  const struct engines *engines, struct problem *problem,
		  struct node **ret_root, char **ret_text);

/* The n-th child of that name; NULL: there is none. */
const struct node *node_child(const struct node *section, const char *name, size_t n);
/* How much stands in the section. */
size_t node_count(const struct node *section);
/* The line of an option, else of its section. */
int node_line(const struct node *section, const char *option);
/* "rule 'x'", "columns", "the profile": what a section is called in an error. */
void node_describe(struct text *text, const struct node *section);

#endif
