/* One database value, as an engine gives or takes it. */
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include "arena.h"
#include "text.h"

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

/* Bytes belong to whoever made the value (an arena, a result, the caller); text is NUL-terminated past `size`. */
struct value {
	enum value_type type;
	int64_t number;
	double real;
	const char *data;
	size_t size;
};

struct value value_null(void);
struct value value_int(int64_t number);
struct value value_string(const char *string); /* NULL gives a null */
struct value value_bytes(enum value_type type, const char *data, size_t size);
/* INT64_MIN (no time) gives a null. */
struct value value_time(int64_t time);

bool value_is_null(const struct value *value);
bool value_equal(const struct value *a, const struct value *b);

/* Integers as they are, text that is wholly an integer, reals without a fraction; otherwise `otherwise`. */
int64_t value_integer(const struct value *value, int64_t otherwise);
/* As people read it: text as it is, 16-byte blobs as UUIDs, other blobs in hex, NULL as nothing. */
void value_print(struct text *text, const struct value *value);

/* The id of a row: its key values joined by '/', with '%', control characters and, in composite keys, '/' as %XX. */
void key_print(struct text *text, const struct value *key, size_t count);
/*
 * The other way round, each part as a value of its type: bytes from a UUID or hex, a whole number, or text, which the
 * engines compare with a number by the column's type. False: no row with such values can have that id.
 */
bool key_parse(struct arena *arena, const char *id, const enum value_type *types, size_t count,
	       struct value *ret_key);

#endif
