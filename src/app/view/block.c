/* Lays out payloads, results and errors. */
#include "block.h"

#include <string.h>

#define INDENT 2
#define DEPTH_MAX 32 /* deeper levels are indented no further */
#define LINES_MAX 40 /* on a terminal */
#define LINE_MAX_SHOWN 2000

static void new_line(struct text *out, int depth)
{
	text_printf(out, "\n%*s", INDENT * (depth < DEPTH_MAX ? depth : DEPTH_MAX), "");
}

/* The end of the string literal that starts at `at`. */
static const char *string_end(const char *at)
{
	for (at++; *at && *at != '"'; at++) {
		at += *at == '\\' && at[1];
	}
	return *at ? at + 1 : at;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

void json_lay_out(struct text *out, const char *json)
{
	int depth = 0;
	for (const char *at = skip_space(json), *next; *at; at = skip_space(next)) {
		next = at + 1;
		if (*at == '"') {
			next = string_end(at);
			text_add_bytes(out, at, (size_t)(next - at));
		} else if (*at == '{' || *at == '[') {
			const char *closing = skip_space(next);
			text_add_char(out, *at);
			if (*closing == '}' || *closing == ']') {
				text_add_char(out, *closing);
				next = closing + 1;
			} else {
				new_line(out, ++depth);
			}
		} else if (*at == '}' || *at == ']') {
			new_line(out, depth = depth > 0 ? depth - 1 : 0);
			text_add_char(out, *at);
		} else if (*at == ',') {
			text_add_char(out, ',');
			new_line(out, depth);
		} else {
			text_add(out, *at == ':' ? ": " : "");
			text_add_bytes(out, at, *at == ':' ? 0 : 1);
		}
	}
}

/* One line of it; how far the next one is. */
static size_t print_line(struct text *out, const struct screen *screen, const char *data,
			 size_t size)
{
	const char *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size, shown = length;
	struct text TEXT_CLEANUP visible = { 0 };
	if (screen->width) {
		shown = utf8_cut(data, length, LINE_MAX_SHOWN);
	}
	size_t lead = strspn(data, " ");
	lead = lead > shown ? shown : lead > INDENT * DEPTH_MAX ? INDENT * DEPTH_MAX : lead;
	text_add_visible(&visible, data + lead, shown - lead);
	text_add(&visible, shown < length ? "…" : "");
	text_printf(out, "%*s", INDENT + (int)lead, "");
	print_wrapped(out, screen, INDENT + (int)lead, text_string(&visible));
	text_add(out, "\n");
	out->failed |= visible.failed;
	return length + (end != NULL);
}

static void print_lines(struct text *out, const struct screen *screen, const char *data,
			size_t size)
{
	int lines = 0;
	for (size_t at = 0; at < size; lines++) {
		if (screen->width && lines == LINES_MAX) {
			tint_begin(out, screen, TINT_FAINT);
			text_printf(out, "%*s… %zu bytes more; --json shows all", INDENT, "",
				    size - at);
			tint_end(out, screen, TINT_FAINT);
			text_add(out, "\n");
			return;
		}
		at += print_line(out, screen, data + at, size - at);
	}
}

void print_block(struct text *out, const struct screen *screen, const char *title,
		 const struct value *value)
{
	struct text TEXT_CLEANUP raw = { 0 };
	struct text TEXT_CLEANUP laid_out = { 0 };
	if (value_is_null(value)) {
		return;
	}
	value_print(&raw, value);
	if (raw.size == 0) {
		return;
	}
	bool json = strlen(text_string(&raw)) == raw.size &&
		    check_json(title, text_string(&raw), NULL) == RECLAIM_OK;
	if (json) {
		json_lay_out(&laid_out, text_string(&raw));
	}
	const struct text *shown = json ? &laid_out : &raw;
	tint_begin(out, screen, TINT_FAINT);
	text_add(out, title);
	tint_end(out, screen, TINT_FAINT);
	text_add(out, "\n");
	print_lines(out, screen, text_string(shown), shown->size);
	out->failed |= raw.failed || laid_out.failed;
}
