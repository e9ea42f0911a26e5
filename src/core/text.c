/* A growing string, and what makes foreign bytes fit to be shown. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN ((size_t)64)
#define REPLACEMENT "\xEF\xBF\xBD"

/* Room for `more` bytes and the NUL. */
static bool reserve(struct text *text, size_t more)
{
	if (text->failed) {
		return false;
	}
	if (more >= SIZE_MAX / 2 - text->size) {
		text->failed = true;
		return false;
	}
	size_t needed = text->size + more + 1;
	if (needed <= text->capacity) {
		return true;
	}
	size_t capacity = text->capacity ? text->capacity * 2 : CAPACITY_MIN;
	if (capacity < needed) {
		capacity = needed;
	}
	char *data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_bytes(struct text *text, const char *data, size_t size)
{
	if (!reserve(text, size)) {
		return;
	}
	if (size > 0) {
		memcpy(text->data + text->size, data, size);
	}
	text->size += size;
	text->data[text->size] = '\0';
}

void text_add_char(struct text *text, char c)
{
	text_add_bytes(text, &c, 1);
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int size = vsnprintf(NULL, 0, format, arguments);
	if (size < 0) {
		text->failed = true;
	} else if (reserve(text, (size_t)size)) {
		if (vsnprintf(text->data + text->size, (size_t)size + 1, format, again) ==
		    size) {
			text->size += (size_t)size;
		} else {
			text->data[text->size] = '\0';
			text->failed = true;
		}
	}
	va_end(again);
	va_end(arguments);
}

void text_clear(struct text *text)
{
	text->size = 0;
	if (text->data) {
		text->data[0] = '\0';
	}
}

void text_finish(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}

/* How many bytes a character has that starts with this one, by its first byte alone; 0: none does. */
static size_t claimed_length(unsigned char first)
{
	if (first < 0x80) {
		return 1;
	}
	if (first < 0xC2 || first > 0xF4) {
		return 0;
	}
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t utf8_decode(const char *data, size_t size, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = size > 0 ? claimed_length((unsigned char)data[0]) : 0;
	if (length == 0 || length > size) {
		return 0;
	}
	uint32_t code = (unsigned char)data[0];
	if (length > 1) {
		code &= 0x7Fu >> length;
	}
	for (size_t i = 1; i < length; i++) {
		unsigned char byte = (unsigned char)data[i];
		if ((byte & 0xC0) != 0x80) {
			return 0;
		}
		code = code << 6 | (byte & 0x3F);
	}
	bool surrogate = code >= 0xD800 && code <= 0xDFFF;
	if (code < smallest[length] || surrogate || code > 0x10FFFF) {
		return 0;
	}
	*ret_code = code;
	return length;
}

size_t utf8_invalid_at(const char *data, size_t size)
{
	size_t at = 0;
	while (at < size) {
		uint32_t code;
		size_t length = utf8_decode(data + at, size - at, &code);
		if (length == 0) {
			break;
		}
		at += length;
	}
	return at;
}

size_t utf8_cut(const char *data, size_t size, size_t limit)
{
	if (size <= limit) {
		return size;
	}
	for (size_t back = 1; back <= 3 && back <= limit; back++) {
		uint32_t code;
		if (utf8_decode(data + limit - back, size - limit + back, &code) > back) {
			return limit - back;
		}
	}
	return limit;
}

void text_add_valid(struct text *text, const char *data, size_t size)
{
	for (size_t at = 0; at < size; at++) {
		size_t valid = utf8_invalid_at(data + at, size - at);
		text_add_bytes(text, data + at, valid);
		at += valid;
		if (at < size) {
			text_add(text, REPLACEMENT);
		}
	}
}

bool code_is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1F },     { 0x7F, 0x9F },     { 0x61C, 0x61C },   { 0x200E, 0x200F },
		{ 0x2028, 0x202E }, { 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

static void add_escape(struct text *text, uint32_t code)
{
	if (code == '\n') {
		text_add(text, "\\n");
	} else if (code == '\t') {
		text_add(text, "\\t");
	} else if (code < 0x80) {
		text_printf(text, "\\x%02x", (unsigned)code);
	} else {
		text_printf(text, "\\u{%04x}", (unsigned)code);
	}
}

void text_add_visible(struct text *text, const char *data, size_t size)
{
	size_t length;
	for (size_t at = 0; at < size; at += length) {
		uint32_t code;
		length = utf8_decode(data + at, size - at, &code);
		if (length == 0) {
			text_printf(text, "\\x%02x", (unsigned)(unsigned char)data[at]);
			length = 1;
		} else if (code_is_hidden(code)) {
			add_escape(text, code);
		} else {
			text_add_bytes(text, data + at, length);
		}
	}
}

void text_add_quoted(struct text *text, const char *data, size_t size, char quote)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == quote) {
			text_add_char(text, quote);
		}
		text_add_char(text, data[i]);
	}
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool string_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool string_mentions(const char *text, const char *word)
{
	static const char part[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t size = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += size) {
		bool starts = at == text || !strchr(part, at[-1]);
		if (starts && (!at[size] || !strchr(part, at[size]))) {
			return true;
		}
	}
	return false;
}

#define WORD_MAX ((size_t)64)

size_t string_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], m = strlen(a), n = strlen(b);
	if (m > WORD_MAX || n > WORD_MAX) {
		return WORD_MAX;
	}
	for (size_t j = 0; j <= n; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[n];
}
