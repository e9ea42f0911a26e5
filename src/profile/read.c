/* Reads sections: fields in the order of their table, then what only the section itself can finish. */
#include "parse.h"

#include <stdio.h>
#include <string.h>

const char *option_at(const struct node *section, cfg_t *cfg, const char *option, size_t i)
{
	const struct node *node = node_child(section, option, 0);
	return node && i < node->count ? cfg_getnstr(cfg, option, (unsigned)i) : NULL;
}

bool value_problem(struct reader *reader, const struct node *section, const char *option,
		   size_t i, const char *value, const char *format, ...)
{
	TEXT_CLEANUP struct text where = { 0 };
	node_describe(&where, section);
	char what[RECLAIM_MESSAGE_SIZE];
	va_list list;
	va_start(list, format);
	int size = vsnprintf(what, sizeof(what), format, list);
	va_end(list);
	const struct node *node = node_child(section, option, 0);
	int line = node && i < node->count ? node->lines[i] : node_line(section, option);
	return problem_at(reader->problem, line, "%s = \"%s\" in %s %s", option, value,
			  text_string(&where), size < 0 ? "is wrong" : what);
}

static bool read_sections(struct reader *reader, const struct place *place, char *base)
{
	const struct field *field = place->field;
	const struct section *section = field->section;
	char *elements = arena_take(reader->arena, place->count * section->size);
	if (!elements) {
		return problem_memory(reader->problem);
	}
	for (size_t i = 0; i < place->count; i++) {
		const struct node *node = node_child(place->section, field->name, i);
		char *element = elements + i * section->size;
		if (section->titled &&
		    !(*(const char **)element = arena_string(reader->arena, node->title))) {
			return problem_memory(reader->problem);
		}
		if (!read_section(reader, section, node,
				  cfg_getnsec(place->cfg, field->name, (unsigned)i), element)) {
			return false;
		}
	}
	memcpy(base + field->offset, &elements, sizeof(elements));
	*(size_t *)(base + field->count_offset) = place->count;
	return true;
}

static bool lacking(struct reader *reader, const struct place *place)
{
	TEXT_CLEANUP struct text where = { 0 };
	node_describe(&where, place->section);
	const char *name = place->field->name;
	const char *form = place->field->shape == SHAPE_SECTIONS  ? " NAME { … }"
			   : place->field->shape == SHAPE_SECTION ? " { … }"
								  : " = \"…\"";
	return problem_at(reader->problem, place->section->line, "%s lacks '%s'; allowed: %s%s",
			  text_string(&where), name, name, form);
}

static bool read_field(struct reader *reader, const struct place *place, void *base)
{
	const struct field *field = place->field;
	char *slot = (char *)base + field->offset;
	if (field->shape == SHAPE_SECTIONS) {
		return read_sections(reader, place, base);
	}
	if (field->shape == SHAPE_SECTION) {
		return read_section(reader, field->section,
				    node_child(place->section, field->name, 0),
				    cfg_getnsec(place->cfg, field->name, 0), slot);
	}
	if (field->shape == SHAPE_SET || field->shape == SHAPE_INSERT) {
		enum holes holes = field->shape == SHAPE_SET ? HOLES_CHANGE : HOLES_INSERTION;
		return read_set(reader, place->section, field->name, place->cfg, holes,
				(struct assignment **)(void *)slot,
				(size_t *)(void *)((char *)base + field->count_offset));
	}
	if (field->shape == SHAPE_OWN) {
		return true;
	}
	if (place->count == 0) {
		return problem_at(reader->problem, node_line(place->section, field->name),
				  "%s is empty; allowed: { \"…\", \"…\" }", field->name);
	}
	return shape_reader(field->shape)(reader, place, slot);
}

static size_t count_of(const struct node *section, const struct field *field)
{
	size_t count = 0;
	const struct node *node = node_child(section, field->name, 0);
	if (!field->section) {
		return node ? node->count : 0;
	}
	while (node_child(section, field->name, count)) {
		count++;
	}
	return count;
}

bool read_section(struct reader *reader, const struct section *section, const struct node *node,
		  cfg_t *cfg, void *base)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct field *field = &section->fields[i];
		struct place place = { field, node, cfg, count_of(node, field) };
		bool there = node_child(node, field->name, 0) != NULL;
		if (!there && field->required) {
			return lacking(reader, &place);
		}
		if (there && !read_field(reader, &place, base)) {
			return false;
		}
	}
	return !section->finish || section->finish(reader, node, cfg, base);
}
