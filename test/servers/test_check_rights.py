"""The rights and findings that `check` tells of hosts' ledgers on PostgreSQL: exactly what a sweep needs, and no more."""
import unittest

import host_absurd
import host_pgmq
import host_que
from engines import OnPostgres
from scene import DONE

# The columns and functions of a BullMQ schema that the profile names.
BULLMQ = """
CREATE SCHEMA bullmq;
CREATE TABLE bullmq.job (queue text, id text, state text NOT NULL DEFAULT 'waiting', name text, data jsonb, priority integer,
    seq bigint, lock_token text, locked_until_ms bigint, stalled_marked boolean, attempts_started integer NOT NULL DEFAULT 0,
    stalled_count integer NOT NULL DEFAULT 0, processed_by text, processed_at_ms bigint, added_at_ms bigint, finished_at_ms bigint,
    deferred_failure text, scheduler_id text, PRIMARY KEY (queue, id));
CREATE INDEX job_lock ON bullmq.job (queue, locked_until_ms) WHERE state = 'active';
CREATE SEQUENCE bullmq.job_seq;
CREATE TABLE bullmq.scheduler (queue text, scheduler_id text);
CREATE TABLE bullmq.event (queue text, event text, data jsonb);
CREATE FUNCTION bullmq.publish_event(queue text, event text, data jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER
    AS $$ INSERT INTO bullmq.event VALUES (queue, event, data) $$;
REVOKE EXECUTE ON FUNCTION bullmq.publish_event FROM PUBLIC;
"""
CLAIM = "UPDATE bullmq.job SET state = 'active', lock_token = 't', locked_until_ms = 1, stalled_marked = true, attempts_started = 1"
PATIENCE = """
ledger = "jobs"
table  = "jobs"
key    = { "id" }
columns { state = "state" claimed_at = "since" time = "timestamptz" }
states { ready = { "new" } running = { "run" } }
rule own { when = "age" after = "never" after_column = "patience" then = "requeue" }
rule most { when = "age" after = "1h" after_column = "patience" then = "requeue" }
limits { interval = "60s" }
"""


class Rights(OnPostgres):
    def tables(self):
        return ""

    def check(self, profile, schema="SELECT 1", **options):
        self.profile = profile
        self.sql(schema)
        return self.json("check", **options).answer

    def findings(self, answer, subject):
        return [(each["severity"], each["message"]) for each in answer["findings"] if each["subject"] == subject]

    def role(self, grants=()):
        self.sql("CREATE ROLE sweeper LOGIN")
        self.addCleanup(self.sql, "DROP OWNED BY sweeper; DROP ROLE sweeper")
        for grant in grants:
            self.sql(grant)
        return {"RECLAIM_DB": self.url_at(self.server.port, "sweeper")}

    def test_who_only_reports_changes_nothing(self):
        grants = self.check("que", host_que.SCHEMA)["grants"]
        self.assertEqual(grants, [
            'GRANT USAGE ON SCHEMA "public" TO sweeper',
            'GRANT USAGE ON SCHEMA "reclaim" TO sweeper',
            'GRANT SELECT ON "public"."que_jobs" TO sweeper',
            'GRANT SELECT ON "public"."que_lockers" TO sweeper',
            'GRANT SELECT, INSERT ON "reclaim"."events" TO sweeper',
            'GRANT SELECT, INSERT, UPDATE ON "reclaim"."ledgers" TO sweeper',
        ])
        self.reclaim("init")
        self.sql("INSERT INTO que_jobs (id, job_class, job_schema_version) VALUES (7, 'MailJob', 2)")
        sweeper = self.role(grants)
        with self.holding("SELECT pg_advisory_lock(7)"):
            for _ in range(2):
                self.assertEqual(self.json("sweep", env=sweeper).answer["reported"], 1)
            self.assertEqual(len(self.json("audit").rows), 1)
        self.assertEqual(self.findings(self.check("que", env=sweeper), "rights"), [])

    def test_functions_and_sequences(self):
        grants = self.check("bullmq-postgres", BULLMQ)["grants"]
        self.assertIn("GRANT EXECUTE ON FUNCTION bullmq.publish_event(text, text, jsonb) TO sweeper", grants)
        self.assertIn("GRANT USAGE ON SEQUENCE bullmq.job_seq TO sweeper", grants)
        self.assertNotIn("pg_notify", str(grants))
        self.assertNotIn("pg_catalog", str(grants))
        self.assertEqual(len(set(grants)), len(grants))
        self.reclaim("init")
        self.sql("INSERT INTO bullmq.job (queue, id) VALUES ('mail', '1')")
        sweeper = self.role(grants)
        for grant in grants:
            with self.subTest(grant=grant):
                self.sql(CLAIM)
                self.sql(grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
                self.assertNotEqual(self.reclaim("sweep", env=sweeper, code=None).code, DONE)
                if "FUNCTION" in grant or "SEQUENCE" in grant:
                    findings = self.check("bullmq-postgres", env=sweeper)["findings"]
                    self.assertEqual([each["fix"] for each in findings if each["subject"] == "rights"], [grant])
                self.sql(grant)
                self.assertEqual(self.json("sweep", env=sweeper).answer["requeued"], 1)
        self.assertEqual(self.value("SELECT state || count(e) FROM bullmq.job, bullmq.event AS e GROUP BY state"), f"waiting{len(grants)}")

    def test_a_function_with_its_callers_rights(self):
        grants = self.check("absurd", host_absurd.SCHEMA)["grants"]
        function = "FUNCTION absurd.fail_run(text, uuid, jsonb, timestamp with time zone)"
        self.assertEqual(grants[-2:], [f"GRANT EXECUTE ON {function} TO sweeper", f"-- and what {function} does: it has its caller's rights"])

    def test_an_index_on_the_end_of_a_claim(self):
        """Whether a host's workers renew their claims nobody can see; what our own verbs write is known."""
        for profile, schema, index in (("absurd", host_absurd.SCHEMA, "r_default_cei"), ("pgmq", host_pgmq.SCHEMA, "q_default_vt_idx"),
                                       ("bullmq-postgres", BULLMQ, "job_lock")):
            (severity, message), = self.findings(self.check(profile, schema), index)
            self.assertEqual(severity, "note")
            self.assertIn("where the host's workers renew theirs", message)

    def test_a_budget_of_the_hosts(self):
        (severity, message), = self.findings(self.check("bullmq-postgres", BULLMQ), "I5")
        self.assertEqual(severity, "note")
        self.assertIn("counts in 'stalled_count', and what ends a task that kills its workers is up to the host", message)

    def test_thresholds_of_rows(self):
        profile = self.folder / "jobs.conf"
        profile.write_text(PATIENCE, encoding="utf-8")
        profile.chmod(0o600)
        own, most = self.check(profile, "CREATE TABLE jobs (id integer PRIMARY KEY, state text, since timestamptz, patience integer)")["worst_case"]
        self.assertEqual((own["threshold_s"], own["threshold_column"], own["interval_s"], own["worst_s"]), (None, "patience", 60, None))
        self.assertEqual((most["threshold_s"], most["threshold_column"], most["interval_s"], most["worst_s"]), (3600, "patience", 60, 3660))
        text = self.reclaim("check").out
        self.assertRegex(text, r"own +the row's own patience +1m +- +patience \+ 1m\n")
        self.assertRegex(text, r"most +1h, or the row's own patience +1m +- +1h1m\n")


if __name__ == "__main__":
    unittest.main()
