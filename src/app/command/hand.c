/* Answers of the verbs. */
#include "hand.h"

int hand_in_answer(const struct app *app, const char *id, const struct reclaim_error *error)
{
	struct text TEXT_CLEANUP out = { 0 };
	struct json json = { .out = &out };
	if (error->status) {
		return app_fail(app, error);
	}
	if (!app->json) {
		return EXIT_DONE;
	}
	json_open(&json, NULL, '{');
	json_string(&json, "id", id);
	json_string(&json, "done", app->command->name);
	json_close(&json, '}');
	text_add_char(&out, '\n');
	return app_out(app, &out);
}

static int say_done(const struct app *app, const char *id, enum state to)
{
	struct text TEXT_CLEANUP out = { 0 };
	struct json json = { .out = &out };
	if (app->json) {
		json_open(&json, NULL, '{');
		json_string(&json, "id", id);
		json_string(&json, "state", state_word(to));
		json_close(&json, '}');
	} else {
		struct text TEXT_CLEANUP shown = { 0 };
		id_show(&shown, app->ledger->profile, id);
		text_add_visible(&out, text_string(&shown), shown.size);
		text_printf(&out, " is %s", state_word(to));
	}
	text_add_char(&out, '\n');
	return app_out(app, &out);
}

/* The others would fare no better. */
static bool is_about_task(enum reclaim_status status)
{
	return status == RECLAIM_NOT_FOUND || status == RECLAIM_NOT_ALLOWED ||
	       status == RECLAIM_LOST;
}

int operate(struct app *app, operator_fn *verb, enum state to, int argc, char **argv)
{
	int code = EXIT_DONE;
	for (int i = 0; i < argc; i++) {
		struct reclaim_error error = { 0 };
		enum reclaim_status status = verb(app->ledger, argv[i], &error);
		int one = status ? app_fail(app, &error) : say_done(app, argv[i], to);
		code = code ? code : one;
		if (one && !is_about_task(status)) {
			return one;
		}
	}
	return code;
}
