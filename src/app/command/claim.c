/* claim: takes tasks for a worker in any language. */
#include "duration.h"
#include "rows.h"

#include <string.h>

static const struct command_option options[] = {
	{ "owner", "NAME", "who claims", .required = true },
	{ "queue", "QUEUE", "only from this queue" },
	{ "count", "N", "at most so many (default 1)" },
	{ "lease", "D", "how long the claim is good (default: the profile's)" },
	{ 0 },
};
enum { OWNER, QUEUE, COUNT, LEASE };

static void add_json(struct text *out, const struct claimed *claimed)
{
	struct json json = { .out = out };
	const struct value payload = value_string(claimed->payload);
	json_open(&json, NULL, '{');
	json_string(&json, "id", claimed->id);
	json_string(&json, "token", claimed->token);
	json_string(&json, "queue", claimed->queue);
	json_string(&json, "kind", claimed->kind);
	json_value(&json, "payload", &payload);
	json_count(&json, "attempt", claimed->attempt);
	json_count(&json, "max_attempts", claimed->max_attempts);
	json_time(&json, "lease_expires_at", claimed->lease_until);
	json_time(&json, "deadline", claimed->deadline);
	json_close(&json, '}');
	text_add_char(out, '\n');
}

static void add_field(struct text *out, const char *label, const char *value)
{
	if (value && *value) {
		text_printf(out, "%-10s", label);
		text_add_visible(out, value, strlen(value));
		text_add_char(out, '\n');
	}
}

static void add_time(struct text *out, const char *label, int64_t time)
{
	struct text TEXT_CLEANUP shown = { 0 };
	if (time != NO_TIME) {
		time_print_rfc3339(&shown, time);
		add_field(out, label, text_string(&shown));
	}
}

static void add_text(struct text *out, const struct profile *profile,
		     const struct claimed *claimed)
{
	struct text TEXT_CLEANUP id = { 0 };
	struct text TEXT_CLEANUP attempt = { 0 };
	if (claimed->attempt >= 0) {
		text_printf(&attempt, "%lld", (long long)claimed->attempt);
	}
	if (claimed->max_attempts >= 0) {
		text_printf(&attempt, " of %lld", (long long)claimed->max_attempts);
	}
	text_add(out, out->size ? "\n" : "");
	id_show(&id, profile, claimed->id);
	add_field(out, "id", text_string(&id));
	add_field(out, "token", claimed->token);
	add_field(out, "queue", claimed->queue);
	add_field(out, "kind", claimed->kind);
	add_field(out, "attempt", text_string(&attempt));
	add_time(out, "lease", claimed->lease_until);
	add_time(out, "deadline", claimed->deadline);
	add_field(out, "payload", claimed->payload);
}

static int print(const struct app *app, const struct claims *claims)
{
	struct text TEXT_CLEANUP out = { 0 };
	if (claims->count == 0) {
		app_complain(app, "nothing to claim");
		return EXIT_NOT_FOUND;
	}
	for (size_t i = 0; i < claims->count; i++) {
		if (app->json) {
			add_json(&out, &claims->items[i]);
		} else {
			add_text(&out, app->ledger->profile, &claims->items[i]);
		}
	}
	return app_out(app, &out);
}

static int run(struct app *app, const char *const *values, int argc, char **argv)
{
	struct claiming claiming = {
		.owner = values[OWNER],
		.queue = values[QUEUE],
		.count = 1,
	};
	struct reclaim_error error = { 0 };
	struct claims claims = { 0 };
	(void)argc;
	(void)argv;
	if (!app_number(app, options[COUNT].name, values[COUNT], 1, 100000, &claiming.count) ||
	    !app_duration(app, options[LEASE].name, values[LEASE], &claiming.lease)) {
		return EXIT_USAGE;
	}
	if (values[LEASE] && claiming.lease == 0) {
		return app_usage(app, "--lease %s is not allowed; allowed: longer than 0",
				 values[LEASE]);
	}
	if (app_open_ledger(app, &app->ledger, &error)) {
		return app_fail(app, &error);
	}
	claiming.lease = values[LEASE] ? claiming.lease : app->ledger->profile->lease;
	if (verb_claim(app->ledger, &claiming, &claims, &error)) {
		claims_finish(&claims);
		return app_fail(app, &error);
	}
	int code = print(app, &claims);
	claims_finish(&claims);
	return code;
}

const struct command claim_command = {
	.name = "claim",
	.arguments = "",
	.summary = "takes tasks that are due, each with a lease of its own",
	.options = options,
	.about = "For workers in any language: claim, renew while working, then complete, "
		 "fail or release with the token that the claim came with.",
	.codes = "3 nothing to claim, 7 the ledger has no such verb",
	.example = "reclaim --json claim --owner me --lease 5m",
	.run = run,
};
