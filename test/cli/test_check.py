"""What `check` finds: times against each other, what a ledger can't promise, and what the engine makes of the statements."""
import unittest

from scene import USAGE, Scene

SCHEMA = """
CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL, who TEXT, since INTEGER, beat INTEGER, lease INTEGER, tries INTEGER,
    error TEXT);
"""
PROFILE = """
ledger = "jobs"
table  = "jobs"
key    = {{ "id" }}
columns {{ state = "state" {columns} time = "epoch" }}
states {{ ready = {{ "new" }} running = {{ "run" }} completed = {{ "done" }} failed = {{ "bad" }} }}
{rules}
limits {{ {limits} }}
{more}
"""
OWNER = 'owner = "who" '
BEAT = 'beat_at = "beat" '
SILENT = 'rule silent { when = "heartbeat" after = "60s" then = "requeue" }'
OLD = 'rule old { when = "age" after = "1h" then = "requeue" }'


class Check(Scene):
    schema = SCHEMA

    def check(self, code=0, columns=OWNER + BEAT, rules=SILENT, limits="", more=""):
        path = self.folder / "jobs.conf"
        path.write_text(PROFILE.format(columns=columns, rules=rules, limits=limits, more=more), encoding="utf-8")
        path.chmod(0o600)
        self.answer = self.json("check", profile=path, code=code).answer
        return {(finding["subject"], finding["severity"]): finding for finding in self.answer["findings"]}

    def finds(self, subject, severity, part, **options):
        finding = self.check(**options).get((subject, severity))
        self.assertIsNotNone(finding, self.answer)
        self.assertIn(part, finding["message"])
        return finding

    def test_a_beat_and_its_threshold(self):
        refused = self.folder / "jobs.conf"
        refused.write_text(PROFILE.format(columns=OWNER + BEAT, rules=SILENT, limits='beat = "60s"', more=""), encoding="utf-8")
        refused.chmod(0o600)
        self.assertIn("must be longer than the beat of 1m", self.reclaim("check", profile=refused, code=USAGE).err)
        self.finds("silent", "warning", "less than three beats of 30s", limits='beat = "30s"')
        self.assertNotIn(("silent", "warning"), self.check(limits='beat = "20s"'))

    def test_a_threshold_and_the_lease(self):
        columns = OWNER + BEAT + 'lease_until = "lease" '
        ends = SILENT + '\nrule lease { when = "lease" then = "requeue" }'
        self.finds("silent", "warning", "is below the lease 2m: silence takes no claim", columns=columns, rules=ends,
                   limits='lease = "2m"')
        self.finds("silent", "note", "is above the lease 30s: it is for claims without a lease", columns=columns, rules=ends,
                   limits='lease = "30s"')
        self.finds("silent", "warning", "no rule looks at the lease", columns=columns, limits='lease = "30s"')

    def test_words_that_the_table_refuses(self):
        def remake(state):
            self.sql("DROP TABLE jobs")
            self.sql(f"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL {state}, who TEXT, since INTEGER, beat INTEGER)")

        remake("CHECK (state IN ('run', 'done', 'bad'))")
        self.finds("state", "warning", "takes no 'new', which the profile's requeue writes")
        remake("CHECK (state IN ('new', 'run', 'done', 'bad'))")
        self.assertNotIn(("state", "warning"), self.check())
        remake("CHECK (state IN ('run', 'done') OR who IS NULL) CHECK (state <> 'done' OR beat > 0)")
        self.assertNotIn(("state", "warning"), self.check())

    def test_a_cap_that_can_not_keep_up(self):
        self.sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                 " INSERT INTO jobs (id, state, who, beat) SELECT i, 'run', 'w', 9999999999 FROM n")
        self.finds("per_sweep", "warning", "5 every 1m: to recover all 500 claims in flight would take 1h40m",
                   limits='per_sweep = 5 interval = "1m"')
        self.assertNotIn(("per_sweep", "warning"), self.check(limits='per_sweep = 50 interval = "1m"'))

    def test_no_token(self):
        finding = self.finds("I1", "warning", "ends what the new owner is doing", columns=OWNER + BEAT)
        self.assertIn('columns { token = { "claims" } }', finding["message"])
        self.assertEqual(finding["fix"], "ALTER TABLE jobs ADD COLUMN claims integer NOT NULL DEFAULT 0")
        self.script(finding["fix"])  # it is SQL
        self.finds("I1", "note", "one holder", columns=OWNER + BEAT + 'token = { "claims" } ')
        finding = self.finds("I1", "warning", '{ token = { "who", "tries" } }', columns=OWNER + BEAT + 'attempts = "tries" ')
        self.assertIsNone(finding["fix"])
        self.finds("I1", "warning", '{ token = { "who", "since" } }', columns=OWNER + BEAT + 'claimed_at = "since" ')

    def test_no_sign_of_life(self):
        self.finds("signals", "note", "by the age of its claim alone", columns=OWNER + 'claimed_at = "since" ', rules=OLD)
        self.assertNotIn(("signals", "note"), self.check())

    def test_a_budget_that_the_audit_keeps(self):
        self.finds("I5", "note", "requeued for ever")
        self.assertNotIn(("I5", "note"), self.check(more='budget { recoveries = 3 kept = "audit" last_resort = "fail" }'))

    def test_an_index_that_our_renewals_write(self):
        columns = OWNER + 'claimed_at = "since" lease_until = "lease" token = { "tries" } '
        ends = 'rule lease { when = "lease" then = "requeue" }'
        self.script("CREATE INDEX jobs_lease ON jobs (lease); CREATE INDEX jobs_beat ON jobs (beat)")
        self.finds("jobs_lease", "note", "where the host's workers renew theirs", columns=columns, rules=ends)
        self.assertNotIn("jobs_beat", [subject for subject, _ in self.check(columns=columns, rules=ends)])
        self.finds("jobs_lease", "warning", "'lease', which every renewal writes", columns=columns, rules=ends,
                   more='verbs { renew { set = { "lease = {now+lease}" } } }')
        self.finds("jobs_beat", "warning", "'beat', which every beat writes")

    def test_blind_rows_are_named(self):
        for task, beat in ((1, None), (2, None), (3, 9999999999)):
            self.add("jobs", id=task, state="run", who="w", beat=beat)
        self.finds("blind", "warning", "2 in flight that no rule can judge: 1: every time that the rules look at is NULL; 2: every")

    def test_text_where_a_number_should_be(self):
        """SQLite keeps anything in any column: what can't be read is told of by the sweep, too, not by `explain` alone."""
        self.add("jobs", id=1, state="run", who="w", beat="2026-01-01 00:00:00")
        self.finds("beat", "error", "and the profile says 'epoch'", code=USAGE)
        answer = self.json("sweep", "--dry-run", profile=self.folder / "jobs.conf").answer
        self.assertEqual((answer["in_flight"], answer["stale"], answer["blind"]), (1, 0, 1))

    def test_times_of_different_zones(self):
        """Claimed hours before it was created: one of the columns is in no UTC, and a claim in it looks too old."""
        self.script("ALTER TABLE jobs ADD COLUMN created INTEGER")
        columns = OWNER + 'claimed_at = "since" created_at = "created" '
        self.add("jobs", id=1, state="run", who="w", since=1700000000, created=1700000000 + 300)
        self.assertNotIn(("clock", "warning"), self.check(columns=columns, rules=OLD))
        self.add("jobs", id=2, state="run", who="w", since=1700000000, created=1700000000 + 7 * 3600)
        self.finds("clock", "warning", "1 of 2 sample rows were claimed, or beat, before they were created", columns=columns,
                   rules=OLD)

    def test_statements_that_the_engine_refuses(self):
        for more, part in (('requeue { set = { "who == NULL" } }', "syntax error"),
                           ('requeue { set = { "who = nobody" } }', "nobody"),
                           ('requeue { run = { "UPDATE queues SET locked = NULL WHERE id = {old:id}" } }', "queues")):
            self.finds("requeue", "error", part, more=more, code=USAGE)
        self.assertNotIn(("requeue", "error"), self.check(more='requeue { set = { "who = NULL" } }'))

    def test_columns_that_are_not_there(self):
        """A typo in what is set would leave a column as it is, unseen."""
        self.script("CREATE TABLE dead (job INTEGER, why TEXT)")
        for more, part in (('requeue { set = { "woh = NULL" } }', "table 'jobs' has no column 'woh'; it has: id, state, who"),
                           ('fail { also dead { set = { "jbo = {old:id}" } } }', "table 'dead' has no column 'jbo'; it has: job")):
            path = self.folder / "jobs.conf"
            path.write_text(PROFILE.format(columns=OWNER + BEAT, rules=SILENT, limits="", more=more), encoding="utf-8")
            path.chmod(0o600)
            told = self.reclaim("check", profile=path, code=USAGE).err
            self.assertIn(part, told)
            self.assertRegex(told, r"jobs.conf:\d+: ")

    def test_the_plan_of_the_engine(self):
        """An index that is there, and of no use: its collation is another one."""
        self.sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)"
                 " INSERT INTO jobs (id, state, who, beat) SELECT i, CASE WHEN i = 7 THEN 'run' ELSE 'done' END, 'w', 1 FROM n")
        message = self.finds("plan", "warning", "to find the 1 in flight the engine reads all 12000 rows of 'jobs'")["message"]
        self.assertNotIn("an index is there", message)
        self.script("CREATE INDEX jobs_state ON jobs (state COLLATE NOCASE)")
        self.finds("plan", "warning", "an index is there, and it does not use it")
        self.script("CREATE INDEX jobs_in_flight ON jobs (state, beat)")
        self.assertNotIn(("plan", "warning"), self.check())


if __name__ == "__main__":
    unittest.main()
