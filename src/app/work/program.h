/* Finding a command before anything is claimed for it. */
#ifndef APP_PROGRAM_H
#define APP_PROGRAM_H

#include "arena.h"

/* As exec would find it; INVALID says what is wrong with it. */
enum reclaim_status program_find(const char *name, struct arena *arena, const char **ret_path,
				 struct reclaim_error *error);

#endif
