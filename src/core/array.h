/* An array on the heap that grows: its items, how many there are, and room for how many. */
#ifndef CORE_ARRAY_H
#define CORE_ARRAY_H

#include <stddef.h>

/* The array with room behind `count`: itself, or a larger one in its place. NULL: no memory, and it is as it was. */
void *array_grown(void *items, size_t size, size_t count, size_t *room);

#endif
