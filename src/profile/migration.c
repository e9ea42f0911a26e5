/* What `init` adds where it is missing: columns, indexes, scripts. */
#include "parse.h"

#include <string.h>

static const char *const migration_types[] = { "text",    "integer", "bigint",
					       "boolean", "uuid",    "timestamptz" };

static bool check_type(struct reader *reader, const struct node *node, cfg_t *cfg)
{
	const char *type = option_at(node, cfg, "type", 0);
	TEXT_CLEANUP struct text allowed = { 0 };
	for (size_t i = 0; i < sizeof(migration_types) / sizeof(*migration_types); i++) {
		if (string_equal(type, migration_types[i])) {
			return true;
		}
		text_printf(&allowed, "%s%s", i == 0 ? "" : ", ", migration_types[i]);
	}
	return value_problem(reader, node, "type", 0, type, "is unknown; allowed: %s",
			     text_string(&allowed));
}

static bool add_columns(struct reader *reader, const struct node *node, cfg_t *cfg)
{
	struct profile *profile = reader->profile;
	const struct node *column;
	for (unsigned i = 0; (column = node_child(node, "column", i)); i++) {
		struct migration_step *step = &profile->migration[profile->migration_count++];
		cfg_t *section = cfg_getnsec(cfg, "column", i);
		step->line = column->line;
		step->column = arena_string(reader->arena, column->title);
		if (!step->column) {
			return problem_memory(reader->problem);
		}
		if (!read_section(reader, &column_section, column, section, step) ||
		    !check_type(reader, column, section)) {
			return false;
		}
	}
	return true;
}

static bool add_indexes(struct reader *reader, const struct node *node, cfg_t *cfg)
{
	struct profile *profile = reader->profile;
	const struct node *index;
	for (unsigned i = 0; (index = node_child(node, "index", i)); i++) {
		struct migration_step *step = &profile->migration[profile->migration_count++];
		step->line = index->line;
		step->index = arena_string(reader->arena, index->title);
		if (!step->index) {
			return problem_memory(reader->problem);
		}
		if (!read_section(reader, &index_section, index, cfg_getnsec(cfg, "index", i),
				  step) ||
		    !check_expression(reader, index, "on", 0, step->index_on, HOLES_NONE)) {
			return false;
		}
		if (step->index_where && !check_expression(reader, index, "where", 0,
							   step->index_where, HOLES_NONE)) {
			return false;
		}
	}
	return true;
}

static bool add_scripts(struct reader *reader, const struct node *node, cfg_t *cfg)
{
	struct profile *profile = reader->profile;
	const char *script;
	for (size_t i = 0; (script = option_at(node, cfg, "scripts", i)); i++) {
		struct migration_step *step = &profile->migration[profile->migration_count++];
		step->line = node_child(node, "scripts", 0)->lines[i];
		step->script = arena_string(reader->arena, script);
		if (!step->script) {
			return problem_memory(reader->problem);
		}
		if (script[0] == '\0' ||
		    strspn(script, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(script)) {
			return value_problem(reader, node, "scripts", i, script,
					     "is no script's name; allowed: a-z, 0-9 and _");
		}
	}
	return true;
}

/* Columns first: indexes and scripts may need them. */
bool finish_migration(struct reader *reader, const struct node *node, cfg_t *cfg, void *base)
{
	struct profile *profile = base;
	const struct node *scripts = node_child(node, "scripts", 0);
	size_t count = scripts ? scripts->count : 0;
	for (const struct node *child = node->children; child; child = child->next) {
		count += child->section;
	}
	profile->migration = arena_take(reader->arena, count * sizeof(*profile->migration));
	if (!profile->migration) {
		return problem_memory(reader->problem);
	}
	return add_columns(reader, node, cfg) && add_indexes(reader, node, cfg) &&
	       add_scripts(reader, node, cfg);
}
