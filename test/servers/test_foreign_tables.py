"""Tables of others, on servers: rows that refuse, rows that are locked, odd names, partitions, views, rights, replicas, times."""
import contextlib
import unittest

from engines import OnMariadb, OnPostgres
from scene import DONE, UNAVAILABLE
from systems import FOUNDRY, FOUNDRY_MARIADB, FOUNDRY_POSTGRES

AGO = {"postgres": "timezone('UTC', now()) - interval '{} hours'", "mariadb": "utc_timestamp() - INTERVAL {} HOUR"}


class Foreign:
    """foundry's tables; each test makes them differ."""

    profile = "foundry"

    def tables(self):
        return FOUNDRY[self.engine].schema

    def ago(self, hours):
        return AGO[self.engine].format(hours)

    def claimed(self, *tasks, hours=7, table="foundry_tasks", kind="t", worker="nobody"):
        """Claims so old that age alone takes them, the first the oldest."""
        self.sql("".join(
            f"INSERT INTO {table} (task_id, task_type, status, claimed_by, claimed_at) VALUES"
            f" ('{task}', '{kind}', 'claimed', '{worker}', {self.ago(hours + len(tasks) - i)});" for i, task in enumerate(tasks)))

    def states(self, table="foundry_tasks"):
        return dict(self.rows(f"SELECT task_id, status FROM {table}"))

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def counts(self, answer):
        return tuple(answer[word] for word in ("requeued", "locked", "lost_races", "errors"))

    # --- rows

    def test_rows_that_refuse(self):
        """One by a trigger, one by a CHECK: left, named, counted, no obstacle to the others, and taken once they yield."""
        self.sql(self.check)
        self.sql(self.trigger)
        self.claimed("trigger", "a", "b")
        self.claimed("check", kind="checked")
        run = self.json("sweep")
        self.assertEqual(self.counts(run.answer), (2, 0, 0, 2))
        self.assertRegex(run.err, r"(?s)task trigger.*not this one")
        self.assertRegex(run.err, r"(?s)task check.*([Cc]heck constraint|CONSTRAINT)")
        left = {"trigger": "claimed", "check": "claimed", "a": "pending", "b": "pending"}
        self.assertEqual(self.states(), left)
        self.assertEqual(self.value("SELECT count(*) FROM task_audit_log"), "2")
        self.assertEqual(self.counts(self.sweep()), (0, 0, 0, 2))
        self.sql(self.no_trigger)
        self.assertEqual(self.counts(self.sweep()), (1, 0, 0, 1))
        self.assertEqual(self.states(), {**left, "trigger": "pending"})

    def test_rows_that_somebody_holds(self):
        """Skipped and counted; they use no cap; the next sweep takes them."""
        self.claimed("held", "a", "b", "c", "d", "e")
        with self.holding("SELECT * FROM foundry_tasks WHERE task_id = 'held' FOR UPDATE"):
            run = self.json("sweep")
            self.assertEqual(self.counts(run.answer), (5, 1, 0, 0))
            self.assertEqual([task["id"] for task in run.answer["locked_tasks"]], ["held"])
            self.assertIn("held", run.err)
        self.assertEqual(self.states()["held"], "claimed")
        self.assertEqual(self.counts(self.sweep()), (1, 0, 0, 0))

    def test_a_row_that_is_deleted_between_look_and_take(self):
        self.claimed("gone", "here")
        with self.wire(self.taking("foundry_tasks"), act=lambda: self.sql("DELETE FROM foundry_tasks WHERE task_id = 'gone'")) as environment:
            self.assertEqual(self.counts(self.sweep(env=environment)), (1, 0, 1, 0))
        self.assertEqual(self.states(), {"here": "pending"})

    def test_a_worker_that_beats_between_look_and_take(self):
        self.claimed("t", hours=1, worker="anna")
        self.sql(FOUNDRY[self.engine].age)
        beat = f"UPDATE worker_heartbeats SET last_seen = {self.ago(0)}"
        with self.wire(rb"(SELECT 1 FROM|UPDATE) \S*worker_heartbeats", act=lambda: self.sql(beat)) as environment:
            self.assertEqual(self.counts(self.sweep(env=environment)), (0, 0, 1, 0))
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual(self.value("SELECT status FROM worker_heartbeats"), "active")

    def test_sweepers_side_by_side(self):
        """On connections of their own they share the work, and never a row."""
        copy = self.copy_of("foundry", ("per_sweep = 5", 'per_sweep = "off"'))
        names = [f"t{i}" for i in range(600)]
        self.claimed(*names)
        sweeps = [self.start("--json", "sweep", profile=copy) for _ in range(4)]
        self.assertEqual([each.end() for each in sweeps], [DONE] * 4, [each.err for each in sweeps])
        self.sweep(profile=copy)
        self.assertEqual(set(self.states().values()), {"pending"})
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT task_id) FROM task_audit_log"), [("600", "600")])
        self.assertEqual(len(self.json("audit", "--limit", "1000").rows), 600)

    # --- tables

    def renamed(self, task, key):
        """A copy of the profile for tables and a key of other names."""
        return self.copy_of("foundry", (r'"foundry_tasks"', f'"{task}"'), (r'{ "task_id" }', f'{{ "{key}" }}'), (r"{old:task_id}", f"{{old:{key}}}"))

    def test_names_that_need_quotes(self):
        copy = self.renamed(f"{self.place()}.The Tasks", "Task Id")
        quote = self.quote
        self.make_another_place()
        self.sql(f"INSERT INTO {quote}{self.place()}{quote}.{quote}The Tasks{quote} ({quote}Task Id{quote}, task_type, status, claimed_by, claimed_at)"
                 f" VALUES ('Ä ''\"`', 't', 'claimed', 'nobody', {self.ago(7)})")
        taken, = self.sweep(profile=copy)["tasks"]
        self.assertEqual(taken["id"], "Ä '\"`")
        task = self.json("claim", "--owner", "anna", profile=copy).rows[0]
        self.reclaim("complete", task["id"], "--token", task["token"], profile=copy)
        self.assertEqual(self.rows(f"SELECT status FROM {quote}{self.place()}{quote}.{quote}The Tasks{quote}"), [("completed",)])
        self.assertEqual(self.value("SELECT task_id FROM task_audit_log"), "Ä '\"`")

    def test_a_partitioned_table(self):
        self.sql("DROP TABLE foundry_tasks")
        self.sql(self.partitioned)
        self.claimed(*[f"old{i}" for i in range(12)])
        self.claimed(*[f"new{i}" for i in range(12)], hours=-8)
        for requeued in (5, 5, 2, 0):
            self.assertEqual(self.counts(self.sweep()), (requeued, 0, 0, 0))
        self.assertEqual(sorted(name for name, state in self.states().items() if state == "claimed"), sorted(f"new{i}" for i in range(12)))
        task = self.json("claim", "--owner", "anna").rows[0]
        self.reclaim("complete", task["id"], "--token", task["token"])

    def test_a_view(self):
        """One that can be written, and one that can't: that is said, and nothing is done."""
        self.sql("ALTER TABLE foundry_tasks RENAME TO hidden")
        self.sql("CREATE VIEW foundry_tasks AS SELECT * FROM hidden WHERE task_type <> 'secret'")
        self.claimed("a", "b", table="hidden")
        self.claimed("c", table="hidden", kind="secret")
        self.assertEqual(self.counts(self.sweep()), (2, 0, 0, 0))
        self.assertEqual(self.states("hidden"), {"a": "pending", "b": "pending", "c": "claimed"})
        self.sql("UPDATE hidden SET status = 'claimed', claimed_by = 'nobody', claimed_at = " + self.ago(7))
        self.sql("DROP VIEW foundry_tasks")
        self.sql("CREATE VIEW foundry_tasks AS SELECT DISTINCT * FROM hidden")
        self.assertEqual(self.sweep("--dry-run")["requeued"], 3)
        run = self.reclaim("sweep", code=None)
        self.assertNotEqual((run.code, "foundry_tasks" in run.err), (DONE, False), run.err)
        self.assertEqual(set(self.states("hidden").values()), {"claimed"})

    # --- rights

    def test_each_right_is_needed_and_named(self):
        grants = self.json("init").answer["grants"]
        self.claimed("warm")
        self.sweep()
        sweeper = self.sweeper()
        needed = [grant for grant in grants if "foundry_tasks" in grant or "worker_heartbeats" in grant or "task_audit_log" in grant]
        self.assertGreaterEqual(len(needed), 3)
        self.sql(";".join(grants))
        for number, grant in enumerate(needed):
            with self.subTest(grant=grant):
                self.sql("DELETE FROM worker_heartbeats")
                self.sql(FOUNDRY[self.engine].age)
                self.claimed(f"t{number}", hours=1, worker="anna")
                self.sql(grant.replace("GRANT ", "REVOKE ").replace(" TO ", " FROM "))
                told = self.reclaim("sweep", env=sweeper, code=UNAVAILABLE).err
                self.assertIn("GRANT ", told)
                self.assertEqual(self.states()[f"t{number}"], "claimed")
                self.sql(grant)
                self.assertEqual(self.counts(self.sweep(env=sweeper)), (1, 0, 0, 0))

    def test_read_only(self):
        """Looking works, and says what a sweep would do; a sweep says why it can't."""
        self.claimed("t")
        self.sql("INSERT INTO foundry_tasks (task_id, task_type) VALUES ('free', 't')")
        self.reclaim("init")
        with self.read_only() as environment:
            self.assertEqual([task["id"] for task in self.sweep("--dry-run", env=environment)["tasks"]], ["t"])
            for looking in (["status"], ["list"], ["stale"], ["explain", "t"], ["check"], ["plan"]):
                self.reclaim(*looking, env=environment)
            for writing in (["sweep"], ["claim", "--owner", "anna"], ["beat", "--worker", "anna"]):
                with self.subTest(writing=writing):
                    self.assertRegex(self.reclaim(*writing, env=environment, code=UNAVAILABLE).err.lower(), "read[-_ ]only")
        self.assertEqual(self.states(), {"t": "claimed", "free": "pending"})
        self.assertEqual(self.sweep()["requeued"], 1)


class Postgres(Foreign, OnPostgres):
    quote = '"'
    check = "ALTER TABLE foundry_tasks ADD CONSTRAINT stays CHECK (task_type <> 'checked' OR status = 'claimed')"
    trigger = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON foundry_tasks FOR EACH ROW WHEN (old.task_id = 'trigger') EXECUTE FUNCTION refuse()"""
    no_trigger = "DROP TRIGGER refuse ON foundry_tasks"
    partitioned = FOUNDRY_POSTGRES[:FOUNDRY_POSTGRES.index(";")] + """ PARTITION BY HASH (task_id);
        CREATE TABLE p0 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE p1 PARTITION OF foundry_tasks FOR VALUES WITH (MODULUS 2, REMAINDER 1)"""

    def place(self):
        return "Other Place"

    def make_another_place(self):
        self.sql("""
            CREATE SCHEMA "Other Place"; ALTER TABLE foundry_tasks RENAME task_id TO "Task Id";
            ALTER TABLE foundry_tasks RENAME TO "The Tasks"; ALTER TABLE "The Tasks" SET SCHEMA "Other Place" """)

    def sweeper(self):
        self.sql("CREATE ROLE sweeper LOGIN")
        self.addCleanup(self.sql, "DROP OWNED BY sweeper; DROP ROLE sweeper")
        return {"RECLAIM_DB": self.url_at(self.server.port, "sweeper")}

    @contextlib.contextmanager
    def read_only(self):
        """As a replica is, for every session."""
        change = f"ALTER DATABASE {self.database} {{}} default_transaction_read_only"
        self.server.sql(self.server.url(), change.format("SET") + " = on")
        try:
            yield {}
        finally:
            self.server.sql(self.server.url(), change.format("RESET"))


class Mariadb(Foreign, OnMariadb):
    quote = "`"
    check = Postgres.check
    trigger = """
DELIMITER //
CREATE TRIGGER refuse BEFORE UPDATE ON foundry_tasks FOR EACH ROW
    IF OLD.task_id = 'trigger' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF //
"""
    no_trigger = "DROP TRIGGER refuse"
    partitioned = FOUNDRY_MARIADB[:FOUNDRY_MARIADB.index(";")] + " PARTITION BY KEY (task_id) PARTITIONS 3"

    def place(self):
        return f"Other {self.database}"

    def make_another_place(self):
        self.sql(f"CREATE DATABASE `{self.place()}`; ALTER TABLE foundry_tasks CHANGE task_id `Task Id` VARCHAR(36) NOT NULL;"
                 f" ALTER TABLE foundry_tasks RENAME TO `{self.place()}`.`The Tasks`")
        self.addCleanup(self.sql, f"DROP DATABASE `{self.place()}`")

    def sweeper(self):
        self.sql("CREATE USER sweeper@'%' IDENTIFIED BY 'sesame'")
        self.addCleanup(self.sql, "DROP USER sweeper")
        return {"RECLAIM_DB": self.url_at(self.server.port, "sweeper", "sesame")}

    @contextlib.contextmanager
    def read_only(self):
        """A replica, for whoever is not its administrator."""
        sweeper = self.sweeper()
        self.sql(f"GRANT ALL ON {self.database}.* TO sweeper@'%'; SET GLOBAL read_only = 1")
        try:
            yield sweeper
        finally:
            self.sql("SET GLOBAL read_only = 0")

    def test_columns_of_the_servers_time(self):
        """TIMESTAMP is shown in the session's time zone, DATETIME is not: both are the same instant to us."""
        self.sql("SET GLOBAL time_zone = '+05:45'")
        self.addCleanup(self.sql, "SET GLOBAL time_zone = 'SYSTEM'")
        self.sql("ALTER TABLE foundry_tasks MODIFY claimed_at TIMESTAMP NULL, MODIFY updated_at TIMESTAMP NULL;"
                 " ALTER TABLE worker_heartbeats MODIFY last_seen TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01'")
        self.claimed("old")
        self.claimed("fresh", hours=4)
        self.claimed("silent", hours=1, worker="anna")
        self.sql(FOUNDRY["mariadb"].age)
        self.assertEqual({task["id"]: task["rule"] for task in self.sweep()["tasks"]}, {"old": "stale-claim", "silent": "silent-worker"})
        self.assertEqual(self.value("SELECT abs(timestampdiff(SECOND, updated_at, utc_timestamp())) < 60 FROM foundry_tasks"
                                    " WHERE task_id = 'old'"), "1")
        task = self.json("claim", "--owner", "bert").rows[0]
        self.reclaim("renew", task["id"], "--token", task["token"])
        self.reclaim("complete", task["id"], "--token", task["token"])
        self.assertEqual(self.sweep()["stale"], 0)


if __name__ == "__main__":
    unittest.main()
