/* Looks up the profiles that are compiled in. */
#include "builtin.h"
#include "profile.h"

#include <string.h>

const char *profile_builtin(const char *name)
{
	for (const struct builtin_profile *one = builtin_profiles; one->name; one++) {
		if (strcmp(one->name, name) == 0) {
			return one->text;
		}
	}
	return NULL;
}

const char *profile_builtin_at(size_t i, const char **ret_name)
{
	for (const struct builtin_profile *one = builtin_profiles; one->name; one++) {
		if (i-- == 0) {
			*ret_name = one->name;
			return one->text;
		}
	}
	return NULL;
}
