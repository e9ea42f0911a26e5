/* profiles: the ledgers that are known already. */
#include "table.h"

#include <string.h>

/* What the comment at the top of a profile says first, without its "# ". */
static void add_description(struct text *out, const char *text)
{
	text += strspn(text, "# ");
	text_add_bytes(out, text, strcspn(text, "\n"));
}

static void print_list(const struct app *app, struct text *out)
{
	static const struct heading headings[] = {
		{ .title = "PROFILE" }, { .title = "WHAT IT IS FOR", .tail = true }
	};
	const struct screen screen = screen_of(app);
	struct text_table TABLE_CLEANUP table = TEXT_TABLE(headings);
	const char *name, *text;
	for (size_t i = 0; (text = profile_builtin_at(i, &name)); i++) {
		struct text TEXT_CLEANUP description = { 0 };
		add_description(&description, text);
		if (app->json) {
			struct json json = { .out = out };
			json_open(&json, NULL, '{');
			json_string(&json, "name", name);
			json_string(&json, "description", text_string(&description));
			json_close(&json, '}');
			text_add(out, "\n");
		}
		text_table_add(&table, TINT_PLAIN, name);
		text_table_add(&table, TINT_PLAIN, text_string(&description));
	}
	if (!app->json) {
		text_table_print(out, &table, &screen);
	}
}

static int refuse(const struct app *app, const char *wanted)
{
	struct text TEXT_CLEANUP allowed = { 0 };
	struct text TEXT_CLEANUP shown = { 0 };
	const char *name;
	for (size_t i = 0; profile_builtin_at(i, &name); i++) {
		text_printf(&allowed, "%s%s", i ? ", " : "", name);
	}
	text_add_visible(&shown, wanted, strlen(wanted));
	return app_usage(app, "there is no built-in profile '%s'; allowed: %s",
			 text_string(&shown), text_string(&allowed));
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct text TEXT_CLEANUP out = { 0 };
	(void)values;
	if (app_arguments(app, argc, argv, 0, 1)) {
		return EXIT_USAGE;
	}
	const char *text = argc > 0 ? profile_builtin(argv[0]) : NULL;
	if (argc > 0 && !text) {
		return refuse(app, argv[0]);
	}
	if (!text) {
		print_list(app, &out);
	} else if (app->json) {
		struct json json = { .out = &out };
		json_open(&json, NULL, '{');
		json_string(&json, "name", argv[0]);
		json_string(&json, "text", text);
		json_close(&json, '}');
		text_add(&out, "\n");
	} else {
		text_add(&out, text);
	}
	return app_out(app, &out);
}

const struct command profiles_command = {
	.name = "profiles",
	.arguments = "[NAME]",
	.summary = "lists the built-in profiles, or prints one",
	.about = "A profile says how a table of tasks maps to our words. Print one to start "
		 "your own from it.",
	.example = "reclaim profiles reclaim > mine.conf",
	.need = NEED_NOTHING,
	.run = run,
};
