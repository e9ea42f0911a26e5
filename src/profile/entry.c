/* An error as a host keeps it: a JSON object. */
#include "json.h"
#include "profile.h"

/* A number that the ledger does not keep is printed as a word. */
static bool is_printed_number(const struct text *text)
{
	const char *digits = text_string(text);
	digits += *digits == '-';
	return *digits >= '0' && *digits <= '9';
}

static void add_member(struct json *json, const struct error_member *member,
		       const struct message_facts *facts)
{
	struct text TEXT_CLEANUP value = { 0 };
	message_print(&value, member->text, facts);
	if (!message_is_number(member->text)) {
		json_string(json, member->name, text_string(&value));
	} else if (is_printed_number(&value)) {
		json_raw(json, member->name, text_string(&value));
	} else {
		json_null(json, member->name);
	}
	json->out->failed |= value.failed;
}

void profile_error_entry(struct text *out, const struct profile *profile,
			 const struct message_facts *facts)
{
	struct json json = { .out = out };
	json_open(&json, /* name= */ NULL, '{');
	for (size_t i = 0; i < profile->error_entry_count; i++) {
		add_member(&json, &profile->error_entry[i], facts);
	}
	json_close(&json, '}');
}
