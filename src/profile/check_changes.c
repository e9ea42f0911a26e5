/* Checks remedies, verbs and the budget against the states and columns that a profile maps. */
#include "check.h"

bool by_predicate(const struct profile *profile)
{
	return profile->predicates[STATE_RUNNING] != NULL;
}

/* Where no column holds the state, an assignment must make the other predicate hold. */
static bool changes_nothing(const struct profile *profile, const struct change *change)
{
	return by_predicate(profile) && change->set_count == 0;
}

bool check_remedy(struct checker *c, enum remedy remedy, int line, const char *whose)
{
	const struct change *change = &c->profile->remedies[remedy];
	const char *name = remedy_name(remedy), *word = state_word(remedy_state(remedy));
	if (remedy == REMEDY_REPORT || change->remove || change->call) {
		return true;
	}
	if (c->profile->states[remedy_state(remedy)].count == 0 && by_predicate(c->profile)) {
		return BAD(c, line,
			   "%s leads to '%s', which has no predicate; allowed: predicates { %s "
			   "= \"…\" }, %s { remove = true }, %s { call = \"…\" }, or another "
			   "remedy",
			   whose, word, word, name, name);
	}
	if (c->profile->states[remedy_state(remedy)].count == 0) {
		return BAD(c, line,
			   "%s leads to '%s', which has no native state; allowed: states { %s "
			   "= { \"…\" } }, %s { remove = true }, %s { call = \"…\" }, or "
			   "another remedy",
			   whose, word, word, name, name);
	}
	return !changes_nothing(c->profile, change) ||
	       BAD(c, line,
		   "%s leads to '%s' and changes nothing; allowed: %s { set = { \"column = "
		   "expression\" } }, with remove = true or call = \"…\" instead of set",
		   whose, word, name);
}

static bool check_kept(struct checker *c, const struct node *section)
{
	const struct profile *p = c->profile;
	if (!p->counts_recoveries) {
		return p->counts_within == NO_LIMIT ||
		       BAD(c, node_line(section, "within"),
			   "within has no meaning there; allowed: with kept = \"audit\"");
	}
	int line = node_line(section, "kept");
	if (p->roles[ROLE_RECOVERIES]) {
		return BAD(c, line,
			   "kept = \"audit\" and columns { recoveries } exclude each other; "
			   "allowed: one of them");
	}
	if (p->audit_is_log) {
		return BAD(c, line,
			   "kept = \"audit\" needs our audit table; allowed: without audit { "
			   "mode = \"log\" }");
	}
	if (p->policy.budget_recoveries == NO_LIMIT) {
		return BAD(c, line,
			   "kept = \"audit\" counts for nothing; allowed: with recoveries = N");
	}
	return p->counts_within == NO_LIMIT || p->counts_within <= p->keep ||
	       BAD(c, node_line(section, "within"),
		   "within is longer than the audit is kept; allowed: at most limits { keep }");
}

bool check_budget(struct checker *c)
{
	const struct profile *p = c->profile;
	const struct node *section = section_of(c, "budget");
	bool attempts = p->policy.budget_attempts != NO_LIMIT;
	bool recoveries = p->policy.budget_recoveries != NO_LIMIT;
	if (attempts && !p->roles[ROLE_ATTEMPTS]) {
		return BAD(c, node_line(section, "attempts"),
			   "a budget of attempts needs columns { attempts = \"…\" }");
	}
	if (recoveries && !p->roles[ROLE_RECOVERIES] && !p->counts_recoveries) {
		return BAD(c, node_line(section, "recoveries"),
			   "a budget of recoveries needs columns { recoveries = \"…\" }, or "
			   "kept = \"audit\"");
	}
	if (!check_kept(c, section)) {
		return false;
	}
	bool own = p->roles[ROLE_ATTEMPTS] && p->roles[ROLE_MAX_ATTEMPTS];
	bool limited = attempts || recoveries || own;
	return !limited ||
	       check_remedy(c, p->policy.last_resort, node_line(section, "last_resort"),
			    "the last resort of the budget");
}

/* The state column is written by itself, and a computed one is never written. */
static bool check_set(struct checker *c, const struct change *change)
{
	const char *state = c->profile->roles[ROLE_STATE];
	for (size_t i = 0; i < change->set_count; i++) {
		if (profile_computed(c->profile, change->set[i].column)) {
			return BAD(c, change->set[i].line,
				   "set names '%s', which is computed; allowed: columns of the "
				   "table",
				   change->set[i].column);
		}
		if (string_equal(change->set[i].column, state)) {
			return BAD(
				c, change->set[i].line,
				"set names the state column '%s', which is written by itself; "
				"allowed: native = \"…\" to write another state",
				state);
		}
		if (names_have(&c->profile->key, change->set[i].column)) {
			return BAD(
				c, change->set[i].line,
				"set names '%s', which is in the key; allowed: what does not "
				"make another task of it",
				change->set[i].column);
		}
	}
	return true;
}

static bool check_native(struct checker *c, const struct change *change, enum state to,
			 const struct node *section)
{
	const struct names *names = &c->profile->states[to];
	if (!change->native) {
		return true;
	}
	if (by_predicate(c->profile)) {
		return BAD(c, node_line(section, "native"),
			   "native in %s has no meaning with predicates; allowed: set = { … }",
			   section->name);
	}
	if (names_have(names, change->native)) {
		return true;
	}
	TEXT_CLEANUP struct text allowed = { 0 };
	for (size_t i = 0; i < names->count; i++) {
		text_printf(&allowed, "%s%s", i == 0 ? "" : ", ", names->items[i]);
	}
	return value_problem(c->reader, section, "native", 0, change->native,
			     "is no native state of '%s'; allowed: %s", state_word(to),
			     text_string(&allowed));
}

/* One change does one thing: it sets, removes, or calls. */
static bool check_kind(struct checker *c, const struct change *change,
		       const struct node *section)
{
	const char *kind = change->call ? "call" : "remove";
	static const char *const others[] = { "set", "native", "remove" };
	if (!change->call && !change->remove) {
		return true;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		bool other = i == 2 ? change->call && change->remove
				    : node_child(section, others[i], 0) != NULL;
		if (other) {
			return BAD(c, node_line(section, others[i]),
				   "%s and %s in %s exclude each other; allowed: one of set "
				   "(with native), remove, call",
				   others[i], kind, section->name);
		}
	}
	return true;
}

static bool check_remedies(struct checker *c)
{
	for (unsigned i = REMEDY_REQUEUE; i < REMEDY_COUNT; i++) {
		const struct change *change = &c->profile->remedies[i];
		enum remedy remedy = (enum remedy)i;
		const char *name = remedy_name(remedy);
		const struct node *section = node_child(c->reader->root, name, 0);
		if (!section) {
			continue;
		}
		if (!check_kind(c, change, section) ||
		    !check_remedy(c, remedy, section->line, name) || !check_set(c, change) ||
		    !check_native(c, change, remedy_state(remedy), section)) {
			return false;
		}
	}
	return true;
}

static bool check_verb(struct checker *c, enum verb verb, const struct node *section)
{
	const struct change *change = &c->profile->verbs[verb];
	bool otherwise = change->remove || change->call;
	if (!otherwise && change->to != STATE_NONE &&
	    c->profile->states[change->to].count == 0) {
		return BAD(
			c, section->line,
			"%s leads to '%s', which has no native state; allowed: those in states "
			"{ … }",
			verb_name(verb), state_word(change->to));
	}
	if (!otherwise && changes_nothing(c->profile, change)) {
		return BAD(c, section->line,
			   "%s changes nothing; allowed: set = { \"column = expression\" }, "
			   "remove = true, call = \"…\"",
			   verb_name(verb));
	}
	if (change->remove && (verb == VERB_CLAIM || verb == VERB_RENEW)) {
		return BAD(c, node_line(section, "remove"),
			   "remove in %s takes the row from its worker; allowed: in complete, "
			   "fail, reschedule, release, retry, cancel",
			   verb_name(verb));
	}
	if (change->from == 0) {
		return BAD(c, section->line,
			   "%s starts from no state that the ledger has; allowed: from = { … }",
			   verb_name(verb));
	}
	if (verb == VERB_CLAIM && c->profile->token.count == 0) {
		return BAD(
			c, section->line,
			"verbs need to know a claim again; allowed: columns { token = { … } } "
			"with what a claim changes and a renewal does not");
	}
	return check_kind(c, change, section) && check_set(c, change) &&
	       check_native(c, change, change->to, section);
}

static bool check_verbs(struct checker *c)
{
	const struct node *verbs = node_child(c->reader->root, "verbs", 0);
	for (unsigned i = 0; verbs && i < VERB_COUNT; i++) {
		const struct node *section = node_child(verbs, verb_name((enum verb)i), 0);
		if (section && !check_verb(c, (enum verb)i, section)) {
			return false;
		}
	}
	return true;
}

bool check_changes(struct checker *c)
{
	return check_remedies(c) && check_verbs(c);
}
