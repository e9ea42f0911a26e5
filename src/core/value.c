/* Database values, and the ids that people see of rows. */
#include "value.h"

#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value value_null(void)
{
	return (struct value){ .type = VALUE_NULL };
}

struct value value_int(int64_t number)
{
	return (struct value){ .type = VALUE_INT, .number = number };
}

struct value value_string(const char *string)
{
	return string ? value_bytes(VALUE_TEXT, string, strlen(string)) : value_null();
}

struct value value_bytes(enum value_type type, const char *data, size_t size)
{
	return (struct value){ .type = type, .data = data, .size = size };
}

struct value value_time(int64_t time)
{
	return time == INT64_MIN ? value_null() : value_int(time);
}

bool value_is_null(const struct value *value)
{
	return value->type == VALUE_NULL;
}

static bool has_bytes(const struct value *value)
{
	return value->type == VALUE_TEXT || value->type == VALUE_BLOB;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type) {
		return false;
	}
	if (has_bytes(a)) {
		return a->size == b->size &&
		       (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
	}
	return a->type == VALUE_INT    ? a->number == b->number
	       : a->type == VALUE_REAL ? a->real == b->real
				       : true;
}

/* Digits and maybe a minus, all of it, and it fits. */
static bool parse_integer(const char *data, size_t size, int64_t *ret_number)
{
	size_t at = size > 0 && data[0] == '-' ? 1 : 0;
	int sign = at ? -1 : 1;
	int64_t number = 0;
	if (at == size) {
		return false;
	}
	for (; at < size; at++) {
		if (data[at] < '0' || data[at] > '9') {
			return false;
		}
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, sign * (data[at] - '0'), &number)) {
			return false;
		}
	}
	*ret_number = number;
	return true;
}

int64_t value_integer(const struct value *value, int64_t otherwise)
{
	const double limit = 9223372036854775808.0; /* 2^63 */
	int64_t number = otherwise;
	switch (value->type) {
	case VALUE_INT:
		return value->number;
	case VALUE_REAL:
		if (value->real >= -limit && value->real < limit &&
		    (double)(int64_t)value->real == value->real) {
			number = (int64_t)value->real;
		}
		return number;
	case VALUE_TEXT:
		return parse_integer(value->data, value->size, &number) ? number : otherwise;
	case VALUE_NULL:
	case VALUE_BLOB:
		return otherwise;
	}
	return otherwise;
}

/* The shortest of three precisions that reads back as the same number, with a point in every locale. */
static void print_real(struct text *text, double real)
{
	char digits[64];
	for (int precision = 15; precision <= 17; precision++) {
		int size = snprintf(digits, sizeof digits, "%.*g", precision, real);
		if (size < 0 || (size_t)size >= sizeof digits) {
			text->failed = true;
			return;
		}
		if (strtod(digits, NULL) == real) {
			break;
		}
	}
	size_t whole = strspn(digits, "+-0123456789einfa");
	size_t point = strcspn(digits + whole, "0123456789");
	text_add_bytes(text, digits, whole);
	if (point > 0) {
		text_add_char(text, '.');
		text_add(text, digits + whole + point);
	}
}

static void print_blob(struct text *text, const struct value *value)
{
	if (value->size == 16) {
		char uuid[UUID_TEXT_SIZE];
		uuid_print((const unsigned char *)value->data, uuid);
		text_add(text, uuid);
		return;
	}
	for (size_t i = 0; i < value->size; i++) {
		text_printf(text, "%02x", (unsigned)(unsigned char)value->data[i]);
	}
}

void value_print(struct text *text, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		break;
	case VALUE_INT:
		text_printf(text, "%" PRId64, value->number);
		break;
	case VALUE_REAL:
		print_real(text, value->real);
		break;
	case VALUE_TEXT:
		text_add_bytes(text, value->data, value->size);
		break;
	case VALUE_BLOB:
		print_blob(text, value);
		break;
	}
}

/* ---- keys ---- */

static void add_coded(struct text *text, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		text_printf(text, "%%%02X", (unsigned)(unsigned char)data[i]);
	}
}

/* Bytes that are no UTF-8 are coded too: an id travels through JSON. */
static void print_text_part(struct text *text, const struct value *part, bool composite)
{
	size_t length;
	for (size_t at = 0; at < part->size; at += length) {
		const char *data = part->data + at;
		uint32_t code;
		length = utf8_decode(data, part->size - at, &code);
		if (length == 0) {
			length = 1;
			add_coded(text, data, 1);
		} else if (code == '%' || (code == '/' && composite) || code_is_hidden(code)) {
			add_coded(text, data, length);
		} else {
			text_add_bytes(text, data, length);
		}
	}
}

void key_print(struct text *text, const struct value *key, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			text_add_char(text, '/');
		}
		if (key[i].type == VALUE_TEXT) {
			print_text_part(text, &key[i], /* composite= */ count > 1);
		} else {
			value_print(text, &key[i]);
		}
	}
}

static bool parse_text_part(struct arena *arena, const char *data, size_t size,
			    struct value *ret_part)
{
	char *bytes = arena_take(arena, size + 1);
	size_t count = 0;
	if (!bytes) {
		return false;
	}
	for (size_t at = 0; at < size; at++) {
		if (data[at] != '%') {
			bytes[count++] = data[at];
			continue;
		}
		int high = size - at > 2 ? hex_digit(data[at + 1]) : -1;
		int low = size - at > 2 ? hex_digit(data[at + 2]) : -1;
		if (high < 0 || low < 0) {
			return false;
		}
		bytes[count++] = (char)(high << 4 | low);
		at += 2;
	}
	*ret_part = value_bytes(VALUE_TEXT, bytes, count);
	return true;
}

static bool parse_blob_part(struct arena *arena, const char *data, size_t size,
			    struct value *ret_part)
{
	unsigned char uuid[16];
	bool is_uuid = uuid_parse(data, size, uuid);
	size_t count = is_uuid ? sizeof uuid : size / 2;
	char *bytes = arena_take(arena, count + 1);
	if (!bytes || (!is_uuid && size % 2 != 0)) {
		return false;
	}
	if (is_uuid) {
		memcpy(bytes, uuid, sizeof uuid);
	}
	for (size_t i = 0; !is_uuid && i < count; i++) {
		int high = hex_digit(data[2 * i]), low = hex_digit(data[2 * i + 1]);
		if (high < 0 || low < 0) {
			return false;
		}
		bytes[i] = (char)(high << 4 | low);
	}
	*ret_part = value_bytes(VALUE_BLOB, bytes, count);
	return true;
}

static bool parse_part(struct arena *arena, enum value_type type, const char *data, size_t size,
		       struct value *ret_part)
{
	int64_t number;
	switch (type) {
	case VALUE_TEXT:
		return parse_text_part(arena, data, size, ret_part);
	case VALUE_BLOB:
		return parse_blob_part(arena, data, size, ret_part);
	case VALUE_INT:
		if (!parse_integer(data, size, &number)) {
			return false;
		}
		*ret_part = value_int(number);
		return true;
	case VALUE_NULL:
	case VALUE_REAL:
		break;
	}
	return false;
}

bool key_parse(struct arena *arena, const char *id, const enum value_type *types, size_t count,
	       struct value *ret_key)
{
	struct value *parts = arena_take(arena, count * sizeof *parts);
	if (!parts || count == 0) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		bool last = i == count - 1;
		size_t size = count == 1 ? strlen(id) : strcspn(id, "/");
		if ((id[size] == '\0') != last) {
			return false;
		}
		if (!parse_part(arena, types[i], id, size, &parts[i])) {
			return false;
		}
		id += size + (last ? 0 : 1);
	}
	memcpy(ret_key, parts, count * sizeof *parts);
	return true;
}
