/* Room is doubled, so that what is added one by one is seldom moved. */
#include "array.h"

#include <stdlib.h>

void *array_grown(void *items, size_t size, size_t count, size_t *room)
{
	if (count < *room) {
		return items;
	}
	size_t more = *room ? *room * 2 : 16;
	void *grown = reallocarray(items, more, size);
	if (grown) {
		*room = more;
	}
	return grown;
}
