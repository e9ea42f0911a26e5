/* What options and arguments may be. */
#include "app.h"

#include "duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void shorten(struct text *out, const char *value)
{
	size_t size = strlen(value);
	text_add_visible(out, value, size < 64 ? size : 64);
	if (size > 64) {
		text_add(out, "…");
	}
}

bool app_duration(const struct app *app, const char *option, const char *value, int64_t *ret)
{
	struct text TEXT_CLEANUP shown = { 0 };
	if (!value || duration_parse(value, ret)) {
		return true;
	}
	shorten(&shown, value);
	app_usage(app, "--%s %s is no duration; allowed: %s", option, text_string(&shown),
		  DURATION_HELP);
	return false;
}

/* An optional sign and digits, all of it. */
static bool whole_number(const char *value, int64_t *ret_number)
{
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	bool starts = strchr("+-0123456789", *value) && *value;
	*ret_number = number;
	return starts && !errno && end != value && !*end;
}

bool app_number(const struct app *app, const char *option, const char *value, int64_t least,
		int64_t most, int64_t *ret)
{
	struct text TEXT_CLEANUP shown = { 0 };
	int64_t number;
	if (!value) {
		return true;
	}
	if (whole_number(value, &number) && number >= least && number <= most) {
		*ret = number;
		return true;
	}
	shorten(&shown, value);
	app_usage(app, "--%s %s is not allowed; allowed: %lld to %lld", option,
		  text_string(&shown), (long long)least, (long long)most);
	return false;
}

bool app_limit(const struct app *app, const char *value, int64_t *ret)
{
	*ret = 100;
	return app_number(app, "limit", value, 1, 1000, ret);
}

int app_arguments(const struct app *app, int argc, char **argv, int least, int most)
{
	struct text TEXT_CLEANUP shown = { 0 };
	const char *wanted = app->command->arguments;
	if (argc < least) {
		return app_usage(app, "an argument is missing; allowed: %s", wanted);
	}
	if (most >= 0 && argc > most) {
		shorten(&shown, argv[most]);
		return app_usage(app, "the argument '%s' is too much; allowed: %s",
				 text_string(&shown), wanted && *wanted ? wanted : "none");
	}
	return 0;
}
