/* The part of a guessed profile that says what its columns mean, and how its times are kept. */
#include "writer.h"

/* ---- times ---- */

/* The database says itself how it keeps an instant of its own type. */
static bool tells_format(const struct writer *w, int part)
{
	const struct column *column = w->columns[part];
	return column && part_is_time((enum part)part) && column->kind != COLUMN_INSTANT &&
	       column->kind != COLUMN_ZONED && w->found->formats[part] != TIME_FORMAT_COUNT;
}

static enum time_format usual_format(const struct writer *w)
{
	for (int p = 0; p < PART_COUNT; p++) {
		if (tells_format(w, p)) {
			return w->found->formats[p];
		}
	}
	/* The engine's own types say it themselves; what is written here should not say otherwise. */
	for (int p = 0; p < PART_COUNT; p++) {
		const struct column *column = w->columns[p];
		if (column && part_is_time((enum part)p) && column->kind == COLUMN_ZONED) {
			return TIME_ZONED;
		}
	}
	return TIME_UTC;
}

void write_times(struct writer *w)
{
	enum time_format usual = usual_format(w);
	bool any = false;
	for (int p = 0; p < PART_COUNT; p++) {
		enum time_format format = w->found->formats[p];
		if (!tells_format(w, p) || format == usual) {
			continue;
		}
		text_add(w->out, any ? "" : "\ntimes {\n");
		write_line(w, "\t", part_name((enum part)p), time_format_name(format),
			   "as a row has it");
		any = true;
	}
	text_add(w->out, any ? "}\n" : "");
}

/* ---- columns ---- */

static const char *why_column(int part)
{
	static const char *const doubts[PART_COUNT] = {
		[PART_OWNER] = "who works on it",
		[PART_CLAIMED] = "when the attempt in flight began",
		[PART_BEAT] = "when its worker last gave a sign",
		[PART_LEASE] = "until when the claim is good",
		[PART_DEADLINE] = "by when it must be done",
		[PART_ATTEMPTS] = "counted when a worker claims",
		[PART_UPDATED] = "set by every change of the row",
		[PART_DUE] = "when it may be claimed",
	};
	return doubts[part]                    ? doubts[part]
	       : part_is_time((enum part)part) ? NULL
					       : "by its name";
}

static void write_token(struct writer *w)
{
	static const enum part fence[] = { PART_OWNER, PART_CLAIMED, PART_ATTEMPTS };
	const char *comma = " ";
	struct text TEXT_CLEANUP names = { 0 };
	for (size_t i = 0; i < sizeof(fence) / sizeof(fence[0]); i++) {
		if (w->columns[fence[i]]) {
			text_add(&names, comma);
			write_string(&names, w->columns[fence[i]]->name);
			comma = ", ";
		}
	}
	if (names.size > 0) {
		text_printf(w->out,
			    "\t%-12s = {%s }  # guess: what a claim changes, and nothing else "
			    "does\n",
			    "token", text_string(&names));
	}
}

void write_columns(struct writer *w)
{
	text_add(w->out, "\ncolumns {\n");
	for (int p = 0; p < PART_COUNT; p++) {
		if (w->columns[p] && (p != PART_STATE || w->by_state)) {
			write_line(w, "\t", part_name((enum part)p), w->columns[p]->name,
				   why_column(p));
		}
	}
	write_line(w, "\t", "time", time_format_name(usual_format(w)),
		   "how its times are kept; one without a zone is taken for UTC");
	write_token(w);
	text_add(w->out, "}\n");
}
