/* init: makes or upgrades the ledger. */
#include "app.h"

#include "rights.h"

#include <string.h>

static const struct command_option options[] = {
	{ "print", NULL, "shows the SQL, and runs nothing" },
	{ "wait", "D", "how long it waits for others' locks and transactions (10s)" },
	{ 0 },
};
enum { PRINT, WAIT };

static void add_script(void *context, const char *name, const char *sql)
{
	struct text *out = context;
	size_t size = strlen(sql);
	while (size && (sql[size - 1] == '\n' || sql[size - 1] == ';')) {
		size--;
	}
	text_printf(out, "-- %s\n%.*s;\n\n", name, (int)size, sql);
}

/* Our own tables need no look at the database: it may not even be there yet. False: an unknown engine. */
static bool add_own_scripts(struct text *out, const char *url)
{
	static const enum sql scripts[] = { SQL_SCHEMA, SQL_SCHEMA_HOST, SQL_FUNCTIONS };
	const struct db_driver *driver = db_driver_of(url);
	const struct sql_engine *engine = driver ? sql_of(driver) : NULL;
	for (size_t i = 0; engine && i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct sql_text *text = &engine->texts[scripts[i]];
		if (text->text) {
			add_script(out, text->name, text->text);
		}
	}
	return engine != NULL;
}

static int print(struct app *app)
{
	struct reclaim_error error = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	if (app->loaded->native && add_own_scripts(&out, app->db)) {
		return app_out(app, &out);
	}
	if (app_open_as(app, /* creates= */ false, /* looks= */ true, &app->ledger, &error) ||
	    ledger_init(app->ledger, add_script, &out, &error)) {
		return app_fail(app, &error);
	}
	return app_out(app, &out);
}

/* What a role that only sweeps needs here; our own ledger's is told by `check`. */
static enum reclaim_status add_grants(struct app *app, plan_line_fn *line, void *context,
				      struct reclaim_error *error)
{
	return app->ledger->profile->native ? RECLAIM_OK
					    : ledger_rights(app->ledger, line, context, error);
}

static void add_grant(void *context, const char *name, const char *sql)
{
	(void)name;
	text_printf(context, "%s;\n", sql);
}

static void add_grant_member(void *context, const char *name, const char *sql)
{
	(void)name;
	json_string(context, NULL, sql);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct reclaim_error error = { 0 };
	struct text TEXT_CLEANUP out = { 0 };
	(void)argc;
	(void)argv;
	if (!app_duration(app, "wait", values[WAIT], &app->patience)) {
		return EXIT_USAGE;
	}
	if (values[WAIT] && app->patience == 0) {
		app->patience = -1; /* not at all */
	}
	if (values[PRINT]) {
		return print(app);
	}
	if (app_open_as(app, /* creates= */ true, /* looks= */ false, &app->ledger, &error) ||
	    ledger_init(app->ledger, /* show= */ NULL, /* context= */ NULL, &error) ||
	    ledger_plan(app->ledger, &error)) {
		return app_fail(app, &error);
	}
	enum reclaim_status status = RECLAIM_OK;
	struct json json = { .out = &out };
	if (app->json) {
		json_open(&json, NULL, '{');
		json_string(&json, "profile", app->ledger->profile->name);
		json_string(&json, "db", app->ledger->db->url->shown);
		json_open(&json, "grants", '[');
		status = add_grants(app, add_grant_member, &json, &error);
		json_close(&json, ']');
		json_close(&json, '}');
		text_add_char(&out, '\n');
	} else {
		text_printf(&out, "ledger %s is ready in %s\n", app->ledger->profile->name,
			    app->ledger->db->url->shown);
		status = add_grants(app, add_grant, &out, &error);
	}
	if (status) {
		return app_fail(app, &error);
	}
	return app_out(app, &out);
}

const struct command init_command = {
	.name = "init",
	.arguments = "",
	.summary = "creates or upgrades the ledger, or adds what a host's may lack",
	.options = options,
	.need = NEED_PROFILE,
	.about = "It may run as often as you like: what is there stays. An index on a table "
		 "that "
		 "others write is made without stopping them, where the engine can, and so it "
		 "waits for their transactions, but for no longer than --wait: then it is busy "
		 "and names them, and the next init makes the index anew.",
	.example = "reclaim --db URL init",
	.run = run,
};
