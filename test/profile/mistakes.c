/* The table of mistakes. HEAD is lines 1 to 4, and each of COLUMNS, STATES and RULE is one line. */
#include "mistakes.h"

#define HEAD "# mine\nledger = \"mine\"\ntable = \"jobs\" /* a\n*/ key = { \"id\" }\n"
#define COLUMNS                                                                                \
	"columns { state = \"s\" owner = \"o\" claimed_at = \"c\" beat_at = \"b\" error = "    \
	"\"e\" token = \"t\" }\n"
#define STATES "states { ready = \"r\" running = { \"x\", \"y\" } failed = { \"f\" } }\n"
#define RULE "rule a { when = \"age\" after = \"1h\" then = \"requeue\" }\n"
#define TOP HEAD COLUMNS STATES
#define ALL TOP RULE
#define WITH_RULE(text) TOP "rule a {\n" text "\n}\n"

const struct mistake mistakes[] = {
	/* what libConfuse takes without a word */
	{ ALL "limits { beat = \"1s\"\n", 8, "limits is not closed", "}" },
	{ ALL "workers {\nbeat = { \"a = 1\"\n", 9, "list beat is not closed", "}" },
	{ ALL "rule a { when = \"age\" after = \"2h\" then = \"fail\" }\n", 8,
	  "rule a is here a second time", "line 7" },
	{ ALL "limits { }\n\nlimits { }\n", 10, "limits is here a second time", "line 8" },
	{ ALL "table = \"other\"\n", 8, "table is here a second time", "line 3" },
	{ ALL "claims = \"${HOME} = 1\"\n", 8, "${", "environment" },
	{ ALL "claims = ${HOME}\n", 8, "'$' can't stand here", "letters" },
	{ ALL "limits { per_sweep = *5 }\n", 8, "'*' can't stand here", "letters" },
	{ ALL "claims = \"a = 1\n", 8, "string", "\"" },
	{ ALL "claims = 'a\n", 8, "string", "'" },
	{ ALL "claims = \"a\\tb\"\n", 8, "backslash", "allowed: \\\\" },
	{ ALL "/* never closed\n\n", 8, "comment is not closed", "/*" },
	{ ALL "}\n", 8, "closes no section", "" },
	{ ALL "key += { \"x\" }\n", 8, "'+' can't stand here", "letters" },
	{ ALL "claims =\n", 8, "claims has no value", "claims = \"…\"" },
	{ ALL "claims\n", 8, "claims needs a value or a body", "claims = \"…\"" },
	{ ALL "claims = \"a\x01\"\n", 8, "control character", "one line" },
	{ ALL "claims = \"a\xff\"\n", 8, "not text", "UTF-8" },
	{ ALL "columns|state = \"x\"\n", 8, "'|' can't stand here", "letters" },

	/* places that are counted */
	{ "ledger = \"m\"\ntable = \"t\"\nkey = { \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", "
	  "\"7\", \"8\", \"9\" }\n" COLUMNS STATES RULE,
	  3, "key has 9 columns", "allowed: 1 to 8" },
	{ HEAD "columns { state = \"s\" claimed_at = \"c\"\ntoken = { \"1\", \"2\", \"3\", "
	       "\"4\", \"5\", \"6\", \"7\", \"8\", \"9\" } }\n" STATES RULE,
	  6, "token has 9 columns", "allowed: 1 to 8" },

	/* words and places */
	{ WITH_RULE("whne = \"age\" then = \"fail\""), 8, "unknown option 'whne' in rule 'a'",
	  "allowed: when, of, after, after_column, inclusive, where, from, missing, unless, "
	  "then, reason, spent_reason, error, spent_error, setting, override; did you mean "
	  "'when'?" },
	{ ALL "worker { }\n", 8, "unknown section 'worker' in the profile",
	  "did you mean 'workers'?" },
	{ ALL "limits = \"5\"\n", 8, "limits is a section", "limits { … }" },
	{ ALL "claims { }\n", 8, "claims is an option", "claims = \"…\"" },
	{ ALL "limits big { }\n", 8, "'big' stands there", "limits { … }" },
	{ ALL "rule { when = \"age\" }\n", 8, "rule needs a name", "rule NAME { … }" },
	{ ALL "rule \"\" { when = \"age\" }\n", 8, "name '' of rule", "1 to 128 bytes" },
	{ ALL "claims = { \"a\", \"b\" }\n", 8, "takes one value", "claims = \"…\"" },
	{ WITH_RULE("\n\nwhen = \"sometimes\" then = \"fail\""), 10,
	  "when = \"sometimes\" in rule 'a' is unknown",
	  "allowed: deadline, age, lease, heartbeat, worker, evidence" },
	{ WITH_RULE("when = \"age\" after = \"1h\"\nthen = \"retry\""), 9, "then = \"retry\"",
	  "allowed: report, requeue, fail, stuck" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nfrom = { "
		    "\"running\",\n\"waiting\" }"),
	  10, "from = \"waiting\"",
	  "allowed: ready, running, completed, failed, cancelled, stuck" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nof = { \"seen\" }"), 9,
	  "of = \"seen\"", "allowed: claimed_at, beat_at, lease_until, deadline, updated_at" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nunless = \"dead\""), 9,
	  "unless = \"dead\"", "allowed: never, alive" },
	{ HEAD "columns { state = \"s\"\ntime = \"local\" }\n" STATES RULE, 6,
	  "time = \"local\" in columns",
	  "allowed: auto, timestamp-utc, timestamptz, rfc3339, iso, epoch, epoch-ms, "
	  "epoch-us" },

	{ HEAD "columns { state = \"s\" claimed_at = \"c\"\ntime = \"native\" }\n" STATES RULE,
	  6, "is for our own ledger", "timestamp-utc" },

	/* what is missing */
	{ "ledger = \"mine\"\ntable = \"t\"\n" COLUMNS STATES RULE, 1,
	  "the profile lacks 'key'", "key = \"…\"" },
	{ "ledger = \"mine\"\nkey = \"t\"\n" COLUMNS STATES RULE, 1,
	  "the profile lacks 'table'", "table = \"…\"" },
	{ HEAD "columns { owner = \"o\" }\n" STATES RULE, 5, "columns lacks 'state'",
	  "state = \"…\"" },
	{ HEAD COLUMNS RULE, 1, "the profile lacks 'states'", "states { … }" },
	{ TOP, 1, "the profile lacks 'rule'", "rule NAME { … }" },
	{ HEAD COLUMNS "\nstates { ready = \"r\" }\n" RULE, 7, "states lacks 'running'",
	  "running = {" },
	{ WITH_RULE("when = \"age\" then = \"fail\""), 7, "rule 'a' lacks 'after'",
	  "after = " },
	{ WITH_RULE("after = \"1h\" then = \"fail\""), 7, "rule 'a' lacks 'when'", "when = " },
	{ ALL "workers { table = \"w\"\nkey = \"k\" }\n", 8, "workers lacks 'seen'",
	  "seen = \"…\"" },
	{ "ledger = \"mine\"\ntable = \"t\"\nkey = { }\n" COLUMNS STATES RULE, 3,
	  "key is empty", "{ \"…\"" },

	/* values */
	{ WITH_RULE("when = \"age\"\nafter = \"5 minutes\" then = \"fail\""), 9,
	  "after = \"5 minutes\" in rule 'a' is not a duration", "allowed: 250ms, 30s, 10m" },
	{ WITH_RULE("when = \"age\"\nafter = \"0s\" then = \"fail\""), 9, "longer than 0",
	  "allowed: 250ms" },
	{ WITH_RULE("when = \"age\"\nafter = \"-5s\" then = \"fail\""), 9, "after = \"-5s\"",
	  "allowed: 250ms" },
	{ ALL "limits {\nper_sweep = many\n}\n", 9,
	  "per_sweep = \"many\" in limits is not a number", "\"off\"" },
	{ ALL "limits {\nper_sweep = -1\n}\n", 9, "per_sweep = \"-1\"", "0 to 1000000000" },
	{ ALL "limits { per_sweep = 99999999999999999999 }\n", 8, "per_sweep",
	  "0 to 1000000000" },
	{ ALL "limits {\n\nvalve_fraction = 1.5 }\n", 10, "valve_fraction = \"1.5\"",
	  "0 to 1" },
	{ ALL "limits { interval = \"0\" }\n", 8, "interval = \"0\"", "allowed: 250ms" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\" inclusive = \"yes\""), 8,
	  "inclusive = \"yes\"", "true, false" },
	{ HEAD "columns { state = \"s\"\nowner = \"\" }\n" STATES RULE, 6,
	  "owner = \"\" in columns", "1 to 128 bytes" },
	{ HEAD "columns { state = \"s\"\nowner = \"o\x1b\" }\n" STATES RULE, 6,
	  "owner = \"o\\x1b\"", "1 to 128 bytes" },
	{ HEAD "columns { state = \"s\"\nowner = \""
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	       "aaaaaaaaaaaaaaaaaaaaa"
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" }\n" STATES RULE,
	  6, "is not a name", "1 to 128 bytes" },
	{ "ledger = \"mine\"\ntable = \"t\"\nkey = { \"a\",\n\"a\" }\n" COLUMNS STATES RULE, 4,
	  "key = \"a\"", "each name once" },

	/* rules against the rest */
	{ WITH_RULE("when = \"lease\" then = \"requeue\""), 7, "rule 'a' (lease) needs",
	  "lease_until" },
	{ WITH_RULE("when = \"deadline\" then = \"fail\""), 7, "rule 'a' (deadline) needs",
	  "columns { deadline" },
	{ WITH_RULE("when = \"worker\" after = \"1h\" then = \"requeue\""), 7, "needs workers",
	  "table" },
	{ WITH_RULE("when = \"evidence\" then = \"requeue\""), 7, "has none to look at",
	  "probe" },
	{ WITH_RULE("when = \"heartbeat\" of = { \"updated_at\" } after = \"1h\" then = "
		    "\"requeue\""),
	  7, "(heartbeat) needs", "updated_at" },
	{ HEAD
	  "columns { state = \"s\" claimed_at = \"c\" }\n" STATES
	  "rule a { when = \"age\" after = \"1h\" unless = \"alive\" then = \"requeue\" }\n",
	  7, "(age) needs", "owner" },
	{ WITH_RULE("when = \"heartbeat\"\nafter = \"10s\" then = \"requeue\"") "limits { beat "
										"= \"10s\" }\n",
	  9, "rule 'a': after = 10s must be longer than the beat of 10s", "" },
	{ WITH_RULE("when = \"heartbeat\" after = \"1m\" then = \"requeue\"\noverride { kind = "
		    "\"k\"\nafter = \"5s\" }") "limits { beat = \"10s\" }\n",
	  10, "rule 'a': after = 5s must be longer than the beat of 10s", "" },
	{ WITH_RULE("when = \"age\" after = \"1h\"\nthen = \"stuck\""), 9,
	  "rule 'a' leads to 'stuck'", "states { stuck" },
	{ HEAD COLUMNS "states { running = \"x\" }\n" RULE, 7, "rule 'a' leads to 'ready'",
	  "states { ready" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nfrom = { \"stuck\" }"), 9,
	  "is from 'stuck'", "states" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nfrom = { \"failed\" }"), 9,
	  "for ever", "ready, running" },
	{ HEAD COLUMNS "states { ready = \"r\"\nrunning = { \"x\",\n\"r\" } }\n" RULE, 8,
	  "running = \"r\" in states", "'ready'" },
	{ HEAD "columns { state = \"s\" claimed_at = \"c\" }\n" STATES
	       "rule a { when = \"age\" after = \"1h\" then = \"fail\"\nerror = \"late\" }\n",
	  8, "nothing takes it", "columns { error" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nmissing = \"stale\""), 9,
	  "no meaning", "worker" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nspent_error = \"e\""), 9,
	  "no meaning", "requeue" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\n\noverride { after = "
		    "\"2h\" }"),
	  10, "names nothing", "kind" },
	{ ALL "budget {\nattempts = 3 }\n", 9, "budget of attempts needs", "attempts" },
	{ ALL "budget {\nattempts = 0 }\n", 9, "attempts = \"0\"", "1 to" },
	{ ALL "budget {\nattempts = column }\n", 9, "attempts = \"column\"", "max_attempts" },
	{ HEAD "columns { state = \"s\" claimed_at = \"c\" recoveries = \"n\" }\n" STATES RULE
	       "budget { recoveries = 3 }\n",
	  8, "last resort of the budget leads to 'stuck'", "another remedy" },

	/* SQL and messages */
	{ ALL "requeue { set = {\n\"a = 1\",\n\"b\" } }\n", 10, "is no assignment",
	  "column = expression" },
	{ ALL "requeue { set = {\n\"a = \" } }\n", 9, "no expression", "column = expression" },
	{ ALL "requeue { set = {\n\"a = {nwo}\" } }\n", 9, "{nwo}", "{now} {now+lease}" },
	{ ALL "requeue { set = {\n\"a = {old:a}\" } }\n", 9, "{old:a}", "{now} {now+lease}" },
	{ ALL "requeue { set = {\n\"a = '{owner}'\" } }\n", 9, "brace inside quotes",
	  "outside of quotes" },
	{ ALL "requeue { set = {\n\"a = 1; DROP TABLE x\" } }\n", 9, "has a ';'",
	  "one SQL expression" },
	{ ALL "requeue { set = {\n\"a = 1 -- b\" } }\n", 9, "has a '--'",
	  "one SQL expression" },
	{ ALL "requeue { set = {\n\"a = (1\" } }\n", 9, "open parenthesis", "" },
	{ ALL "requeue { set = {\n\"a = 'b\" } }\n", 9, "open quote", "" },
	{ ALL "requeue { set = {\n\"a = 1, b = 2\",\n\"a = 3\" } }\n", 10, "a second time",
	  "line 9" },
	{ ALL "requeue { set = {\n\"s = 'r'\" } }\n", 9, "state column 's'", "native" },
	{ ALL "requeue {\nnative = \"q\" }\n", 9, "native = \"q\" in requeue", "allowed: r" },
	{ ALL "requeue { also x {\noptional = true } }\n", 8, "also 'x' lacks 'set'",
	  "set = " },
	{ ALL "stuck { }\n", 8, "stuck leads to 'stuck'", "states { stuck" },
	{ ALL "verbs { claim {\nwhere = \"a = {id}\" } }\n", 9, "{id}", "{owner} {now}" },
	{ ALL "verbs {\ncancel { } }\n", 9, "cancel leads to 'cancelled'", "states" },
	{ ALL "verbs { submit { } }\n", 8, "unknown section 'submit' in verbs",
	  "claim, renew, complete" },
	{ HEAD "columns { state = \"s\" claimed_at = \"c\" }\n" STATES RULE
	       "verbs { claim { } }\n",
	  8, "know a claim again", "token" },
	{ ALL "audit { table = \"x\" }\n", 8, "audit lacks 'set'", "mode = \"log\"" },
	{ ALL "audit {\nmode = \"none\" }\n", 9, "mode = \"none\"", "table, log" },
	{ ALL "error { mode = \"add\" }\n", 8, "mode = \"add\"", "replace, append" },
	{ WITH_RULE("when = \"age\" after = \"1h\" then = \"fail\"\nreason = \"by {woner}\""),
	  9, "bad hole at byte 4", "{id} {owner}" },
	{ ALL "messages {\ndone { text = \"{reclaimed}\" }\n}\n", 9, "bad hole", "{count}" },
	{ ALL "messages {\ntask { text = \"x\" rule = \"b\" }\n}\n", 9,
	  "rule = \"b\" in task is no rule", "allowed: a" },
	{ ALL "messages {\nstart { text = \"x\" }\n}\n", 9,
	  "unknown section 'start' in messages", "did you mean 'started'?" },
	{ ALL "results {\nx = \"b\" }\n", 9, "x = \"b\" in results counts nothing",
	  "a, taken, requeued" },
	{ ALL "environment {\ntimeout = \"X\" }\n", 9, "setting 'timeout'",
	  "interval, lease, per_sweep" },
	{ ALL "environment {\nrule.b.after = \"X\" }\n", 9, "setting 'rule.b.after'",
	  "rule.NAME.after" },
	{ ALL "environment {\ninterval = \"1X\" }\n", 9, "interval = \"1X\"",
	  "letters, digits" },
	{ ALL "recover { of = \"lease_until\" after = \"1m\" }\n", 8, "recover needs",
	  "lease_until" },
	{ ALL "cleanup {\nby = \"updated_at\" after = \"1m\" }\n", 9, "cleanup needs",
	  "updated_at" },
	{ ALL "migration {\ncolumn x { type = \"blub\" }\n}\n", 9,
	  "type = \"blub\" in column 'x'", "text, integer" },
	{ ALL "migration {\nindex x { where = \"a\" }\n}\n", 9, "index 'x' lacks 'on'",
	  "on = " },
	{ ALL "migration {\nscripts = { \"../x\" }\n}\n", 9, "scripts = \"../x\"", "a-z" },
	{ ALL "probe {\ncommand = { \"/bin/true\" }\n}\n", 9, "asks about nobody", "{owner}" },
	{ ALL "workers { table = \"w\" key = \"k\" seen = \"s\" stalled = \"x\" }\n", 8,
	  "no column for them", "state = " },
	{ ALL "workers { table = \"w\" key = \"k\" seen = \"s\" state = \"l\" active = "
	      "\"x\"\nstalled = \"x\" }\n",
	  9, "stalled = \"x\" in workers", "'active'" },
};

const size_t mistake_count = sizeof(mistakes) / sizeof(*mistakes);
