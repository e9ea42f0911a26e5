/* detect: which known ledgers live in a database. */
#include "detection.h"
#include "shell.h"
#include "table.h"

static void print_adoption(struct text *out, const char *table)
{
	text_add(out, "reclaim adopt ");
	text_add_shell(out, table);
}

/* A table that could be of tasks, of no known ledger. */
static void print_unknown_json(struct text *out, const char *table)
{
	struct text TEXT_CLEANUP next = { 0 };
	struct json json = { .out = out };
	print_adoption(&next, table);
	json_open(&json, NULL, '{');
	json_string(&json, "profile", NULL);
	json_string(&json, "table", table);
	json_string(&json, "next", text_string(&next));
	json_close(&json, '}');
	text_add(out, "\n");
}

static void print_json(struct text *out, const struct detection *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct found *found = &d->items[i];
		struct text TEXT_CLEANUP next = { 0 };
		struct json json = { .out = out };
		text_printf(&next, "reclaim --profile %s sweep --dry-run", found->profile);
		json_open(&json, NULL, '{');
		json_string(&json, "profile", found->profile);
		json_string(&json, "table", found->table);
		json_string(&json, "version",
			    found->version.size ? text_string(&found->version) : NULL);
		json_int(&json, "in_flight", found->in_flight);
		json_int(&json, "stale", found->stale);
		json_int(&json, "blind", found->blind);
		json_string(&json, "next", text_string(&next));
		json_close(&json, '}');
		text_add(out, "\n");
	}
	for (size_t i = 0; i < d->unknown.count; i++) {
		print_unknown_json(out, d->unknown.items[i]);
	}
}

static void print_text(struct text *out, const struct detection *d)
{
	static const struct heading headings[] = {
		{ .title = "LEDGER" },
		{ .title = "TABLE", .elastic = true },
		{ .title = "VERSION" },
		{ .title = "IN FLIGHT", .right = true },
		{ .title = "STALE", .right = true },
		{ .title = "OLDEST", .right = true },
		{ .title = "TRY NEXT", .tail = true },
	};
	const struct screen screen = screen_of(d->app);
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	for (size_t i = 0; i < d->count; i++) {
		const struct found *found = &d->items[i];
		struct text TEXT_CLEANUP next = { 0 };
		text_printf(&next, "reclaim --profile %s %s", found->profile,
			    found->stale ? "sweep --dry-run" : "check");
		text_table_add(&table, TINT_GOOD, found->profile);
		text_table_add(&table, TINT_PLAIN, found->table);
		text_table_add(&table, TINT_PLAIN, text_string(&found->version));
		text_table_add_count(&table, found->in_flight);
		text_table_add_count(&table, found->stale);
		text_table_add_age(&table, found->oldest);
		text_table_add(&table, TINT_PLAIN, text_string(&next));
	}
	text_table_print(out, &table, &screen);
}

static void say_unknown(const struct detection *d)
{
	for (size_t i = 0; i < d->unknown.count; i++) {
		struct text TEXT_CLEANUP next = { 0 };
		print_adoption(&next, d->unknown.items[i]);
		text_add(&next, " > ");
		text_add_file_name(&next, table_bare_name(d->unknown.items[i]));
		app_complain(d->app, "table '%s' looks like one of tasks: %s.conf",
			     d->unknown.items[i], text_string(&next));
	}
}

static void say_near(const struct detection *d)
{
	for (size_t i = 0; i < d->near_count; i++) {
		if (!detection_knows(d, d->near[i].table)) {
			app_complain(d->app, "%s", text_string(&d->near[i].line));
		}
	}
}

static int report(const struct detection *d)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (d->app->json) {
		print_json(&out, d);
	} else if (d->count > 0) {
		print_text(&out, d);
	}
	int code = app_out(d->app, &out);
	say_near(d);
	if (!d->app->json) {
		say_unknown(d);
	}
	if (code || d->count > 0) {
		return code;
	}
	app_complain(d->app,
		     "no ledger that a built-in profile knows, in %zu table%s; "
		     "`reclaim adopt TABLE` writes a profile for a table of yours",
		     d->tables.rows, d->tables.rows == 1 ? "" : "s");
	return EXIT_NOT_FOUND;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct detection d = { .app = app };
	struct reclaim_error error = { 0 };
	(void)values;
	(void)argc;
	(void)argv;
	int code = detection_look(&d, &error) ? app_fail(app, &error) : report(&d);
	detection_finish(&d);
	return code;
}

const struct command detect_command = {
	.name = "detect",
	.arguments = "",
	.summary = "finds the ledgers in a database that a built-in profile knows",
	.about = "Holds every built-in profile against the tables that are there: what fits, "
		 "how many claims are in flight and stale, and what to try next; and which "
		 "other tables look like tasks. It only looks.",
	.codes = "3 nothing that is known",
	.example = "reclaim --db URL detect",
	.run = run,
};
