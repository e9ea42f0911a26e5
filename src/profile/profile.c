/* Loads profiles from their texts and files, and answers questions about them. */
#include "profile.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_SIZE 262144
#define SECONDS(n) ((n)*USEC_PER_SEC)

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_STATE] = "state",           [ROLE_OWNER] = "owner",
	[ROLE_ATTEMPTS] = "attempts",     [ROLE_MAX_ATTEMPTS] = "max_attempts",
	[ROLE_RECOVERIES] = "recoveries", [ROLE_KIND] = "kind",
	[ROLE_QUEUE] = "queue",           [ROLE_PAYLOAD] = "payload",
	[ROLE_RESULT] = "result",         [ROLE_ERROR] = "error",
	[ROLE_PRIORITY] = "priority",     [ROLE_ALIVE] = "alive",
	[ROLE_TRIES] = "tries",
};

static const char *const verb_names[VERB_COUNT] = {
	[VERB_CLAIM] = "claim", [VERB_RENEW] = "renew",           [VERB_COMPLETE] = "complete",
	[VERB_FAIL] = "fail",   [VERB_RESCHEDULE] = "reschedule", [VERB_RELEASE] = "release",
	[VERB_RETRY] = "retry", [VERB_CANCEL] = "cancel",
};

static const char *const occasion_names[OCCASION_COUNT] = {
	[OCCASION_STARTED] = "started",   [OCCASION_STOPPED] = "stopped",
	[OCCASION_GRACE] = "grace",       [OCCASION_NOTHING] = "nothing",
	[OCCASION_FOUND] = "found",       [OCCASION_WORKER] = "worker",
	[OCCASION_RELEASED] = "released", [OCCASION_TASK] = "task",
	[OCCASION_FAILED] = "failed",     [OCCASION_DONE] = "done",
};

const char *role_name(enum role role)
{
	return role_names[role];
}

const char *verb_name(enum verb verb)
{
	return verb_names[verb];
}

const char *occasion_name(enum occasion occasion)
{
	return occasion_names[occasion];
}

const struct computed *profile_computed(const struct profile *profile, const char *column)
{
	for (size_t i = 0; i < profile->computed_count; i++) {
		if (string_equal(profile->computed[i].name, column)) {
			return &profile->computed[i];
		}
	}
	return NULL;
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (string_equal(names->items[i], name)) {
			return true;
		}
	}
	return false;
}

enum state profile_state(const struct profile *profile, const char *native, size_t size)
{
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		const struct names *names = &profile->states[state];
		for (size_t i = 0; i < names->count; i++) {
			if (strlen(names->items[i]) == size &&
			    memcmp(names->items[i], native, size) == 0) {
				return (enum state)state;
			}
		}
	}
	return STATE_NONE;
}

const struct rule *profile_rule(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->policy.rule_count; i++) {
		if (string_equal(profile->policy.rules[i].name, name)) {
			return &profile->policy.rules[i];
		}
	}
	return NULL;
}

int profile_line_of(const struct profile *profile, const char *text)
{
	for (const struct text_line *line = profile->lines; line; line = line->next) {
		if (line->text == text) {
			return line->line;
		}
	}
	return 1;
}

static struct profile *create(void)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	if (profile) {
		profile->interval = SECONDS(5);
		profile->lease = SECONDS(30);
		profile->keep = SECONDS(INT64_C(30) * 86400);
		profile->per_sweep = 1000;
		profile->result_bytes = NO_LIMIT;
		profile->probe.timeout = SECONDS(5);
		profile->counts_within = NO_LIMIT;
		profile->policy = (struct policy){
			.last_resort = REMEDY_STUCK,
			.budget_attempts = NO_LIMIT,
			.budget_recoveries = NO_LIMIT,
			.lease = profile->lease,
			.valve_min = 20,
			.valve_fraction = 0.55,
		};
	}
	return profile;
}

void profile_destroy(struct profile *profile)
{
	if (profile) {
		arena_finish(&profile->arena);
		free(profile);
	}
}

static bool read_profile(struct reader *reader, const char *text, size_t size)
{
	struct node *root = NULL;
	char *clean = NULL;
	if (!outline_read(reader->scratch, text, size, reader->engines, reader->problem, &root,
			  &clean)) {
		return false;
	}
	reader->root = root;
	return schema_check(reader, schema_root(), root) && confuse_parse(reader, clean) &&
	       read_section(reader, schema_root(), root, reader->cfg, reader->profile) &&
	       profile_complete(reader) && profile_check(reader);
}

enum reclaim_status profile_parse(const char *text, size_t size, const char *file,
				  const struct engines *engines, struct profile **ret_profile,
				  struct reclaim_error *error)
{
	ARENA_CLEANUP struct arena scratch = { 0 };
	struct problem problem = { .file = file, .error = error };
	struct profile *profile = create();
	if (!profile) {
		return fail_no_memory(error);
	}
	static const struct engines none = { NULL, NULL };
	struct reader reader = { .profile = profile,
				 .arena = &profile->arena,
				 .scratch = &scratch,
				 .problem = &problem,
				 .engines = engines ? engines : &none };
	profile->file = arena_string(&profile->arena, file);
	bool good =
		profile->file ? read_profile(&reader, text, size) : problem_memory(&problem);
	confuse_free(&reader);
	if (!good) {
		profile_destroy(profile);
		return problem.status;
	}
	*ret_profile = profile;
	return RECLAIM_OK;
}

/* ---- files ---- */

static enum reclaim_status check_file(int fd, const char *file, struct reclaim_error *error)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0) {
		return fail(error, RECLAIM_INVALID, "%s: %s", file, strerror(errno));
	}
	if (!S_ISREG(stat.st_mode)) {
		return fail(error, RECLAIM_INVALID, "%s: not a regular file", file);
	}
	if (stat.st_mode & (S_IWGRP | S_IWOTH)) {
		return fail(
			error, RECLAIM_INVALID,
			"%s: mode %04o lets others write it, and a profile is code; allowed: "
			"writable by its owner only (chmod go-w)",
			file, (unsigned)stat.st_mode & 07777);
	}
	if (stat.st_size > FILE_MAX_SIZE) {
		return fail(error, RECLAIM_INVALID, "%s: %lld bytes; allowed: at most %d", file,
			    (long long)stat.st_size, FILE_MAX_SIZE);
	}
	return RECLAIM_OK;
}

static enum reclaim_status read_file(int fd, const char *file, struct text *text,
				     struct reclaim_error *error)
{
	char buffer[4096];
	ssize_t size;
	while ((size = read(fd, buffer, sizeof(buffer))) != 0) {
		if (size < 0 && errno == EINTR) {
			continue;
		}
		if (size < 0) {
			return fail(error, RECLAIM_INVALID, "%s: %s", file, strerror(errno));
		}
		text_add_bytes(text, buffer, (size_t)size);
		if (text->failed || text->size > FILE_MAX_SIZE) {
			return text->failed ? fail_no_memory(error)
					    : fail(error, RECLAIM_INVALID,
						   "%s: too long; allowed: at most %d bytes",
						   file, FILE_MAX_SIZE);
		}
	}
	return RECLAIM_OK;
}

static enum reclaim_status load_file(const char *file, const struct engines *engines,
				     struct profile **ret_profile, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text text = { 0 };
	/* Without O_NONBLOCK a pipe of that name would be waited for. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		return fail(error, RECLAIM_INVALID, "%s: %s", file, strerror(errno));
	}
	enum reclaim_status status = check_file(fd, file, error);
	if (status == RECLAIM_OK) {
		status = read_file(fd, file, &text, error);
	}
	close(fd);
	return status == RECLAIM_OK ? profile_parse(text_string(&text), text.size, file,
						    engines, ret_profile, error)
				    : status;
}

static enum reclaim_status no_profile(const char *name, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text shown = { 0 };
	TEXT_CLEANUP struct text list = { 0 };
	const char *builtin = NULL;
	text_add_visible(&shown, name, strlen(name));
	for (size_t i = 0; profile_builtin_at(i, &builtin); i++) {
		text_printf(&list, "%s%s", i == 0 ? "" : ", ", builtin);
	}
	return fail(error, RECLAIM_INVALID,
		    "no profile '%s'; built in: %s; a file needs a '/' or the ending .conf",
		    text_string(&shown), text_string(&list));
}

static bool is_file(const char *name)
{
	size_t size = strlen(name);
	return strchr(name, '/') || (size > 5 && strcmp(name + size - 5, ".conf") == 0);
}

enum reclaim_status profile_load(const char *name_or_file, const struct engines *engines,
				 struct profile **ret_profile, struct reclaim_error *error)
{
	if (is_file(name_or_file)) {
		return load_file(name_or_file, engines, ret_profile, error);
	}
	const char *text = profile_builtin(name_or_file);
	if (!text) {
		return no_profile(name_or_file, error);
	}
	TEXT_CLEANUP struct text file = { 0 };
	text_printf(&file, "built-in %s", name_or_file);
	return profile_parse(text, strlen(text), text_string(&file), engines, ret_profile,
			     error);
}
