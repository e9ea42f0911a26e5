/* Help, made from the table of commands. */
#include "options.h"
#include "screen.h"

#include <string.h>

#define WIDTH 80
static const struct screen page = { .width = WIDTH };

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0) {
			return commands[i];
		}
	}
	return NULL;
}

static const char *nearest(const char *name)
{
	const char *best = NULL;
	size_t least = 3;
	for (size_t i = 0; commands[i]; i++) {
		size_t far = string_distance(name, commands[i]->name);
		if (far < least && far < strlen(name)) {
			least = far;
			best = commands[i]->name;
		}
	}
	return best;
}

int command_unknown(const struct app *app, const char *name)
{
	struct text TEXT_CLEANUP shown = { 0 };
	struct text TEXT_CLEANUP known = { 0 };
	const char *near = nearest(name);
	text_add_visible(&shown, name, strlen(name));
	for (size_t i = 0; commands[i]; i++) {
		text_printf(&known, " %s", commands[i]->name);
	}
	return app_usage(app, "unknown command '%s'%s%s%s allowed:%s", text_string(&shown),
			 near ? "; did you mean '" : ";", near ? near : "", near ? "'?" : "",
			 text_string(&known));
}

#define COMMAND_INDENT 14
#define OPTION_INDENT 26

static void print_options(struct text *out, const struct command_option *options)
{
	for (int i = 0; options[i].name; i++) {
		struct text TEXT_CLEANUP left = { 0 };
		struct text TEXT_CLEANUP right = { 0 };
		text_printf(&left, "--%s%s%s", options[i].name, options[i].argument ? " " : "",
			    options[i].argument ? options[i].argument : "");
		text_printf(&right, "%s%s", options[i].help ? options[i].help : "",
			    options[i].required ? " (required)" : "");
		text_printf(out, "  %-22s  ", text_string(&left));
		print_wrapped(out, &page, OPTION_INDENT, text_string(&right));
		text_add_char(out, '\n');
		out->failed |= left.failed || right.failed;
	}
}

void help_program(struct text *out)
{
	text_add(out, "reclaim gets stuck tasks moving again: on the job table that you have, "
		      "or as a\ntask queue of its own.\n\n"
		      "usage: reclaim [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n");
	for (size_t i = 0; commands[i]; i++) {
		text_printf(out, "  %-10s  ", commands[i]->name);
		print_wrapped(out, &page, COMMAND_INDENT, commands[i]->summary);
		text_add_char(out, '\n');
	}
	text_add(out, "\noptions, before or behind the command:\n");
	print_options(out, global_options);
	text_add(out, "\n`reclaim help COMMAND` says more. To begin with:\n\n"
		      "  reclaim submit --payload '{\"n\":1}'\n"
		      "  reclaim work --drain -- ./my-job\n"
		      "  reclaim --db URL --profile FILE sweep --dry-run\n");
}

/* The next line is indented where the word would not fit on this one. */
static void add_word(struct text *out, const char *word, size_t indent, size_t *at)
{
	size_t size = strlen(word);
	if (*at + 1 + size > WIDTH) {
		text_printf(out, "\n%*s", (int)indent, "");
		*at = indent;
	}
	text_printf(out, " %s", word);
	*at += 1 + size;
}

static void print_usage(struct text *out, const struct command *command)
{
	size_t at = strlen("usage: reclaim ") + strlen(command->name), indent = at;
	text_printf(out, "usage: reclaim %s", command->name);
	for (int i = 0; command->options && command->options[i].name; i++) {
		const struct command_option *option = &command->options[i];
		struct text TEXT_CLEANUP word = { 0 };
		text_printf(&word, option->required ? "--%s%s%s" : "[--%s%s%s]", option->name,
			    option->argument ? " " : "",
			    option->argument ? option->argument : "");
		add_word(out, text_string(&word), indent, &at);
	}
	if (command->arguments && *command->arguments) {
		add_word(out, command->arguments, indent, &at);
	}
	text_add_char(out, '\n');
}

/* Paragraphs, an empty line between them. */
static void print_about(struct text *out, const char *about)
{
	while (*about) {
		const char *end = strstr(about, "\n\n");
		struct text TEXT_CLEANUP paragraph = { 0 };
		text_add_bytes(&paragraph, about, end ? (size_t)(end - about) : strlen(about));
		text_add_char(out, '\n');
		print_wrapped(out, &page, 0, text_string(&paragraph));
		text_add_char(out, '\n');
		about += paragraph.size + (end ? 2 : 0);
		out->failed |= paragraph.failed;
	}
}

static void print_codes(struct text *out, const char *others)
{
	struct text TEXT_CLEANUP codes = { 0 };
	text_printf(&codes,
		    "0 done, 2 wrong usage or settings, 5 busy or interrupted, 6 database "
		    "unavailable%s%s",
		    others ? ", " : "", others ? others : "");
	text_add(out, "\nexit codes: ");
	print_wrapped(out, &page, (int)strlen("exit codes: "), text_string(&codes));
	text_add_char(out, '\n');
	out->failed |= codes.failed;
}

void help_of(struct text *out, const struct command *command)
{
	struct text TEXT_CLEANUP title = { 0 };
	text_printf(&title, "reclaim %s: %s", command->name, command->summary);
	print_wrapped(out, &page, 0, text_string(&title));
	text_add(out, "\n\n");
	print_usage(out, command);
	if (command->about) {
		print_about(out, command->about);
	}
	if (command->options && command->options[0].name) {
		text_add(out, "\noptions:\n");
		print_options(out, command->options);
	}
	print_codes(out, command->codes);
	if (command->example) {
		text_printf(out, "\nexample:\n  %s\n", command->example);
	}
	out->failed |= title.failed;
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct text TEXT_CLEANUP out = { 0 };
	(void)values;
	const struct command *command = argc ? command_find(argv[0]) : NULL;
	if (argc && !command) {
		return command_unknown(app, argv[0]);
	}
	if (command) {
		help_of(&out, command);
	} else {
		help_program(&out);
	}
	return app_out(app, &out);
}

const struct command help_command = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "says what the program, or a command, does",
	.example = "reclaim help sweep",
	.run = run,
};
