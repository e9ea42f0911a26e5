/*
 * Writes JSON. Reading is jansson's; writing is ours because payloads go through byte for byte, whatever the size of
 * their numbers.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "text.h"

/* Commas and colons take care of themselves. Zeroed but for `out` is ready to use. */
struct json {
	struct text *out;
	bool comma; /* the next value needs one before it */
};

/* `name` is NULL inside an array and at the top. */
void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */
void json_string(struct json *json, const char *name,
		 const char *string); /* NULL gives null; invalid UTF-8 U+FFFD */
void json_bytes(struct json *json, const char *name, const char *data, size_t size);
void json_int(struct json *json, const char *name, int64_t number);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
/* Microseconds as seconds, with as many decimals as it has (at most six). */
void json_seconds(struct json *json, const char *name, int64_t duration);
/* RFC 3339; NO_TIME gives null. */
void json_time(struct json *json, const char *name, int64_t time);
/* Text that is JSON already, its line ends as spaces; NULL gives null. */
void json_raw(struct json *json, const char *name, const char *text);

#endif
