/* Reads a result back. */
#include "summary.h"

#include <jansson.h>

void summarize_sweep(struct text *out, const char *result)
{
	static const char *const words[] = { "requeued",   "failed", "stuck",  "held_back",
					     "lost_races", "errors", "locked", "blind" };
	json_t *json = result ? json_loads(result, 0, NULL) : NULL;
	bool first = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		json_int_t count = json_integer_value(json_object_get(json, words[i]));
		if (count > 0) {
			text_printf(out, "%s%lld %s", first ? ": " : ", ", (long long)count,
				    words[i]);
			first = false;
		}
	}
	text_add(out, json && first ? ": found nothing to do" : "");
	json_decref(json);
}
