/* Blocks that are filled from the front and freed together. */
#include "arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)262144)

struct arena_block {
	struct arena_block *next;
	size_t used, capacity;
	alignas(max_align_t) char data[];
};

/* Blocks grow with the arena, so that a large result takes few of them. */
static size_t block_capacity(const struct arena_block *head, size_t size)
{
	size_t capacity = head ? head->capacity * 2 : BLOCK_MIN;
	if (capacity > BLOCK_MAX) {
		capacity = BLOCK_MAX;
	}
	return size > capacity ? size : capacity;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
	size_t capacity = block_capacity(arena->head, size);
	struct arena_block *block = calloc(1, sizeof *block + capacity);
	if (!block) {
		return NULL;
	}
	block->capacity = capacity;
	/* A block made for one large piece goes behind the head, whose room is still good. */
	if (arena->head && size == capacity) {
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		block->next = arena->head;
		arena->head = block;
	}
	return block;
}

void *arena_take(struct arena *arena, size_t size)
{
	const size_t unit = alignof(max_align_t);
	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	size_t rounded = size == 0 ? unit : (size + unit - 1) / unit * unit;
	struct arena_block *block = arena->head;
	if (!block || block->capacity - block->used < rounded) {
		block = add_block(arena, rounded);
		if (!block) {
			return NULL;
		}
	}
	void *piece = block->data + block->used;
	block->used += rounded;
	return piece;
}

char *arena_copy(struct arena *arena, const char *data, size_t size)
{
	if (!data || size == SIZE_MAX) {
		return NULL;
	}
	char *copy = arena_take(arena, size + 1);
	if (copy) {
		memcpy(copy, data, size);
	}
	return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
	return string ? arena_copy(arena, string, strlen(string)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int size = vsnprintf(NULL, 0, format, arguments);
	char *string = size < 0 ? NULL : arena_take(arena, (size_t)size + 1);
	if (string && vsnprintf(string, (size_t)size + 1, format, again) != size) {
		string = NULL;
	}
	va_end(again);
	va_end(arguments);
	return string;
}

void arena_finish(struct arena *arena)
{
	struct arena_block *block = arena->head;
	while (block) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
	arena->head = NULL;
}
