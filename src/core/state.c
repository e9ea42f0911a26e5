/* The table of transitions, what may be asked of it, and its picture. */
#include "state.h"

static const char *const state_words[STATE_COUNT] = {
	[STATE_NONE] = "none",       [STATE_READY] = "ready",
	[STATE_RUNNING] = "running", [STATE_COMPLETED] = "completed",
	[STATE_FAILED] = "failed",   [STATE_CANCELLED] = "cancelled",
	[STATE_STUCK] = "stuck",
};

static const char *const act_words[ACT_COUNT] = {
	[ACT_CLAIM] = "claim",     [ACT_COMPLETE] = "complete", [ACT_FAIL] = "fail",
	[ACT_RELEASE] = "release", [ACT_DEADLINE] = "deadline", [ACT_RECOVER] = "recover",
	[ACT_CANCEL] = "cancel",   [ACT_RETRY] = "retry",
};

static const struct transition table[] = {
	{ STATE_READY, STATE_RUNNING, ACT_CLAIM },
	{ STATE_READY, STATE_FAILED, ACT_DEADLINE },
	{ STATE_READY, STATE_CANCELLED, ACT_CANCEL },
	/* Late but unclaimed work is kept (I14): the statement asks for a recovery and for no claim since. */
	{ STATE_READY, STATE_COMPLETED, ACT_COMPLETE },
	/* A host may keep claims on tasks that are ready. */
	{ STATE_READY, STATE_READY, ACT_RECOVER, .host_only = true },
	{ STATE_READY, STATE_FAILED, ACT_RECOVER, .host_only = true },
	{ STATE_READY, STATE_STUCK, ACT_RECOVER, .host_only = true },
	{ STATE_READY, STATE_CANCELLED, ACT_RECOVER, .host_only = true },

	{ STATE_RUNNING, STATE_COMPLETED, ACT_COMPLETE },
	{ STATE_RUNNING, STATE_FAILED, ACT_FAIL },
	{ STATE_RUNNING, STATE_FAILED, ACT_DEADLINE },
	{ STATE_RUNNING, STATE_FAILED, ACT_RECOVER },
	{ STATE_RUNNING, STATE_CANCELLED, ACT_CANCEL },
	{ STATE_RUNNING, STATE_READY, ACT_FAIL },
	{ STATE_RUNNING, STATE_READY, ACT_RELEASE },
	{ STATE_RUNNING, STATE_READY, ACT_RECOVER },
	{ STATE_RUNNING, STATE_STUCK, ACT_RECOVER },
	{ STATE_RUNNING, STATE_CANCELLED, ACT_RECOVER, .host_only = true },

	{ STATE_STUCK, STATE_COMPLETED, ACT_COMPLETE },
	{ STATE_STUCK, STATE_FAILED, ACT_DEADLINE },
	{ STATE_STUCK, STATE_FAILED, ACT_FAIL, .host_only = true },
	{ STATE_STUCK, STATE_CANCELLED, ACT_CANCEL },
	{ STATE_STUCK, STATE_READY, ACT_RETRY },

	{ STATE_COMPLETED, STATE_READY, ACT_RETRY },
	{ STATE_FAILED, STATE_READY, ACT_RETRY },
	{ STATE_CANCELLED, STATE_READY, ACT_RETRY },
};
#define TRANSITION_COUNT (sizeof table / sizeof *table)

const char *state_word(enum state state)
{
	return state_words[state];
}

bool state_parse(const char *word, enum state *ret_state)
{
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		if (string_equal(word, state_words[state])) {
			*ret_state = (enum state)state;
			return true;
		}
	}
	return false;
}

bool state_is_terminal(enum state state)
{
	return state == STATE_COMPLETED || state == STATE_FAILED || state == STATE_CANCELLED;
}

const char *act_word(enum act act)
{
	return act_words[act];
}

const struct transition *transitions(size_t *ret_count)
{
	*ret_count = TRANSITION_COUNT;
	return table;
}

enum move state_move(enum state from, enum state to, enum act act, bool host)
{
	for (size_t i = 0; i < TRANSITION_COUNT; i++) {
		const struct transition *t = &table[i];
		if (t->from == from && t->to == to && t->act == act &&
		    (host || !t->host_only)) {
			return MOVE_ALLOWED;
		}
	}
	return from == to && from != STATE_NONE ? MOVE_REPLAY : MOVE_REFUSED;
}

static bool same_edge(const struct transition *a, const struct transition *b)
{
	return a->from == b->from && a->to == b->to && a->host_only == b->host_only;
}

static bool is_drawn(size_t i)
{
	for (size_t earlier = 0; earlier < i; earlier++) {
		if (same_edge(&table[earlier], &table[i])) {
			return true;
		}
	}
	return false;
}

static void draw_edge(struct text *out, size_t first)
{
	const struct transition *edge = &table[first];
	text_printf(out, "\t%s -> %s [label=\"", state_word(edge->from), state_word(edge->to));
	for (size_t i = first; i < TRANSITION_COUNT; i++) {
		if (!same_edge(&table[i], edge)) {
			continue;
		}
		bool late = table[i].act == ACT_COMPLETE && edge->from != STATE_RUNNING;
		text_printf(out, "%s%s%s", i > first ? "\\n" : "", late ? "late " : "",
			    act_word(table[i].act));
	}
	text_add_char(out, '"');
	if (edge->host_only) {
		text_add(out, ", style=dashed");
	}
	if (edge->act == ACT_RETRY) {
		text_add(out, ", color=gray50, fontcolor=gray50, constraint=false");
	}
	text_add(out, "];\n");
}

void state_dot(struct text *out)
{
	text_add(out, "digraph task {\n"
		      "\trankdir=LR;\n"
		      "\tlabel=\"solid: every ledger; dashed: a host's ledger only\";\n"
		      "\tnode [shape=circle, fixedsize=true, width=1.2];\n"
		      "\tsubmit [shape=plaintext];\n");
	for (unsigned state = STATE_READY; state < STATE_COUNT; state++) {
		bool terminal = state_is_terminal((enum state)state);
		text_printf(out, "\t%s%s;\n", state_words[state],
			    terminal ? " [shape=doublecircle]" : "");
	}
	text_add(out, "\tsubmit -> ready;\n");
	for (size_t i = 0; i < TRANSITION_COUNT; i++) {
		if (!is_drawn(i)) {
			draw_edge(out, i);
		}
	}
	text_add(out, "}\n");
}
