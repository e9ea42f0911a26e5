/* Templates, holes and markers. */
#include "render.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const input_names[INPUT_COUNT] = {
	[INPUT_ROW] = "row",           [INPUT_KEY] = "key",
	[INPUT_LIMIT] = "limit",       [INPUT_OWNER] = "owner",
	[INPUT_REASON] = "reason",     [INPUT_ERROR] = "error",
	[INPUT_RESULT] = "result",     [INPUT_PROGRESS] = "progress",
	[INPUT_STATUS] = "status",     [INPUT_ID] = "id",
	[INPUT_ATTEMPTS] = "attempts", [INPUT_RECOVERIES] = "recoveries",
	[INPUT_LEASE] = "lease",       [INPUT_RETRY] = "retry",
	[INPUT_SPAN] = "span",         [INPUT_DEAD] = "dead",
	[INPUT_QUEUE] = "queue",
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The end of the quoted thing or comment that starts at `at`; `at` itself if none does. */
static const char *skip_opaque(const char *at)
{
	if (at[0] == '-' && at[1] == '-') {
		return at + strcspn(at, "\n");
	}
	if (*at != '\'' && *at != '"' && *at != '`') {
		return at;
	}
	const char *end = strchr(at + 1, *at);
	return end ? end + 1 : at + strlen(at);
}

static const char *find_hole(const struct hole *holes, size_t count, const char *name,
			     size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(holes[i].name) == size && memcmp(holes[i].name, name, size) == 0) {
			return holes[i].text;
		}
	}
	return NULL;
}

char *fill(struct arena *arena, const char *template, const struct hole *holes, size_t count)
{
	struct text TEXT_CLEANUP out = { 0 };
	for (const char *at = template; *at;) {
		size_t size = *at == '{' ? strcspn(at + 1, "}") : 0;
		const char *text = size ? find_hole(holes, count, at + 1, size) : NULL;
		if (text) {
			text_add(&out, text);
			at += size + 2;
		} else {
			text_add_char(&out, *at++);
		}
	}
	while (out.size > 0 && isspace((unsigned char)out.data[out.size - 1])) {
		out.data[--out.size] = '\0';
	}
	return out.failed ? NULL : arena_copy(arena, text_string(&out), out.size);
}

/* One pass over SQL: every `:name` is given to `resolve`, which says its parameter's place, and becomes a marker. */
struct scan {
	struct arena *arena;
	const struct db_driver *driver;
	struct text sql;
	int slots[256];
	int slot_count;
	int (*resolve)(void *context, const char *name, size_t size);
	void *context;
	char unknown[64];
};

static void add_marker(struct scan *scan, int place)
{
	for (int i = 0; scan->driver->marks_by_place && i < scan->slot_count; i++) {
		if (scan->slots[i] == place) {
			scan->driver->marker(&scan->sql, i + 1);
			return;
		}
	}
	scan->slots[scan->slot_count++] = place;
	scan->driver->marker(&scan->sql, scan->slot_count);
}

static bool scan_sql(struct scan *scan, const char *filled)
{
	for (const char *at = filled; *at;) {
		const char *opaque = skip_opaque(at);
		if (opaque > at) {
			text_add_bytes(&scan->sql, at, (size_t)(opaque - at));
			at = opaque;
			continue;
		}
		if (at[0] != ':' || !is_word(at[1]) || (at > filled && at[-1] == ':')) {
			text_add_char(&scan->sql, *at++);
			continue;
		}
		size_t size = 1;
		while (is_word(at[1 + size])) {
			size++;
		}
		int place = scan->resolve(scan->context, at + 1, size);
		if (place < 0 ||
		    scan->slot_count == (int)(sizeof(scan->slots) / sizeof(scan->slots[0]))) {
			snprintf(scan->unknown, sizeof(scan->unknown), "%.*s", (int)size,
				 at + 1);
			return false;
		}
		add_marker(scan, place);
		at += size + 1;
	}
	return !scan->sql.failed;
}

static enum reclaim_status scanned(struct scan *scan, const char *name, bool writes, int params,
				   struct statement *ret_statement, struct reclaim_error *error)
{
	int *slots = arena_take(scan->arena, sizeof(int) * (size_t)scan->slot_count);
	char *sql = arena_copy(scan->arena, text_string(&scan->sql), scan->sql.size);
	if (!slots || !sql) {
		return fail_no_memory(error);
	}
	memcpy(slots, scan->slots, sizeof(int) * (size_t)scan->slot_count);
	*ret_statement = (struct statement){ .name = name,
					     .sql = sql,
					     .slots = slots,
					     .slot_count = scan->slot_count,
					     .param_count = params,
					     .writes = writes };
	return RECLAIM_OK;
}

struct inputs_found {
	struct param params[256];
	int count;
};

static bool parse_input(const char *name, size_t size, struct param *ret_param)
{
	size_t word = size;
	while (word > 0 && isdigit((unsigned char)name[word - 1])) {
		word--;
	}
	for (int i = 0; i < INPUT_COUNT; i++) {
		if (strlen(input_names[i]) == word && memcmp(name, input_names[i], word) == 0) {
			*ret_param =
				(struct param){ .input = (enum input)i,
						.index = (int)strtol(name + word, NULL, 10) };
			return true;
		}
	}
	return false;
}

static int resolve_input(void *context, const char *name, size_t size)
{
	struct inputs_found *found = context;
	struct param param;
	if (!parse_input(name, size, &param)) {
		return -1;
	}
	for (int i = 0; i < found->count; i++) {
		if (found->params[i].input == param.input &&
		    found->params[i].index == param.index) {
			return i;
		}
	}
	if (found->count == (int)(sizeof(found->params) / sizeof(found->params[0]))) {
		return -1;
	}
	found->params[found->count] = param;
	return found->count++;
}

static enum reclaim_status render_inputs(struct arena *arena, const struct db_driver *driver,
					 const char *name, const char *filled, bool writes,
					 struct inputs_found *found,
					 struct statement *ret_statement,
					 struct reclaim_error *error)
{
	struct scan scan = {
		.arena = arena, .driver = driver, .resolve = resolve_input, .context = found
	};
	enum reclaim_status status;
	if (!scan_sql(&scan, filled)) {
		status = scan.sql.failed ? fail_no_memory(error)
					 : fail(error, RECLAIM_INTERNAL,
						"statement '%s': no parameter is called ':%s'",
						name, scan.unknown);
	} else {
		status = scanned(&scan, name, writes, found->count, ret_statement, error);
	}
	text_finish(&scan.sql);
	return status;
}

enum reclaim_status render_for_many(struct arena *arena, const struct db_driver *driver,
				    const char *name, const char *filled, const char *at_once,
				    bool writes, struct planned *ret_planned,
				    struct reclaim_error *error)
{
	struct inputs_found found = { .count = 0 };
	struct planned planned = { 0 };
	struct statement *many = at_once ? arena_take(arena, sizeof(*many)) : NULL;
	if (!filled || (at_once && !many)) {
		return fail_no_memory(error);
	}
	enum reclaim_status status = render_inputs(arena, driver, name, filled, writes, &found,
						   &planned.statement, error);
	if (!status && many) {
		status = render_inputs(arena, driver, name, at_once, writes, &found, many,
				       error);
	}
	if (status) {
		return status;
	}
	struct param *params = arena_take(arena, sizeof(*params) * (size_t)found.count);
	if (!params) {
		return fail_no_memory(error);
	}
	memcpy(params, found.params, sizeof(*params) * (size_t)found.count);
	planned.params = params;
	planned.statement.param_count = found.count;
	planned.statement.at_once = many;
	*ret_planned = planned;
	return RECLAIM_OK;
}

enum reclaim_status render_planned(struct arena *arena, const struct db_driver *driver,
				   const char *name, const char *filled, bool writes,
				   struct planned *ret_planned, struct reclaim_error *error)
{
	return render_for_many(arena, driver, name, filled, /* at_once= */ NULL, writes,
			       ret_planned, error);
}

static int resolve_place(void *context, const char *name, size_t size)
{
	const struct sql_text *text = context;
	for (int i = 0; i < text->param_count; i++) {
		if (strlen(text->params[i]) == size &&
		    memcmp(text->params[i], name, size) == 0) {
			return i;
		}
	}
	return -1;
}

static enum reclaim_status render_places(struct arena *arena, const struct db_driver *driver,
					 const struct sql_text *text, const char *sql,
					 struct statement *ret_statement,
					 struct reclaim_error *error)
{
	struct sql_text copy = *text;
	struct scan scan = {
		.arena = arena, .driver = driver, .resolve = resolve_place, .context = &copy
	};
	enum reclaim_status status =
		scan_sql(&scan, sql) ? scanned(&scan, text->name, text->writes,
					       text->param_count, ret_statement, error)
				     : fail(error, RECLAIM_INTERNAL,
					    "statement '%s': no parameter is called ':%s'",
					    text->name, scan.unknown);
	text_finish(&scan.sql);
	return status;
}

enum reclaim_status render_fixed(struct arena *arena, const struct db_driver *driver,
				 const struct sql_text *text, struct statement *ret_statement,
				 struct reclaim_error *error)
{
	struct statement statement = { 0 };
	struct statement *at_once = NULL;
	enum reclaim_status status =
		render_places(arena, driver, text, text->text, &statement, error);
	if (!status && text->at_once) {
		at_once = arena_take(arena, sizeof(*at_once));
		status = at_once ? render_places(arena, driver, text, text->at_once, at_once,
						 error)
				 : fail_no_memory(error);
	}
	if (status) {
		return status;
	}
	statement.many = text->many;
	statement.at_once = at_once;
	*ret_statement = statement;
	return RECLAIM_OK;
}

static void gather(const struct planned *planned, const struct inputs *inputs,
		   struct value *ret_params)
{
	for (int i = 0; i < planned->statement.param_count; i++) {
		const struct param *param = &planned->params[i];
		ret_params[i] = param->input == INPUT_ROW   ? inputs->row[param->index]
				: param->input == INPUT_KEY ? inputs->key[param->index]
							    : inputs->named[param->input];
	}
}

enum reclaim_status planned_run(struct db *db, const struct planned *planned,
				const struct inputs *inputs, struct result *ret_result,
				struct reclaim_error *error)
{
	struct value params[256];
	gather(planned, inputs, params);
	return db_run(db, &planned->statement, params, ret_result, error);
}

enum reclaim_status planned_run_many(struct db *db, const struct planned *planned,
				     const struct inputs *const *inputs, size_t count,
				     int64_t *ret_changed, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	size_t width = (size_t)planned->statement.param_count;
	struct value *params = arena_take(&arena, count * width * sizeof(*params));
	if (!params) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; i < count; i++) {
		gather(planned, inputs[i], params + i * width);
	}
	return db_run_many(db, &planned->statement, params, count, ret_changed, error);
}

static void add_quoted_part(struct text *out, const struct db_driver *driver, const char *name,
			    size_t size)
{
	text_add_char(out, driver->quote);
	text_add_quoted(out, name, size, driver->quote);
	text_add_char(out, driver->quote);
}

const char *quote_name_part(struct arena *arena, const struct db_driver *driver,
			    const char *name)
{
	struct text TEXT_CLEANUP out = { 0 };
	add_quoted_part(&out, driver, name, strlen(name));
	return out.failed ? NULL : arena_copy(arena, text_string(&out), out.size);
}

const char *quote_name(struct arena *arena, const struct db_driver *driver, const char *name)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (driver->flat_names) {
		return quote_name_part(arena, driver, name);
	}
	for (const char *at = name;; at++) {
		size_t size = strcspn(at, ".");
		add_quoted_part(&out, driver, at, size);
		at += size;
		if (!*at) {
			break;
		}
		text_add_char(&out, '.');
	}
	return out.failed ? NULL : arena_copy(arena, text_string(&out), out.size);
}

const char *quote_literal(struct arena *arena, const char *string)
{
	struct text TEXT_CLEANUP out = { 0 };
	text_add_char(&out, '\'');
	text_add_quoted(&out, string, strlen(string), '\'');
	text_add_char(&out, '\'');
	return out.failed ? NULL : arena_copy(arena, text_string(&out), out.size);
}

const struct sql_engine *sql_of(const struct db_driver *driver)
{
	for (size_t i = 0; sql_engines[i].name; i++) {
		if (string_equal(sql_engines[i].name, driver->name)) {
			return &sql_engines[i];
		}
	}
	return NULL;
}
