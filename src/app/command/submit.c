/* submit: adds tasks. */
#include "app.h"
#include "intake.h"

#include <unistd.h>

/* What one transaction stores. */
#define BATCH 10000
#define COUNT_MOST 10000000

static const struct command_option options[] = {
	{ "kind", "K", "what kind of task it is" },
	{ "queue", "Q", "where it waits (default: default)" },
	{ "payload", "JSON", "what its worker gets" },
	{ "id", "ID", "1 to 255 bytes (default: a new UUIDv7)" },
	{ "key", "KEY", "one task for each key and queue, however often it is submitted" },
	{ "delay", "D", "not before so long from now" },
	{ "deadline", "D", "failed when it is not finished by then" },
	{ "max-attempts", "N", "executions at most (default 25)" },
	{ "priority", "N", "higher goes first (default 0)" },
	{ "count", "N", "so many of the same" },
	{ "from", "FILE|-", "NDJSON, an object a line, with these words as keys" },
	{ 0 },
};
enum { KIND, QUEUE, PAYLOAD, ID, KEY, DELAY, DEADLINE, MAX_ATTEMPTS, PRIORITY, COUNT, FROM };

/* One task after another, from the options or from a file. */
struct source {
	const struct intake *intake; /* NULL: `one`, again and again */
	struct submission one;
	size_t count;
};

static bool read_options(const struct app *app, const char *const *values,
			 struct source *source)
{
	struct submission *one = &source->one;
	int64_t count = 1;
	*one = (struct submission){ .kind = values[KIND],
				    .queue = values[QUEUE],
				    .payload = values[PAYLOAD],
				    .id = values[ID],
				    .key = values[KEY],
				    .max_attempts = MAX_ATTEMPTS_DEFAULT };
	if (!app_duration(app, "delay", values[DELAY], &one->delay) ||
	    !app_duration(app, "deadline", values[DEADLINE], &one->deadline) ||
	    !app_number(app, "max-attempts", values[MAX_ATTEMPTS], 1, 1000000,
			&one->max_attempts) ||
	    !app_number(app, "priority", values[PRIORITY], INT32_MIN, INT32_MAX,
			&one->priority) ||
	    !app_number(app, "count", values[COUNT], 1, COUNT_MOST, &count)) {
		return false;
	}
	if (count > 1 && (one->id || one->key)) {
		app_usage(app,
			  "--count %s with --%s: they would all be the same task; allowed: one "
			  "of them",
			  values[COUNT], one->id ? "id" : "key");
		return false;
	}
	source->count = (size_t)count;
	return true;
}

static int check_alone(const struct app *app, const char *const *values)
{
	for (int i = 0; i < FROM; i++) {
		if (values[i]) {
			return app_usage(
				app,
				"--from with --%s; allowed: every task's own words in the file",
				options[i].name);
		}
	}
	return 0;
}

static void add_id(struct text *out, const struct app *app, const char *id)
{
	struct json json = { .out = out };
	if (app->json) {
		json_open(&json, NULL, '{');
		json_string(&json, "id", id);
		json_close(&json, '}');
	} else {
		id_show(out, app->ledger->profile, id);
	}
	text_add_char(out, '\n');
}

static int print_ids(const struct app *app, char (*ids)[RECLAIM_ID_SIZE], size_t count)
{
	struct text TEXT_CLEANUP out = { 0 };
	for (size_t i = 0; i < count; i++) {
		add_id(&out, app, ids[i]);
	}
	return app_out(app, &out);
}

/* Which line is wrong, and what became of the rest. */
static int fail_batch(const struct app *app, const struct source *source, size_t stored,
		      size_t bad, struct reclaim_error *error)
{
	if (error->status == RECLAIM_INVALID && source->intake) {
		const struct reclaim_error plain = *error;
		fail(error, RECLAIM_INVALID, "%s:%zu: %s", source->intake->name,
		     source->intake->lines[stored + bad], plain.message);
	}
	int code = app_fail(app, error);
	if (source->count > 1) {
		app_complain(app, "%zu of %zu tasks are stored%s", stored, source->count,
			     error->status == RECLAIM_UNKNOWN
				     ? ", and perhaps the batch that follows"
				     : "");
	}
	return code;
}

static void show_progress(size_t stored, size_t count)
{
	if (count > BATCH && isatty(STDERR_FILENO)) {
		fprintf(stderr, "\r%zu of %zu tasks stored%s", stored, count,
			stored == count ? "\n" : "");
		fflush(stderr);
	}
}

static int submit_all(struct app *app, const struct source *source, struct submission *same,
		      char (*ids)[RECLAIM_ID_SIZE])
{
	struct reclaim_error error = { 0 };
	size_t bad = 0, size;
	int code = EXIT_DONE;
	for (size_t stored = 0; !code && stored < source->count; stored += size) {
		size = source->count - stored < BATCH ? source->count - stored : BATCH;
		const struct submission *batch =
			source->intake ? source->intake->submissions + stored : same;
		if (verb_submit(app->ledger, batch, size, ids, &bad, &error)) {
			return fail_batch(app, source, stored, bad, &error);
		}
		code = print_ids(app, ids, size);
		/* What is stored is stored; whoever asked for more than one batch gets them all. */
		code = code == EXIT_UNREAD ? EXIT_DONE : code;
		show_progress(stored + size, source->count);
		if (code) {
			app_complain(app, "%zu of %zu tasks are stored", stored + size,
				     source->count);
		}
	}
	return code;
}

static int submit(struct app *app, const struct source *source)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct reclaim_error error = { 0 };
	size_t size = source->count < BATCH ? source->count : BATCH;
	struct submission *same = arena_take(&arena, sizeof(*same) * size);
	char(*ids)[RECLAIM_ID_SIZE] = arena_take(&arena, sizeof(*ids) * size);
	if (!same || !ids) {
		fail_no_memory(&error);
		return app_fail(app, &error);
	}
	for (size_t i = 0; i < size; i++) {
		same[i] = source->one;
	}
	if (app_open_as(app, /* creates= */ true, /* looks= */ false, &app->ledger, &error) ||
	    ledger_make_own_tables(app->ledger, &error)) {
		return app_fail(app, &error);
	}
	return submit_all(app, source, same, ids);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	struct source source = { 0 };
	struct intake intake = { 0 };
	int code = 0;
	(void)argc;
	(void)argv;
	if (values[FROM]) {
		code = check_alone(app, values);
	} else {
		code = read_options(app, values, &source) ? 0 : EXIT_USAGE;
	}
	if (code) {
		return code;
	}
	if (values[FROM]) {
		if (intake_read(values[FROM], &app->cancel, &intake, &error)) {
			return app_fail(app, &error);
		}
		source.intake = &intake;
		source.count = intake.count;
	} else if (check_json("--payload", values[PAYLOAD], &error)) {
		return app_fail(app, &error);
	}
	code = submit(app, &source);
	intake_finish(&intake);
	return code;
}

const struct command submit_command = {
	.name = "submit",
	.arguments = "",
	.summary = "adds tasks, and prints their ids",
	.options = options,
	.about = "A missing database is made. A file is checked as a whole before its "
		 "first task is stored; up to 10000 tasks are stored together or not at "
		 "all, more in batches of that size.",
	.codes = "7 not on a host's ledger, 9 outcome unknown: repeat it with --key",
	.example = "reclaim submit --kind mail --payload '{\"to\":\"ann@example.com\"}' "
		   "--deadline 1h",
	.run = run,
};
