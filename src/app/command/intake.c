/* Reads NDJSON; a payload is kept byte for byte, so its place in the line is looked up besides. */
#include "intake.h"

#include "duration.h"
#include "problem.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* One line as it is taken apart. */
struct reading {
	struct intake *intake;
	int line;
	const char *data;
	size_t size;
	struct submission *submission;
	struct problem *problem;
};

/* ---- the payload's bytes ---- */

static size_t skip_space(const struct reading *r, size_t at)
{
	while (at < r->size && strchr(" \t\r\n", r->data[at])) {
		at++;
	}
	return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(const struct reading *r, size_t at)
{
	for (at++; at < r->size && r->data[at] != '"'; at++) {
		at += r->data[at] == '\\';
	}
	return at + 1;
}

/* Behind the value that begins at `at`; the line is JSON already. */
static size_t skip_value(const struct reading *r, size_t at)
{
	int depth = 0;
	while (at < r->size) {
		char c = r->data[at];
		if (depth == 0 && strchr(",}] \t\r\n", c)) {
			break;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		at = c == '"' ? skip_string(r, at) : at + 1;
		if (depth == 0 && strchr("}]\"", c)) {
			break;
		}
	}
	return at;
}

/* Finds the bytes of the top-level member "payload"; false when it is spelt in another way. */
static bool find_payload(const struct reading *r, size_t *ret_at, size_t *ret_size)
{
	size_t at = skip_space(r, 0) + 1;
	while (at < r->size) {
		at = skip_space(r, at);
		size_t name = at;
		at = skip_string(r, at);
		bool found = at - name == 9 && memcmp(r->data + name, "\"payload\"", 9) == 0;
		at = skip_space(r, skip_space(r, at) + 1);
		size_t value = at;
		at = skip_value(r, at);
		if (found) {
			*ret_at = value;
			*ret_size = at - value;
			return at <= r->size;
		}
		at = skip_space(r, at) + 1;
	}
	return false;
}

static bool take_payload(const struct reading *r, const json_t *value)
{
	size_t at, size;
	if (find_payload(r, &at, &size)) {
		r->submission->payload = arena_copy(&r->intake->arena, r->data + at, size);
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY);
		r->submission->payload = text ? arena_string(&r->intake->arena, text) : NULL;
		free(text);
	}
	return r->submission->payload || problem_memory(r->problem);
}

/* ---- the other members ---- */

static bool take_string(const struct reading *r, const char *name, const json_t *value,
			const char **slot)
{
	size_t size = json_string_length(value);
	if (!json_is_string(value)) {
		return problem_at(r->problem, r->line, "%s is no string", name);
	}
	if (strlen(json_string_value(value)) != size) {
		return problem_at(r->problem, r->line,
				  "%s has a NUL character; allowed: any other UTF-8", name);
	}
	*slot = arena_string(&r->intake->arena, json_string_value(value));
	return *slot || problem_memory(r->problem);
}

static bool take_duration(const struct reading *r, const char *name, const json_t *value,
			  int64_t *slot)
{
	double seconds = json_number_value(value);
	bool number = json_is_number(value) && seconds >= 0 &&
		      seconds * (double)USEC_PER_SEC <= (double)DURATION_MAX;
	if (number) {
		*slot = (int64_t)(seconds * (double)USEC_PER_SEC + 0.5);
		return true;
	}
	return (json_is_string(value) && duration_parse(json_string_value(value), slot)) ||
	       problem_at(r->problem, r->line,
			  "%s is no duration; allowed: seconds, or a string like %s", name,
			  DURATION_HELP);
}

static bool take_integer(const struct reading *r, const char *name, const json_t *value,
			 int64_t least, int64_t most, int64_t *slot)
{
	double number = json_number_value(value);
	bool fits = number >= (double)least && number <= (double)most;
	if (!json_is_number(value) || !fits || number != (double)(int64_t)number) {
		return problem_at(r->problem, r->line,
				  "%s is not allowed; allowed: a whole number, %lld to %lld",
				  name, (long long)least, (long long)most);
	}
	*slot = (int64_t)number;
	return true;
}

static bool take_member(const struct reading *r, const char *name, const json_t *value)
{
	struct submission *s = r->submission;
	struct text TEXT_CLEANUP shown = { 0 };
	const struct {
		const char *name;
		const char **slot;
	} strings[] = { { "id", &s->id },
			{ "queue", &s->queue },
			{ "kind", &s->kind },
			{ "key", &s->key } };
	if (strcmp(name, "payload") == 0) {
		return take_payload(r, value);
	}
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (strcmp(name, strings[i].name) == 0) {
			return take_string(r, name, value, strings[i].slot);
		}
	}
	if (strcmp(name, "delay") == 0 || strcmp(name, "deadline") == 0) {
		return take_duration(r, name, value, name[2] == 'l' ? &s->delay : &s->deadline);
	}
	if (strcmp(name, "max_attempts") == 0) {
		return take_integer(r, name, value, 1, 1000000, &s->max_attempts);
	}
	if (strcmp(name, "priority") == 0) {
		return take_integer(r, name, value, INT32_MIN, INT32_MAX, &s->priority);
	}
	text_add_visible(&shown, name, utf8_cut(name, strlen(name), 64));
	return problem_at(r->problem, r->line,
			  "unknown key '%s'; allowed: kind, queue, payload, id, key, delay, "
			  "deadline, max_attempts, priority",
			  text_string(&shown));
}

static bool take_object(const struct reading *r, json_t *object)
{
	const char *name;
	json_t *value;
	if (!json_is_object(object)) {
		return problem_at(r->problem, r->line,
				  "not an object; allowed: {\"kind\": …, \"payload\": …}");
	}
	json_object_foreach(object, name, value)
	{
		bool absent = json_is_null(value) && strcmp(name, "payload") != 0;
		if (!absent && !take_member(r, name, value)) {
			return false;
		}
	}
	return true;
}

static bool take_line(const struct reading *r)
{
	size_t bad = utf8_invalid_at(r->data, r->size);
	if (bad < r->size) {
		return problem_at(r->problem, r->line, "not UTF-8: byte %zu is 0x%02x", bad + 1,
				  (unsigned)(unsigned char)r->data[bad]);
	}
	json_error_t problem;
	json_t *object = json_loadb(r->data, r->size,
				    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
					    JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				    &problem);
	if (!object) {
		return problem_at(r->problem, r->line, "not JSON: column %d: %s",
				  problem.column, problem.text);
	}
	bool good = take_object(r, object);
	json_decref(object);
	return good;
}

/* ---- the file ---- */

static bool make_room(struct intake *intake)
{
	if (intake->count < intake->room) {
		return true;
	}
	size_t room = intake->room ? intake->room * 2 : 256;
	struct submission *submissions =
		reallocarray(intake->submissions, room, sizeof(*submissions));
	intake->submissions = submissions ? submissions : intake->submissions;
	size_t *lines = reallocarray(intake->lines, room, sizeof(*lines));
	intake->lines = lines ? lines : intake->lines;
	intake->room = submissions && lines ? room : intake->room;
	return submissions && lines;
}

static bool is_blank(const char *data, size_t size)
{
	return strspn(data, " \t\r\n") >= size;
}

static enum reclaim_status add_line(struct intake *intake, size_t line, const char *data,
				    size_t size, struct reclaim_error *error)
{
	if (is_blank(data, size)) {
		return RECLAIM_OK;
	}
	if (!make_room(intake)) {
		return fail_no_memory(error);
	}
	struct problem problem = { .file = intake->name, .error = error };
	struct reading reading = { .intake = intake,
				   .line = (int)line,
				   .data = data,
				   .size = size,
				   .submission = &intake->submissions[intake->count],
				   .problem = &problem };
	*reading.submission = (struct submission){ .max_attempts = MAX_ATTEMPTS_DEFAULT };
	if (!take_line(&reading)) {
		return problem.status;
	}
	intake->lines[intake->count++] = line;
	return RECLAIM_OK;
}

static enum reclaim_status read_lines(FILE *file, const volatile int *cancel,
				      struct intake *intake, struct reclaim_error *error)
{
	char *data = NULL;
	size_t room = 0;
	ssize_t size;
	enum reclaim_status status = RECLAIM_OK;
	for (size_t line = 1; !status && (size = getline(&data, &room, file)) >= 0; line++) {
		status = add_line(intake, line, data, (size_t)size, error);
	}
	int problem = ferror(file) ? errno : 0;
	free(data);
	if (*cancel) {
		return fail(error, RECLAIM_BUSY, "interrupted");
	}
	if (!status && problem) {
		return fail(error, RECLAIM_INVALID, "'%s' can't be read: %s", intake->name,
			    strerror(problem));
	}
	return status;
}

enum reclaim_status intake_read(const char *name, const volatile int *cancel,
				struct intake *ret_intake, struct reclaim_error *error)
{
	bool is_stdin = strcmp(name, "-") == 0;
	struct intake intake = { .name = is_stdin ? "stdin" : name };
	FILE *file = is_stdin ? stdin : fopen(name, "re");
	if (!file) {
		return fail(error, RECLAIM_INVALID, "'%s' can't be opened: %s", name,
			    strerror(errno));
	}
	enum reclaim_status status = read_lines(file, cancel, &intake, error);
	if (!is_stdin) {
		fclose(file);
	}
	if (status) {
		intake_finish(&intake);
		return status;
	}
	*ret_intake = intake;
	return RECLAIM_OK;
}

void intake_finish(struct intake *intake)
{
	free(intake->submissions);
	free(intake->lines);
	arena_finish(&intake->arena);
	*intake = (struct intake){ 0 };
}
