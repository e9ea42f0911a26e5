/* Holds a text against the schema and lets libConfuse read it. */
#include "parse.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool is_section(const struct field *field)
{
	return field->section != NULL;
}

static bool takes_list(const struct field *field)
{
	switch (field->shape) {
	case SHAPE_NAMES:
	case SHAPE_TEXTS:
	case SHAPE_BITS:
	case SHAPE_SET:
	case SHAPE_INSERT:
	case SHAPE_OWN:
		return true;
	case SHAPE_NAME:
	case SHAPE_TEXT:
	case SHAPE_DURATION:
	case SHAPE_SPAN:
	case SHAPE_AFTER:
	case SHAPE_COUNT:
	case SHAPE_BUDGET:
	case SHAPE_BYTES:
	case SHAPE_FRACTION:
	case SHAPE_NUMBER:
	case SHAPE_FLAG:
	case SHAPE_WORD:
	case SHAPE_SWITCH:
	case SHAPE_SECTION:
	case SHAPE_SECTIONS:
		return false;
	}
	return false;
}

static const char *nearest(const struct section *section, const char *name)
{
	const char *best = NULL;
	size_t least = 3;
	for (size_t i = 0; i < section->count; i++) {
		size_t far = string_distance(name, section->fields[i].name);
		if (far < least && far < strlen(name)) {
			least = far;
			best = section->fields[i].name;
		}
	}
	return best;
}

static bool unknown(struct reader *reader, const struct section *section,
		    const struct node *node)
{
	TEXT_CLEANUP struct text where = { 0 };
	TEXT_CLEANUP struct text allowed = { 0 };
	node_describe(&where, node->parent);
	for (size_t i = 0; i < section->count; i++) {
		text_printf(&allowed, "%s%s", i == 0 ? "" : ", ", section->fields[i].name);
	}
	const char *near = nearest(section, node->name);
	if (near) {
		text_printf(&allowed, "; did you mean '%s'?", near);
	}
	return problem_at(reader->problem, node->line, "unknown %s '%s' in %s; allowed: %s",
			  node->section ? "section" : "option", node->name, text_string(&where),
			  text_string(&allowed));
}

static const struct field *find_field(const struct section *section, const char *name)
{
	for (size_t i = 0; i < section->count; i++) {
		if (strcmp(section->fields[i].name, name) == 0) {
			return &section->fields[i];
		}
	}
	return NULL;
}

static bool check_subsection(struct reader *reader, const struct field *field,
			     const struct node *node)
{
	const struct section *section = field->section;
	const struct node *first = node_child(node->parent, node->name, 0);
	if (!node->section) {
		return problem_at(reader->problem, node->line,
				  "%s is a section; allowed: %s%s { … }", node->name,
				  node->name, section->titled ? " NAME" : "");
	}
	if (section->titled && !node->title) {
		return problem_at(reader->problem, node->line,
				  "a section %s needs a name; allowed: %s NAME { … }",
				  node->name, node->name);
	}
	if (!section->titled && node->title) {
		return problem_at(
			reader->problem, node->line,
			"the section %s has no name, but '%s' stands there; allowed: %s { … }",
			node->name, node->title, node->name);
	}
	if (!section->titled && !section->multiple && first != node) {
		return problem_at(
			reader->problem, node->line,
			"the section %s is here a second time; the first is on line %d",
			node->name, first->line);
	}
	if (section->titled && !name_is_good(node->title, strlen(node->title))) {
		return problem_at(reader->problem, node->line,
				  "the name '%s' of %s; allowed: %s", node->title, node->name,
				  NAME_HELP);
	}
	return schema_check(reader, section, node);
}

static bool check_option(struct reader *reader, const struct field *field,
			 const struct node *node)
{
	if (node->section) {
		return problem_at(reader->problem, node->line,
				  "%s is an option, not a section; allowed: %s = %s",
				  node->name, node->name,
				  field && takes_list(field) ? "{ \"…\", \"…\" }" : "\"…\"");
	}
	if (node->list && !(field && takes_list(field))) {
		return problem_at(reader->problem, node->line,
				  "%s takes one value, not a list; allowed: %s = \"…\"",
				  node->name, node->name);
	}
	return true;
}

bool schema_check(struct reader *reader, const struct section *section, const struct node *node)
{
	for (const struct node *child = node->children; child; child = child->next) {
		const struct field *field =
			section->free ? NULL : find_field(section, child->name);
		if (!field && !section->free) {
			return unknown(reader, section, child);
		}
		bool good = field && is_section(field) ? check_subsection(reader, field, child)
						       : check_option(reader, field, child);
		if (!good) {
			return false;
		}
	}
	return true;
}

static cfg_opt_t make_option(struct arena *arena, const struct field *field)
{
	cfg_opt_t list = CFG_STR_LIST(field->name, 0, CFGF_NODEFAULT);
	if (!is_section(field)) {
		return list;
	}
	const struct section *section = field->section;
	cfg_flag_t flags = CFGF_NONE;
	flags |= section->titled ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
	flags |= section->multiple ? CFGF_MULTI : CFGF_NONE;
	flags |= section->free ? CFGF_KEYSTRVAL : CFGF_NONE;
	cfg_opt_t option = CFG_SEC(field->name, schema_options(arena, section), flags);
	return option;
}

cfg_opt_t *schema_options(struct arena *arena, const struct section *section)
{
	cfg_opt_t *options = arena_take(arena, (section->count + 1) * sizeof(*options));
	for (size_t i = 0; options && i < section->count; i++) {
		options[i] = make_option(arena, &section->fields[i]);
		if (is_section(&section->fields[i]) && !options[i].subopts) {
			return NULL;
		}
	}
	return options;
}

/*
 * libConfuse's scanner lives in globals, cfg_free takes its memory away, and its error callback gets no context: one at a
 * time.
 */
static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;
static struct problem *reported;

/* It reports free names as unknown, too, and goes on: only the last error before a failure is one. */
static void on_error(cfg_t *cfg, const char *format, va_list list)
	__attribute__((format(printf, 2, 0)));
static void on_error(cfg_t *cfg, const char *format, va_list list)
{
	reported->status = RECLAIM_OK;
	problem_list(reported, cfg && cfg->line > 0 ? cfg->line : 1, format, list);
}

static int parse_locked(cfg_t *cfg, const char *text, struct problem *problem)
{
	if (!cfg) {
		return CFG_PARSE_ERROR;
	}
	reported = problem;
	cfg_set_error_function(cfg, on_error);
	int result = cfg_parse_buf(cfg, text);
	reported = NULL;
	return result;
}

bool confuse_parse(struct reader *reader, const char *text)
{
	struct reclaim_error error = { 0 };
	struct problem problem = { .file = reader->problem->file, .error = &error };
	cfg_opt_t *options = schema_options(reader->scratch, schema_root());
	if (!options) {
		return problem_memory(reader->problem);
	}
	pthread_mutex_lock(&parsing);
	reader->cfg = cfg_init(options, CFGF_NONE);
	int result = parse_locked(reader->cfg, text, &problem);
	pthread_mutex_unlock(&parsing);
	if (result == CFG_SUCCESS) {
		return true;
	}
	if (problem.status == RECLAIM_OK) {
		return problem_memory(reader->problem);
	}
	reader->problem->status =
		fail(reader->problem->error, problem.status, "%s", error.message);
	return false;
}

void confuse_free(struct reader *reader)
{
	if (reader->cfg) {
		pthread_mutex_lock(&parsing);
		cfg_free(reader->cfg);
		pthread_mutex_unlock(&parsing);
		reader->cfg = NULL;
	}
}
