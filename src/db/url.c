/* Database URLs: taken apart, and shown without their passwords. */
#include "driver.h"

#include <string.h>
#include <strings.h>

/* Whether a parameter that keeps a secret starts here; the size of its "name=", or 0. */
static size_t secret_name(const char *at, bool query)
{
	static const char *const words[] = { "password", "passwd", "pwd" };
	size_t size = strcspn(at, "=&?; \t");
	if (at[size] != '=') {
		return 0;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);
		if (size >= length && strncasecmp(at + size - length, words[i], length) == 0) {
			return size + 1;
		}
	}
	/* A coded name may spell any of them. */
	return query && memchr(at, '%', size) ? size + 1 : 0;
}

static size_t secret_size(const char *value, bool is_url)
{
	if (is_url) {
		return strcspn(value, "&");
	}
	if (*value != '\'') {
		return strcspn(value, " \t&");
	}
	size_t size = 1;
	while (value[size] && value[size] != '\'') {
		size += value[size] == '\\' && value[size + 1] ? 2 : 1;
	}
	return value[size] ? size + 1 : size;
}

/*
 * The password of user:password@host, as an offset and a size. Whoever forgot to code a '/', '?' or '@' in it must
 * not see it printed either, so it goes on to the last '@' that can end it.
 */
static bool find_password(const char *text, size_t *ret_at, size_t *ret_size)
{
	const char *authority = strstr(text, "://");
	if (!authority || authority[3] == '/') {
		return false;
	}
	authority += 3;
	const char *query = strchr(authority, '?');
	const char *end = query ? memrchr(authority, '@', (size_t)(query - authority))
				: strrchr(authority, '@');
	const char *colon = strchr(authority, ':');
	if (!end && colon && query) {
		size_t digits = strspn(colon + 1, "0123456789");
		bool is_port = digits > 0 && strchr(",/?", colon[1 + digits]);
		bool has_parameters = query[1 + strcspn(query + 1, "=@")] == '=';
		end = is_port && has_parameters ? NULL : strrchr(query, '@');
	}
	if (!colon || !end || colon > end) {
		return false;
	}
	*ret_at = (size_t)(colon + 1 - text);
	*ret_size = (size_t)(end - colon - 1);
	return true;
}

static void add_shown(struct text *out, const char *text)
{
	bool is_url = strstr(text, "://") != NULL;
	bool query = false;
	size_t password = 0, password_size = 0;
	bool has_password = find_password(text, &password, &password_size);
	for (size_t i = 0; text[i];) {
		if (has_password && i == password) {
			text_add(out, "***");
			i += password_size;
			has_password = false;
			continue;
		}
		query = query || text[i] == '?';
		size_t name =
			i && strchr("?&;: \t", text[i - 1]) ? secret_name(text + i, query) : 0;
		if (name) {
			text_add_bytes(out, text + i, name);
			text_add(out, "***");
			i += name + secret_size(text + i + name, is_url);
			continue;
		}
		text_add_char(out, text[i++]);
	}
}

static const char *shown(struct arena *arena, const char *text)
{
	TEXT_CLEANUP struct text masked = { 0 }, visible = { 0 };
	add_shown(&masked, text);
	text_add_visible(&visible, text_string(&masked), masked.size);
	return masked.failed || visible.failed ? NULL
					       : arena_string(arena, text_string(&visible));
}

/* A letter, then letters, digits, '+', '-' and '.'. */
static size_t scheme_size(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	if (!*text || !strchr(letters, *text)) {
		return 0;
	}
	size_t size = 0;
	while (text[size] &&
	       (strchr(letters, text[size]) || strchr("0123456789+-.", text[size]))) {
		size++;
	}
	return text[size] == ':' ? size : 0;
}

bool url_parse(struct arena *arena, const char *text, struct url *ret_url)
{
	size_t size = scheme_size(text);
	struct url url = {
		.text = arena_string(arena, text),
		.shown = shown(arena, text),
		.scheme = arena_copy(arena, text, size),
	};
	if (!url.text || !url.shown || !url.scheme) {
		return false;
	}
	url.rest = url.text + (size ? size + 1 : 0);
	*ret_url = url;
	return true;
}

const struct url *url_copy(struct arena *arena, const struct url *url)
{
	struct url *copy = arena_take(arena, sizeof(*copy));
	return copy && url_parse(arena, url->text, copy) ? copy : NULL;
}

char *percent_decode(struct arena *arena, const char *text, size_t size)
{
	char *decoded = arena_take(arena, size + 1);
	size_t length = 0;
	for (size_t i = 0; decoded && i < size; i++) {
		if (text[i] != '%') {
			decoded[length++] = text[i];
			continue;
		}
		int high = size - i > 2 ? hex_digit(text[i + 1]) : -1;
		int low = size - i > 2 ? hex_digit(text[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0) {
			return NULL;
		}
		decoded[length++] = (char)(high * 16 + low);
		i += 2;
	}
	return decoded;
}
