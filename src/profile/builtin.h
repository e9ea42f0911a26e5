/* The texts of profiles/, compiled in. */
#ifndef PROFILE_BUILTIN_H
#define PROFILE_BUILTIN_H

#include <stddef.h>

struct builtin_profile {
	const char *name, *text;
};

/* Ends with a name of NULL. */
extern const struct builtin_profile builtin_profiles[];

#endif
