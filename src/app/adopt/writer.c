/* Lines and strings of the profile's language. */
#include "writer.h"

#include <string.h>

bool can_be_said(const char *value)
{
	for (const char *at = value; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			return false;
		}
	}
	return *value && utf8_invalid_at(value, strlen(value)) == strlen(value);
}

/* `${` is refused between double quotes, and nothing has a meaning between single ones but themselves and `\`. */
void write_string(struct text *out, const char *value)
{
	char quote = strstr(value, "${") ? '\'' : '"';
	text_add_char(out, quote);
	for (const char *at = value; *at; at++) {
		if (*at == quote || *at == '\\') {
			text_add_char(out, '\\');
		}
		text_add_char(out, *at);
	}
	text_add_char(out, quote);
}

void write_line(struct writer *w, const char *indent, const char *name, const char *value,
		const char *why)
{
	text_printf(w->out, "%s%-12s = ", indent, name);
	write_string(w->out, value);
	text_printf(w->out, "%s%s\n", why ? "  # guess: " : "", why ? why : "");
}
