/* Checks of what callers give. */
#include "given.h"

#include "text.h"

#include <jansson.h>
#include <string.h>

#define NAME_MAX_BYTES 255

enum reclaim_status check_json(const char *what, const char *text, struct reclaim_error *error)
{
	if (!text) {
		return RECLAIM_OK;
	}
	size_t size = strlen(text), bad = utf8_invalid_at(text, size);
	if (bad < size) {
		return fail(error, RECLAIM_INVALID, "%s is not UTF-8: byte %zu is 0x%02x", what,
			    bad + 1, (unsigned)(unsigned char)text[bad]);
	}
	json_error_t problem;
	json_t *json = json_loadb(text, size,
				  JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				  &problem);
	if (!json) {
		return fail(error, RECLAIM_INVALID, "%s is not JSON: line %d, column %d: %s",
			    what, problem.line, problem.column, problem.text);
	}
	json_decref(json);
	return RECLAIM_OK;
}

enum reclaim_status check_name(const char *what, const char *name, size_t size,
			       bool may_be_empty, struct reclaim_error *error)
{
	struct text TEXT_CLEANUP shown = { 0 };
	text_add_visible(&shown, name, size < 64 ? size : 64);
	if ((size == 0 && !may_be_empty) || size > NAME_MAX_BYTES) {
		return fail(error, RECLAIM_INVALID, "%s '%s' has %zu bytes; allowed: %d to %d",
			    what, text_string(&shown), size, may_be_empty ? 0 : 1,
			    NAME_MAX_BYTES);
	}
	if (memchr(name, '\0', size)) {
		return fail(error, RECLAIM_INVALID,
			    "%s '%s' has a NUL character; allowed: any other UTF-8", what,
			    text_string(&shown));
	}
	if (utf8_invalid_at(name, size) < size) {
		return fail(error, RECLAIM_INVALID, "%s '%s' is not UTF-8", what,
			    text_string(&shown));
	}
	return RECLAIM_OK;
}

enum reclaim_status check_range(const char *what, int64_t number, int64_t least, int64_t most,
				struct reclaim_error *error)
{
	return number >= least && number <= most
		       ? RECLAIM_OK
		       : fail(error, RECLAIM_INVALID, "%s is %lld; allowed: %lld to %lld", what,
			      (long long)number, (long long)least, (long long)most);
}
