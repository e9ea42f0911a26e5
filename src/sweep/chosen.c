/* Reads the JSON of a dry run back. */
#include "chosen.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED "allowed: what `reclaim --json sweep --dry-run` prints"

/* A reading under way. */
struct reading {
	const char *name;
	const struct profile *profile;
	struct chosen *chosen;
	struct reclaim_error *error;
};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct choice *)a)->id, ((const struct choice *)b)->id);
}

struct choice *chosen_find(const struct chosen *chosen, const char *id)
{
	const struct choice wanted = { .id = id };
	return chosen->count == 0
		       ? NULL
		       : bsearch(&wanted, chosen->items, chosen->count, sizeof(wanted), by_id);
}

void chosen_finish(struct chosen *chosen)
{
	arena_finish(&chosen->arena);
	*chosen = (struct chosen){ 0 };
}

/* A member that is text, or (`may_lack`) null or missing. */
static enum reclaim_status read_text(struct reading *reading, const json_t *task, size_t number,
				     const char *member, bool may_lack, const char **ret_text)
{
	const json_t *value = json_object_get(task, member);
	const char *text = json_string_value(value);
	if (text) {
		*ret_text = arena_string(&reading->chosen->arena, text);
		return *ret_text ? RECLAIM_OK : fail_no_memory(reading->error);
	}
	if (may_lack && (!value || json_is_null(value))) {
		*ret_text = NULL;
		return RECLAIM_OK;
	}
	return fail(reading->error, RECLAIM_INVALID, "plan '%s': task %zu: '%s' is %s; %s",
		    reading->name, number, member, value ? "no text" : "missing", ALLOWED);
}

static enum reclaim_status read_task(struct reading *reading, const json_t *task, size_t number,
				     struct choice *choice)
{
	const char *remedy = NULL;
	if (!json_is_object(task)) {
		return fail(reading->error, RECLAIM_INVALID,
			    "plan '%s': task %zu is no object; %s", reading->name, number,
			    ALLOWED);
	}
	enum reclaim_status status =
		read_text(reading, task, number, "id", /* may_lack= */ false, &choice->id);
	status = status ? status
			: read_text(reading, task, number, "rule", false, &choice->rule);
	status = status ? status : read_text(reading, task, number, "remedy", false, &remedy);
	status = status ? status
			: read_text(reading, task, number, "token", true, &choice->token);
	status = status ? status
			: read_text(reading, task, number, "fingerprint", true,
				    &choice->fingerprint);
	if (!status && !remedy_parse(remedy, &choice->remedy)) {
		status = fail(reading->error, RECLAIM_INVALID,
			      "plan '%s': task %zu: remedy '%s'; allowed: report, requeue, "
			      "fail, stuck, cancel",
			      reading->name, number, remedy);
	}
	return status;
}

static enum reclaim_status read_tasks(struct reading *reading, const json_t *tasks)
{
	struct chosen *chosen = reading->chosen;
	enum reclaim_status status = RECLAIM_OK;
	size_t count = json_array_size(tasks);
	chosen->items = arena_take(&chosen->arena, (count + 1) * sizeof(*chosen->items));
	if (!chosen->items) {
		return fail_no_memory(reading->error);
	}
	for (size_t i = 0; !status && i < count; i++) {
		status = read_task(reading, json_array_get(tasks, i), i + 1, &chosen->items[i]);
	}
	if (status) {
		return status;
	}
	chosen->count = count;
	qsort(chosen->items, count, sizeof(*chosen->items), by_id);
	for (size_t i = 1; i < count; i++) {
		if (by_id(&chosen->items[i - 1], &chosen->items[i]) == 0) {
			return fail(reading->error, RECLAIM_INVALID,
				    "plan '%s': task '%s' stands in it twice; allowed: once",
				    reading->name, chosen->items[i].id);
		}
	}
	return RECLAIM_OK;
}

static enum reclaim_status read_plan(struct reading *reading, const json_t *root)
{
	const char *profile = json_string_value(json_object_get(root, "profile"));
	const json_t *tasks = json_object_get(root, "tasks");
	if (!profile || !json_is_array(tasks)) {
		return fail(reading->error, RECLAIM_INVALID, "plan '%s' has no '%s'; %s",
			    reading->name, profile ? "tasks" : "profile", ALLOWED);
	}
	if (!string_equal(profile, reading->profile->name)) {
		return fail(reading->error, RECLAIM_INVALID,
			    "plan '%s' is of ledger '%s'; allowed: one of this ledger, '%s'",
			    reading->name, profile, reading->profile->name);
	}
	if (!json_is_true(json_object_get(root, "dry_run"))) {
		return fail(reading->error, RECLAIM_INVALID,
			    "plan '%s' is of a pass that was no dry run; %s", reading->name,
			    ALLOWED);
	}
	return read_tasks(reading, tasks);
}

enum reclaim_status chosen_read(FILE *file, const char *name, const struct profile *profile,
				struct chosen *ret_chosen, struct reclaim_error *error)
{
	struct chosen chosen = { 0 };
	struct reading reading = {
		.name = name, .profile = profile, .chosen = &chosen, .error = error
	};
	json_error_t wrong;
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &wrong);
	enum reclaim_status status =
		root ? read_plan(&reading, root)
		     : fail(error, RECLAIM_INVALID, "plan '%s': line %d: %s; %s", name,
			    wrong.line < 1 ? 1 : wrong.line, wrong.text, ALLOWED);
	json_decref(root);
	if (status) {
		chosen_finish(&chosen);
		return status;
	}
	*ret_chosen = chosen;
	return RECLAIM_OK;
}
