/* Memory that is given back all at once: a profile, a plan, a result. Zeroed is empty. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "status.h"

struct arena_block;
struct arena {
	struct arena_block *head;
};

/* Zeroed memory, aligned for anything; NULL when there is none. A size of 0 gives a valid pointer. */
void *arena_take(struct arena *arena, size_t size);
/* `size` bytes of `data` and a NUL after them; NULL data gives NULL. */
char *arena_copy(struct arena *arena, const char *data, size_t size);
char *arena_string(struct arena *arena, const char *string);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_finish(struct arena *arena);

#define ARENA_CLEANUP __attribute__((cleanup(arena_finish)))

#endif
