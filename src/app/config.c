/* Reads $RECLAIM_… and the config file. */
#include "config.h"

#include "driver.h"
#include "duration.h"
#include "outline.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONFIG_SIZE_MAX (1 << 20)
#define ALLOWED "db, profile, interval, keep, per_sweep, valve_min, json"
#define COUNT_HELP "0 to 1000000000, or off"

/* ---- values ---- */

static bool parse_span(const char *value, int64_t *ret_value)
{
	return duration_parse(value, ret_value) && *ret_value > 0;
}

static bool parse_keep(const char *value, int64_t *ret_value)
{
	if (strcmp(value, "off") == 0) {
		*ret_value = AFTER_NEVER;
		return true;
	}
	return parse_span(value, ret_value);
}

static bool parse_count(const char *value, int64_t *ret_value)
{
	int64_t count = 0;
	if (strcmp(value, "off") == 0) {
		*ret_value = NO_LIMIT;
		return true;
	}
	for (const char *at = value; *at; at++) {
		if (*at < '0' || *at > '9' || count > 1000000000) {
			return false;
		}
		count = count * 10 + (*at - '0');
	}
	*ret_value = count;
	return *value && count <= 1000000000;
}

static const struct {
	const char *option, *variable, *allowed;
	bool (*parse)(const char *value, int64_t *ret_value);
} overrides[OVERRIDE_COUNT] = {
	[OVERRIDE_INTERVAL] = { "interval", "RECLAIM_INTERVAL", "longer than 0: " DURATION_HELP,
				parse_span },
	[OVERRIDE_KEEP] = { "keep", "RECLAIM_KEEP", "off, or longer than 0: " DURATION_HELP,
			    parse_keep },
	[OVERRIDE_PER_SWEEP] = { "per_sweep", "RECLAIM_PER_SWEEP", COUNT_HELP, parse_count },
	[OVERRIDE_VALVE_MIN] = { "valve_min", "RECLAIM_VALVE_MIN", COUNT_HELP, parse_count },
};

/* ---- the environment: what is wrong there is told, and never stops a program ---- */

static void tell(const struct app *app, const char *variable, const char *value,
		 const char *allowed, const char *instead)
{
	struct text TEXT_CLEANUP shown = { 0 };
	struct arena ARENA_CLEANUP arena = { 0 };
	struct url url;
	if (url_parse(&arena, value, &url)) {
		text_add(&shown, url.shown); /* without a password */
	}
	app_warn(app, "environment: %s = \"%s\" is refused; allowed: %s; %s", variable,
		 text_string(&shown), allowed, instead);
}

static const char *environment(const char *variable)
{
	const char *value = getenv(variable);
	return value && *value ? value : NULL;
}

static bool known_scheme(const char *value, struct text *allowed)
{
	size_t size = strcspn(value, ":");
	for (size_t i = 0; db_drivers[i]; i++) {
		for (const char *const *scheme = db_drivers[i]->schemes; *scheme; scheme++) {
			text_printf(allowed, "%s%s:…", allowed->size ? ", " : "", *scheme);
			if (value[size] && strlen(*scheme) == size &&
			    strncasecmp(*scheme, value, size) == 0) {
				return true;
			}
		}
	}
	return false;
}

static void read_db(struct app *app, const char *otherwise)
{
	struct text TEXT_CLEANUP allowed = { 0 };
	const char *value = environment("RECLAIM_DB");
	if (app->db || !value) {
		return;
	}
	if (known_scheme(value, &allowed)) {
		app->db = value;
	} else {
		tell(app, "RECLAIM_DB", value, text_string(&allowed), otherwise);
	}
}

static bool is_file(const char *name)
{
	size_t size = strlen(name);
	return strchr(name, '/') || (size > 5 && strcmp(name + size - 5, ".conf") == 0);
}

static void read_profile(struct app *app, const char *otherwise)
{
	const char *value = environment("RECLAIM_PROFILE");
	if (app->profile || !value) {
		return;
	}
	if (is_file(value) ? access(value, R_OK) == 0 : profile_builtin(value) != NULL) {
		app->profile = value;
	} else {
		tell(app, "RECLAIM_PROFILE", value,
		     "a file that can be read, or a name that `reclaim profiles` lists",
		     otherwise);
	}
}

static void read_overrides(struct app *app)
{
	for (int i = 0; i < OVERRIDE_COUNT; i++) {
		const char *value = environment(overrides[i].variable);
		if (value && !overrides[i].parse(value, &app->from_environment[i])) {
			app->from_environment[i] = NOT_SET;
			tell(app, overrides[i].variable, value, overrides[i].allowed,
			     "the default stays");
		}
	}
}

/* ---- the file: what is wrong there is refused ---- */

struct config {
	const char *db, *profile;
	int64_t values[OVERRIDE_COUNT];
	bool json;
};

/* One option, at its line. */
static bool take_option(struct app *app, const struct node *node, const char *value,
			struct problem *problem, struct config *config)
{
	if (strcmp(node->name, "db") == 0 || strcmp(node->name, "profile") == 0) {
		const char *copy = arena_string(&app->arena, value);
		*(strcmp(node->name, "db") == 0 ? &config->db : &config->profile) = copy;
		return copy != NULL || problem_memory(problem);
	}
	if (strcmp(node->name, "json") == 0) {
		config->json = strcmp(value, "true") == 0;
		return config->json || strcmp(value, "false") == 0 ||
		       problem_at(problem, node->line, "json = \"%s\"; allowed: true, false",
				  value);
	}
	int i = 0;
	while (strcmp(node->name, overrides[i].option) != 0) {
		i++; /* the name is known */
	}
	return overrides[i].parse(value, &config->values[i]) ||
	       problem_at(problem, node->line, "%s = \"%s\"; allowed: %s", node->name, value,
			  overrides[i].allowed);
}

static bool is_known(const char *name)
{
	static const char *const others[] = { "db", "profile", "json" };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(name, others[i]) == 0) {
			return true;
		}
	}
	for (int i = 0; i < OVERRIDE_COUNT; i++) {
		if (strcmp(name, overrides[i].option) == 0) {
			return true;
		}
	}
	return false;
}

static bool check_shape(const struct node *node, struct problem *problem)
{
	if (!is_known(node->name)) {
		return problem_at(problem, node->line, "unknown %s '%s'; allowed: " ALLOWED,
				  node->section ? "section" : "option", node->name);
	}
	return (!node->section && !node->list && node->count == 1) ||
	       problem_at(problem, node->line, "%s takes one value; allowed: %s = \"…\"",
			  node->name, node->name);
}

/* The outline has found every mistake that has a line; this is about values with escapes in them. */
static cfg_t *parse_values(const char *text, const struct node *root, struct arena *arena)
{
	size_t count = 0;
	for (const struct node *node = root->children; node; node = node->next) {
		count++;
	}
	cfg_opt_t *options = arena_take(arena, (count + 1) * sizeof(*options));
	if (!options) {
		return NULL;
	}
	count = 0;
	for (const struct node *node = root->children; node; node = node->next) {
		cfg_opt_t option = CFG_STR(node->name, NULL, CFGF_NONE);
		options[count++] = option;
	}
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	if (cfg && cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
		cfg_free(cfg);
		return NULL;
	}
	return cfg;
}

static bool read_options(struct app *app, const char *text, size_t size,
			 struct problem *problem, struct config *config)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct node *root;
	char *clean;
	if (!outline_read(&arena, text, size, /* engines= */ NULL, problem, &root, &clean)) {
		return false;
	}
	for (const struct node *node = root->children; node; node = node->next) {
		if (!check_shape(node, problem)) {
			return false;
		}
	}
	cfg_t *cfg = parse_values(clean, root, &arena);
	if (!cfg) {
		return problem_at(problem, /* line= */ 1,
				  "it can't be read; allowed: NAME = \"VALUE\" lines");
	}
	bool good = true;
	for (const struct node *node = root->children; good && node; node = node->next) {
		const char *value = cfg_getstr(cfg, node->name);
		good = take_option(app, node, value ? value : "", problem, config);
	}
	cfg_free(cfg);
	return good;
}

static enum reclaim_status slurp(const char *path, struct text *text,
				 struct reclaim_error *error)
{
	char part[4096];
	FILE *file = fopen(path, "re");
	if (!file) {
		return fail(error, RECLAIM_INVALID, "config file '%s' can't be opened: %s",
			    path, strerror(errno));
	}
	size_t size;
	while ((size = fread(part, 1, sizeof(part), file)) > 0 &&
	       text->size < CONFIG_SIZE_MAX) {
		text_add_bytes(text, part, size);
	}
	int problem = ferror(file) ? errno : 0;
	fclose(file);
	if (problem) {
		return fail(error, RECLAIM_INVALID, "config file '%s' can't be read: %s", path,
			    strerror(problem));
	}
	return text->failed ? fail_no_memory(error) : RECLAIM_OK;
}

static enum reclaim_status read_config(struct app *app, struct config *config,
				       struct reclaim_error *error)
{
	struct text TEXT_CLEANUP text = { 0 };
	struct problem problem = { .file = app->config, .error = error };
	enum reclaim_status status = slurp(app->config, &text, error);
	if (status) {
		return status;
	}
	return read_options(app, text_string(&text), text.size, &problem, config)
		       ? RECLAIM_OK
		       : problem.status;
}

static void choose_config(struct app *app)
{
	const char *value = environment("RECLAIM_CONFIG");
	if (app->config || !value) {
		return;
	}
	if (access(value, R_OK) == 0) {
		app->config = value;
	} else {
		tell(app, "RECLAIM_CONFIG", value, "a file that can be read", "none is read");
	}
}

int config_apply(struct app *app)
{
	struct config config = { 0 };
	struct reclaim_error error = { 0 };
	for (int i = 0; i < OVERRIDE_COUNT; i++) {
		config.values[i] = app->from_environment[i] = NOT_SET;
	}
	app->db = app->given.db;
	app->profile = app->given.profile;
	app->config = app->given.config;
	choose_config(app);
	if (app->config && read_config(app, &config, &error)) {
		return app_fail(app, &error);
	}
	memcpy(app->from_config, config.values, sizeof(config.values));
	read_db(app, config.db ? "the config file's" : "the default stays");
	read_profile(app, config.profile ? "the config file's" : "the default stays");
	read_overrides(app);
	app->json |= config.json;
	app->db = app->db ? app->db : config.db ? config.db : default_db_url(&app->arena);
	app->profile = app->profile     ? app->profile
		       : config.profile ? config.profile
					: DEFAULT_PROFILE;
	if (!app->db) {
		app_complain(app, "out of memory");
		return EXIT_INTERNAL;
	}
	return 0;
}

static void override(struct profile *profile, const int64_t *values)
{
	int64_t *const slots[OVERRIDE_COUNT] = {
		[OVERRIDE_INTERVAL] = &profile->interval,
		[OVERRIDE_KEEP] = &profile->keep,
		[OVERRIDE_PER_SWEEP] = &profile->per_sweep,
		[OVERRIDE_VALVE_MIN] = &profile->policy.valve_min,
	};
	for (int i = 0; i < OVERRIDE_COUNT; i++) {
		*slots[i] = values[i] == NOT_SET ? *slots[i] : values[i];
	}
}

static void warn(void *context, const char *line)
{
	const struct app *app = context;
	app_warn(app, "%s", line);
}

void config_override(const struct app *app, struct profile *profile)
{
	struct app heard = *app; /* warn_fn's context is not const */
	bool first = !atomic_flag_test_and_set(app->told);
	override(profile, app->from_config);
	profile_environment(profile, environment, first ? warn : NULL, &heard);
	override(profile, app->from_environment);
}
