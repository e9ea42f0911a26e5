/* plan: the SQL of this profile on this engine and schema, for a DBA to read. */
#include "table.h"

#include <string.h>

struct printing {
	const struct app *app;
	struct text *out;
	struct screen screen;
};

static void print_statement(void *context, const char *name, const char *sql)
{
	struct printing *p = context;
	if (p->app->json) {
		struct json json = { .out = p->out };
		json_open(&json, NULL, '{');
		json_string(&json, "name", name);
		json_string(&json, "sql", sql);
		json_close(&json, '}');
		text_add(p->out, "\n");
		return;
	}
	text_add(p->out, p->out->size > 0 ? "\n" : "");
	tint_begin(p->out, &p->screen, TINT_BUSY);
	text_printf(p->out, "-- %s", name);
	tint_end(p->out, &p->screen, TINT_BUSY);
	text_add(p->out, "\n");
	size_t size = strlen(sql);
	while (size > 0 && sql[size - 1] == '\n') {
		size--;
	}
	text_add_bytes(p->out, sql, size);
	text_add(p->out, ";\n");
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct text TEXT_CLEANUP out = { 0 };
	struct reclaim_error error = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 0)) {
		return EXIT_USAGE;
	}
	if (ledger_plan(app->ledger, &error)) {
		return app_fail(app, &error);
	}
	struct printing printing = { .app = app, .out = &out, .screen = screen_of(app) };
	plan_list(app->ledger->plan, print_statement, &printing);
	return app_out(app, &out);
}

const struct command plan_command = {
	.name = "plan",
	.arguments = "",
	.summary = "prints the SQL that runs, for this profile, engine and schema",
	.about = "Every statement with its name, what it is for, and what its parameters "
		 "are. Nothing else runs on your tables; `init --print` shows what would "
		 "change the schema.",
	.need = NEED_LEDGER,
	.looks = true,
	.run = run,
};
