/* Writes JSON into a text, one line whatever goes in. */
#include "json.h"

#include "duration.h"
#include "timefmt.h"

#include <inttypes.h>
#include <string.h>

static void add_escaped(struct text *out, uint32_t code)
{
	static const char short_forms[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
		['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'
	};
	if (code < sizeof short_forms && short_forms[code]) {
		text_printf(out, "\\%c", short_forms[code]);
	} else {
		text_printf(out, "\\u%04x", (unsigned)code);
	}
}

static void add_string(struct text *out, const char *data, size_t size)
{
	text_add_char(out, '"');
	size_t length;
	for (size_t at = 0; at < size; at += length) {
		uint32_t code;
		length = utf8_decode(data + at, size - at, &code);
		if (length == 0) {
			length = 1;
			text_add_valid(out, data + at, 1);
		} else if (code == '"' || code == '\\' || code_is_hidden(code)) {
			add_escaped(out, code);
		} else {
			text_add_bytes(out, data + at, length);
		}
	}
	text_add_char(out, '"');
}

/* What stands before a value. */
static void begin(struct json *json, const char *name)
{
	if (json->comma) {
		text_add_char(json->out, ',');
	}
	if (name) {
		add_string(json->out, name, strlen(name));
		text_add_char(json->out, ':');
	}
	json->comma = true;
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	text_add_char(json->out, bracket);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	text_add_char(json->out, bracket);
	json->comma = true;
}

void json_string(struct json *json, const char *name, const char *string)
{
	json_bytes(json, name, string, string ? strlen(string) : 0);
}

void json_bytes(struct json *json, const char *name, const char *data, size_t size)
{
	if (!data) {
		json_null(json, name);
		return;
	}
	begin(json, name);
	add_string(json->out, data, size);
}

void json_int(struct json *json, const char *name, int64_t number)
{
	begin(json, name);
	text_printf(json->out, "%" PRId64, number);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	text_add(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
	begin(json, name);
	text_add(json->out, "null");
}

void json_seconds(struct json *json, const char *name, int64_t duration)
{
	begin(json, name);
	duration_print_seconds(json->out, duration);
}

void json_time(struct json *json, const char *name, int64_t time)
{
	if (time == NO_TIME) {
		json_null(json, name);
		return;
	}
	begin(json, name);
	text_add_char(json->out, '"');
	time_print_rfc3339(json->out, time);
	text_add_char(json->out, '"');
}

void json_raw(struct json *json, const char *name, const char *text)
{
	if (!text) {
		json_null(json, name);
		return;
	}
	begin(json, name);
	/* In JSON a line end is only ever white space, and a list has one object a line. */
	while (*text) {
		size_t size = strcspn(text, "\r\n");
		text_add_valid(json->out, text, size);
		text += size;
		if (*text) {
			text_add_char(json->out, ' ');
			text++;
		}
	}
}
