/* How a ledger stands, for people. */
#include "condition.h"

#include "duration.h"
#include "summary.h"

#include <inttypes.h>
#include <string.h>

/* A line of "12 ready   3 running": what is zero steps back. */
struct line {
	struct text *out;
	const struct screen *screen;
	int used;
	bool empty;
};

#define INDENT 16

static struct line start_line(struct text *out, const struct screen *screen, const char *label)
{
	text_add(out, "  ");
	tint_begin(out, screen, TINT_FAINT);
	text_printf(out, "%-*s", INDENT - 2, label);
	tint_end(out, screen, TINT_FAINT);
	return (struct line){ .out = out, .screen = screen, .used = INDENT, .empty = true };
}

static void add_item(struct line *line, int64_t count, const char *what, enum tint tint)
{
	struct text TEXT_CLEANUP item = { 0 };
	text_printf(&item, "%" PRId64 " ", count);
	text_add_visible(&item, what, strlen(what));
	int width = text_width(text_string(&item), item.size);
	bool wraps = line->screen->width && line->used + 3 + width > line->screen->width;
	if (!line->empty) {
		text_printf(line->out, wraps ? "\n%*s" : "%*s", wraps ? INDENT : 3, "");
		line->used = wraps ? INDENT : line->used + 3;
	}
	tint = count == 0 ? TINT_FAINT : tint;
	tint_begin(line->out, line->screen, tint);
	text_add(line->out, text_string(&item));
	tint_end(line->out, line->screen, tint);
	line->used += width;
	line->empty = false;
	line->out->failed |= item.failed;
}

static void print_tasks(struct text *out, const struct condition *c,
			const struct screen *screen)
{
	struct line line = start_line(out, screen, "tasks");
	for (int state = STATE_READY; state < STATE_COUNT; state++) {
		add_item(&line, c->counts.by_state[state], state_word((enum state)state),
			 state_tint((enum state)state));
	}
	text_add(out, "\n");
}

static bool speaks_our_words(const struct counts *counts)
{
	bool ours = true;
	for (size_t i = 0; i < counts->native_count; i++) {
		const struct native_count *n = &counts->natives[i];
		ours &= n->state != STATE_NONE && string_equal(n->native, state_word(n->state));
	}
	return ours;
}

static void print_natives(struct text *out, const struct condition *c,
			  const struct screen *screen)
{
	if (speaks_our_words(&c->counts)) {
		return;
	}
	struct line line = start_line(out, screen, "by its states");
	for (size_t i = 0; i < c->counts.native_count; i++) {
		const struct native_count *n = &c->counts.natives[i];
		add_item(&line, n->count, n->native, state_tint(n->state));
	}
	text_add(out, "\n");
}

static void print_workers(struct text *out, const struct ledger *ledger,
			  const struct condition *c, const struct screen *screen)
{
	if (!ledger->plan->has_workers) {
		return;
	}
	struct line line = start_line(out, screen, "workers");
	add_item(&line, c->workers[WORKER_ACTIVE], "active", TINT_GOOD);
	add_item(&line, c->workers[WORKER_STALLED], "stalled", TINT_WARN);
	add_item(&line, c->workers[WORKER_STOPPED], "stopped", TINT_PLAIN);
	text_add(out, "\n");
}

static void print_claims(struct text *out, const struct condition *c,
			 const struct screen *screen)
{
	struct text TEXT_CLEANUP text = { 0 };
	text_printf(&text, "%" PRId64, c->counts.in_flight);
	if (c->oldest != NO_TIME) {
		text_add(&text, ", the oldest for ");
		duration_print_human(&text, c->oldest);
	}
	print_field(out, screen, "in flight", TINT_PLAIN, text_string(&text));
	text_clear(&text);
	text_printf(&text, "%" PRId64, c->stale);
	if (c->stale > 0) {
		text_add(&text, ", the oldest for ");
		duration_print_human(&text, c->overdue);
	}
	if (c->vetoed > 0) {
		text_printf(&text, "; %" PRId64 " more would be, but their workers prove alive",
			    c->vetoed);
	}
	if (c->grace) {
		text_add(&text, "; a grace holds some back");
	}
	print_field(out, screen, "stale", c->stale ? TINT_WARN : TINT_PLAIN,
		    text_string(&text));
	if (c->blind > 0) {
		text_clear(&text);
		text_printf(&text, "%" PRId64 " in flight that no rule can judge", c->blind);
		print_field(out, screen, "blind", TINT_BAD, text_string(&text));
	}
}

static void print_valve(struct text *out, const struct condition *c,
			const struct screen *screen)
{
	struct text TEXT_CLEANUP text = { 0 };
	if (!c->valve_holding) {
		return;
	}
	text_add(&text, "holds a mass expiry back until ");
	print_time(&text, c->valve_until);
	text_add(&text, " (in ");
	duration_print_human(&text, c->valve_until - c->now);
	text_add(&text, "); `sweep --force` opens it");
	print_field(out, screen, "valve", TINT_WARN, text_string(&text));
}

static void print_last_sweep(struct text *out, const struct ledger *ledger,
			     const struct condition *c, const struct screen *screen)
{
	struct text TEXT_CLEANUP text = { 0 };
	bool swept = c->turn.exists && c->turn.last_at != NO_TIME;
	bool late = swept && c->now - c->turn.last_at > 3 * ledger->profile->interval;
	if (!swept) {
		text_add(&text, "none recorded");
	} else {
		print_time(&text, c->turn.last_at);
		text_add(&text, " (");
		duration_print_human(&text, c->now - c->turn.last_at);
		text_add(&text, " ago)");
		summarize_sweep(&text, c->turn.last_result);
		text_printf(&text, "; by %s", c->turn.sweeper ? c->turn.sweeper : "-");
	}
	print_field(out, screen, "last sweep", late ? TINT_WARN : TINT_PLAIN,
		    text_string(&text));
}

void condition_print(struct text *out, const struct ledger *ledger, const struct condition *c,
		     const struct screen *screen)
{
	struct text TEXT_CLEANUP title = { 0 };
	print_time(&title, c->now);
	text_printf(out, "%s  ledger %s, ", text_string(&title), ledger->profile->name);
	text_add_visible(out, ledger->db->url->shown, strlen(ledger->db->url->shown));
	text_add(out, "\n");
	print_tasks(out, c, screen);
	print_natives(out, c, screen);
	print_workers(out, ledger, c, screen);
	print_claims(out, c, screen);
	print_valve(out, c, screen);
	print_last_sweep(out, ledger, c, screen);
	out->failed |= title.failed;
}
