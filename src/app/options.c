/* getopt_long over the table of options. */
#include "options.h"

#include <getopt.h>
#include <string.h>

const struct command_option global_options[] = {
	{ "db", "URL", "the database" },
	{ "profile", "NAME|FILE", "what its tasks look like; default: our own ledger" },
	{ "config", "FILE", "settings from a file" },
	{ "json", NULL, "machines read the answer" },
	{ "verbose", NULL, "-v: say more; twice: every statement" },
	{ "quiet", NULL, "-q: no log lines" },
	{ "help", NULL, "-h: this text" },
	{ "version", NULL, "-V: which version this is" },
	{ NULL },
};
enum { DB, PROFILE, CONFIG, JSON, VERBOSE, QUIET, HELP, VERSION, GLOBALS };

/* What getopt_long returns for them. */
#define GLOBAL_BASE 0x100
#define OWN_BASE 0x200

static void add_options(struct option *list, size_t *count,
			const struct command_option *options, int base)
{
	for (int i = 0; options && options[i].name; i++) {
		list[(*count)++] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument : no_argument,
			.val = base + i,
		};
	}
}

static int refuse_twice(const struct app *app, const char *name)
{
	return app_usage(app, "--%s stands there twice; allowed: once", name);
}

/* Where a global option's value goes; NULL: it has none. */
static const char **slot_of(struct app *app, int option)
{
	return option == DB        ? &app->given.db
	       : option == PROFILE ? &app->given.profile
	       : option == CONFIG  ? &app->given.config
				   : NULL;
}

static int set_global(struct app *app, struct request *request, int option, const char *value)
{
	const char **slot = slot_of(app, option);
	if (slot && *slot) {
		return refuse_twice(app, global_options[option].name);
	}
	if (slot) {
		*slot = value;
		return 0;
	}
	if ((option == VERBOSE && app->verbosity < 0) ||
	    (option == QUIET && app->verbosity > 0)) {
		return app_usage(app, "-q and -v stand there together; allowed: one of them");
	}
	app->json |= option == JSON;
	request->help |= option == HELP;
	request->version |= option == VERSION;
	app->verbosity = option == QUIET ? -1 : app->verbosity + (option == VERBOSE);
	return 0;
}

static int short_global(int letter)
{
	static const char letters[] = "vqhV";
	static const int options[] = { VERBOSE, QUIET, HELP, VERSION };
	const char *at = strchr(letters, letter);
	return at && *at ? options[at - letters] : -1;
}

static void list_allowed(struct text *out, const struct command *command)
{
	for (int i = 0; command && command->options && command->options[i].name; i++) {
		text_printf(out, "--%s, ", command->options[i].name);
	}
	for (int i = 0; global_options[i].name; i++) {
		text_printf(out, "%s--%s", i ? ", " : "", global_options[i].name);
	}
}

static const char *option_name(const struct command *command, int code)
{
	int global = code < GLOBAL_BASE ? short_global(code) : code - GLOBAL_BASE;
	return code >= OWN_BASE && command ? command->options[code - OWN_BASE].name
					   : global_options[global].name;
}

/* getopt says only that something is wrong; `given` is the word that it looked at last. */
static int refuse(const struct app *app, int code, const char *given)
{
	struct text TEXT_CLEANUP allowed = { 0 };
	struct text TEXT_CLEANUP shown = { 0 };
	if (code == ':') {
		return app_usage(app, "--%s needs a value", option_name(app->command, optopt));
	}
	bool is_long = strncmp(given, "--", 2) == 0;
	if (is_long && optopt >= GLOBAL_BASE) {
		return app_usage(app, "--%s takes no value", option_name(app->command, optopt));
	}
	list_allowed(&allowed, app->command);
	if (is_long) {
		text_add_visible(&shown, given, strcspn(given, "="));
	} else {
		const char letter[] = { '-', (char)optopt };
		text_add_visible(&shown, letter, sizeof(letter));
	}
	return app_usage(app, "unknown option %s; allowed: %s", text_string(&shown),
			 text_string(&allowed));
}

/* Takes options until none is left; *ret_at is the first argument behind them. */
static int take_options(struct app *app, struct request *request, int argc, char **argv,
			const char *letters, int *ret_at)
{
	struct option list[GLOBALS + OPTIONS_MAX + 1] = { 0 };
	const struct command_option *own = app->command ? app->command->options : NULL;
	size_t count = 0;
	int code, failed = 0;
	add_options(list, &count, global_options, GLOBAL_BASE);
	add_options(list, &count, own, OWN_BASE);
	opterr = 0;
	optind = 0; /* starts anew */
	while (!failed && (code = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (code == '?' || code == ':') {
			failed = refuse(app, code, argv[optind - 1]);
		} else if (code < OWN_BASE) {
			int global =
				code < GLOBAL_BASE ? short_global(code) : code - GLOBAL_BASE;
			failed = set_global(app, request, global, optarg);
		} else if (own && request->values[code - OWN_BASE]) {
			failed = refuse_twice(app, own[code - OWN_BASE].name);
		} else {
			request->values[code - OWN_BASE] = optarg ? optarg : "";
		}
	}
	*ret_at = optind;
	return failed;
}

static int check_required(const struct app *app, const struct request *request)
{
	const struct command_option *options = app->command->options;
	for (int i = 0; options && options[i].name; i++) {
		if (options[i].required && !request->values[i]) {
			return app_usage(app, "--%s %s is missing", options[i].name,
					 options[i].argument);
		}
	}
	return 0;
}

/* What the table says: nothing, "ID", "[NAME]", or "ID…" for any number from one on. */
static int check_arguments(const struct app *app, const struct request *request)
{
	const char *wanted = app->command->arguments ? app->command->arguments : "";
	size_t size = strlen(wanted), dots = strlen("…");
	bool many = size > dots && strcmp(wanted + size - dots, "…") == 0;
	int least = *wanted && *wanted != '[', most = many ? -1 : *wanted != '\0';
	return app->command->takes_rest
		       ? 0
		       : app_arguments(app, request->argc, request->argv, least, most);
}

int options_parse(struct app *app, int argc, char **argv, struct request *ret_request)
{
	struct request request = { 0 };
	int at = 1;
	int failed = take_options(app, &request, argc, argv, "+:vqhV", &at);
	if (!failed && at < argc) {
		app->command = command_find(argv[at]);
		failed = app->command ? 0 : command_unknown(app, argv[at]);
	}
	if (!failed && app->command) {
		const char *letters = app->command->takes_rest ? "+:vqhV" : ":vqhV";
		int first = at;
		failed = take_options(app, &request, argc - first, argv + first, letters, &at);
		request.argc = argc - first - at;
		request.argv = argv + first + at;
	}
	if (!failed && app->command && !request.help && !request.version) {
		failed = check_arguments(app, &request);
		failed = failed ? failed : check_required(app, &request);
	}
	if (!failed) {
		*ret_request = request;
	}
	return failed;
}
