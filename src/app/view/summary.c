/* Reads a result back. */
#include "summary.h"

#include <jansson.h>

void summarize_sweep(struct text *out, const char *result)
{
	static const struct {
		const char *name, *shown;
	} words[] = { { "requeued", "requeued" },   { "failed", "failed" },
		      { "stuck", "stuck" },         { "cancelled", "cancelled" },
		      { "held_back", "held back" }, { "lost_races", "lost races" },
		      { "errors", "errors" },       { "locked", "locked" },
		      { "blind", "blind" } };
	json_t *json = result ? json_loads(result, 0, NULL) : NULL;
	bool first = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		json_int_t count = json_integer_value(json_object_get(json, words[i].name));
		if (count > 0) {
			text_printf(out, "%s%lld %s", first ? ": " : ", ", (long long)count,
				    words[i].shown);
			first = false;
		}
	}
	text_add(out, json && first ? ": found nothing to do" : "");
	json_decref(json);
}
