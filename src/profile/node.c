/* Finds its way in an outline. */
#include "outline.h"

#include <string.h>

const struct node *node_child(const struct node *section, const char *name, size_t n)
{
	for (const struct node *node = section->children; node; node = node->next) {
		if (strcmp(node->name, name) == 0 && n-- == 0) {
			return node;
		}
	}
	return NULL;
}

int node_line(const struct node *section, const char *option)
{
	const struct node *node = option ? node_child(section, option, 0) : NULL;
	return node ? node->line : section->line;
}

void node_describe(struct text *text, const struct node *section)
{
	if (!section->parent) {
		text_add(text, "the profile");
	} else if (section->title) {
		text_printf(text, "%s '%s'", section->name, section->title);
	} else {
		text_add(text, section->name);
	}
}

size_t node_count(const struct node *section)
{
	size_t count = 0;
	for (const struct node *child = section->children; child; child = child->next) {
		count++;
	}
	return count;
}
