/* Quotes words for a shell. */
#include "shell.h"

#include <ctype.h>
#include <string.h>

/* Other alphabets are no trouble to either. */
static bool is_harmless(char c)
{
	return isalnum((unsigned char)c) || strchr("_-.", c) || (unsigned char)c >= 0x80;
}

void text_add_shell(struct text *text, const char *word)
{
	bool plain = *word != '\0' && *word != '-';
	for (const char *at = word; *at; at++) {
		plain = plain && (is_harmless(*at) || strchr("/:@=,+%", *at));
	}
	if (plain) {
		text_add(text, word);
		return;
	}
	text_add_char(text, '\'');
	for (const char *at = word; *at; at++) {
		if (*at == '\'') {
			text_add(text, "'\\''");
		} else {
			text_add_char(text, *at);
		}
	}
	text_add_char(text, '\'');
}

void text_add_file_name(struct text *text, const char *name)
{
	for (const char *at = name; *at; at++) {
		bool first = at == name && strchr("-.", *at);
		text_add_char(text, is_harmless(*at) && !first ? *at : '_');
	}
}
