"""seedcore on PostgreSQL, beyond its rules: its table as it was before the leases, the migration, the owner's probe, the
emergency from psql and from us, the dispatcher that starts again, and enums that know other words."""
import re
import subprocess
import unittest

import postgres
import scene
from engines import OnPostgres
from scene import BUSY, DONE
from systems import ID, LEASES, SEEDCORE, SEEDCORE_OLD

# A worker of the old kind: a process that takes the oldest, lives by touching its row, and ends when the gate is open.
OLD_WORKER = """
task=$(psql -XqAt "$URL" -c "UPDATE tasks SET status = 'running' WHERE id = (SELECT id FROM tasks WHERE status = 'queued'
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id")
while [ ! -e "$SCENE/gate" ]; do psql -Xq "$URL" -c "UPDATE tasks SET params = params WHERE id = '$task'"; sleep 0.1; done
psql -Xq "$URL" -c "UPDATE tasks SET status = 'completed' WHERE id = '$task'"
"""
REQUEUED = " | reaper: lease expired or owner dead"


class Seedcore(OnPostgres):
    profile = "seedcore"

    def tables(self):
        return SEEDCORE

    def add_running(self, minutes, attempts=0, owner="d1", kind="graph"):
        """As it lies there after so many minutes; the trigger is on updates only."""
        leases = "owner_id, " if self.tables() == SEEDCORE else ""
        return self.value(
            f"INSERT INTO tasks (status, attempts, type, description, error, {leases} updated_at) VALUES ('running', {attempts},"
            f" '{kind}', 'embed it', 'e', {f'{owner!r},' if leases else ''} now() - interval '{minutes} minutes') RETURNING id")

    def task(self, task=ID):
        row, = self.rows(f"SELECT status, attempts, error FROM tasks WHERE id = '{task}'")
        return row

    def process(self, script):
        started = subprocess.Popen(
            ["sh", "-c", script], env={**self.environment, "URL": self.url, "PATH": f"{self.programs()}:{self.environment['PATH']}"},
            start_new_session=True, stdout=subprocess.DEVNULL)
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        return started

    def programs(self):
        return postgres.program("psql").rsplit("/", 1)[0]


class BeforeTheLeases(Seedcore):
    """By updated_at alone, which a trigger sets. The workers are others': ours need the columns."""

    def tables(self):
        return SEEDCORE_OLD

    def old_worker(self):
        worker = self.process(OLD_WORKER)
        self.until(lambda: self.task()[0] == "running", "its claim")
        return worker

    def recovered_by(self, recover):
        self.environment["TASK_STALE_S"] = "1"
        self.sql(LEASES.submit)
        worker = self.old_worker()
        began = self.value("SELECT updated_at FROM tasks")
        self.until(lambda: self.value("SELECT updated_at > timestamptz '" + began + "' + interval '1.2 s' FROM tasks") == "t", "its touches")
        self.assertEqual(self.json("sweep").answer["stale"], 0)
        worker.kill()
        recover()
        self.assertEqual(self.task(), ("queued", "1", REQUEUED))
        (self.folder / "gate").touch()
        self.process(OLD_WORKER)
        self.until(lambda: self.task()[0] == "completed", "the end of the task")
        self.assertEqual(self.json("sweep").answer["stale"], 0)
        self.assertEqual(len(self.json("audit").rows), 1)

    def test_recovered_by_a_sweep(self):
        self.recovered_by(lambda: self.until(lambda: self.json("sweep").answer["requeued"], "the sweep that finds it"))

    def test_recovered_by_the_daemon(self):
        def recover():
            daemon = self.start("run", "--interval", "200ms")
            self.until(lambda: self.task()[0] == "queued", "the recovery")
            self.assertEqual(daemon.stop(), DONE, daemon.err)

        self.recovered_by(recover)

    def test_recover_needs_the_columns(self):
        self.assertIn("init", self.reclaim("recover", "--owner", "d1", code=7).err)


class Migration(Seedcore):
    def tables(self):
        return SEEDCORE_OLD

    def setUp(self):
        super().setUp()
        self.sql("INSERT INTO tasks (status, type, updated_at) SELECT (ARRAY['queued', 'running', 'completed']::taskstatus[])[1 + i % 3],"
                 " 't', now() - interval '1 day' FROM generate_series(1, 3000) AS i")

    def catalog(self):
        """Everything that stands for the table: what is made again has another number."""
        return self.rows("""
            SELECT 'column', attname::text, format_type(atttypid, atttypmod), attnum::text FROM pg_attribute
                WHERE attrelid = 'tasks'::regclass AND attnum > 0
            UNION ALL SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indexrelid::text || indisvalid
                FROM pg_index WHERE indrelid = 'tasks'::regclass
            UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_function_result(oid), oid::text FROM pg_proc
                WHERE proname = 'cleanup_stale_running_tasks' ORDER BY 1, 2""")

    def test_with_rows_and_again(self):
        before = self.value("SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM tasks AS t")
        printed = self.reclaim("init", "--print").out
        self.assertEqual(len(re.findall("CREATE INDEX CONCURRENTLY", printed)), 2)
        self.assertEqual(len(self.catalog()), 11)
        self.reclaim("init")
        made = self.catalog()
        for row in (("column", "lease_expires_at", "timestamp with time zone"), ("column", "owner_id", "text"),
                    ("column", "last_heartbeat", "timestamp with time zone"),
                    ("function", "cleanup_stale_running_tasks(integer,integer)", "integer")):
            self.assertIn(row, [each[:3] for each in made])
        for name, column in (("idx_tasks_stale_running", "id"), ("idx_tasks_owner_status", "owner_id")):
            self.assertIn(("index", name, f"CREATE INDEX {name} ON public.tasks USING btree ({column}) WHERE (status = 'running'::taskstatus)"),
                          [each[:3] for each in made])
        self.reclaim("init")
        self.assertEqual(self.catalog(), made)
        names = "id, status, attempts, type, description, params, error, run_after, created_at, updated_at"
        self.assertEqual(self.value(f"SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM (SELECT {names} FROM tasks) AS t"), before)

    def test_what_it_prints_is_what_it_does(self):
        self.sql(self.reclaim("init", "--print").out)
        made = self.catalog()
        self.reclaim("init")
        self.assertEqual(self.catalog(), made)

    def test_half_of_it_is_there(self):
        """Somebody's own columns, and an index of the old shape: they stay."""
        self.sql("ALTER TABLE tasks ADD COLUMN last_heartbeat timestamptz, ADD COLUMN owner_id varchar(64);"
                 "CREATE INDEX idx_tasks_stale_running ON tasks (last_heartbeat) WHERE status = 'running'")
        before = [row for row in self.catalog() if row[1] in ("last_heartbeat", "owner_id", "idx_tasks_stale_running")]
        self.reclaim("init")
        self.assertEqual([row for row in self.catalog() if row[1] in ("last_heartbeat", "owner_id", "idx_tasks_stale_running")], before)
        self.assertIn("idx_tasks_stale_running", self.reclaim("check").out)

    def test_while_others_write(self):
        """Who has written and not committed holds up the columns only for a moment, and nobody's write waits for an index."""
        with self.holding("UPDATE tasks SET description = 'mine' WHERE id = (SELECT id FROM tasks LIMIT 1)") as writer:
            run = self.start("init")
            self.until(self.is_somebody_waiting, "its wait for the table")
            self.sql("SET statement_timeout = '9s'; UPDATE tasks SET description = 'yours' WHERE description IS NULL AND status = 'queued'")
            writer.sql("COMMIT")
            code = run.end()
            self.assertIn(code, (DONE, BUSY), run.err)
        self.reclaim("init")
        self.sql("DROP INDEX idx_tasks_owner_status")
        with self.holding("UPDATE tasks SET description = 'mine'") as writer:
            run = self.start("init")
            self.until(lambda: self.value("SELECT count(*) FROM pg_stat_progress_create_index") == "1", "its wait for the writer")
            self.sql("SET statement_timeout = '9s'; INSERT INTO tasks (type) VALUES ('while it builds')")
            writer.sql("COMMIT")
            self.assertEqual(run.end(), DONE, run.err)
        self.assertEqual(self.value("SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'tasks'::regclass"), "t")

    def test_several_at_once(self):
        """Who makes an index is left alone; who was ended for another's sake tries again."""
        for _ in range(4):
            runs = [self.start("init", "--wait", "30s") for _ in range(4)]
            self.assertEqual([run.end(2 * scene.PATIENCE) for run in runs], [DONE] * 4, [run.err for run in runs])
            self.assertEqual(self.value("SELECT bool_and(indisvalid) AND count(*) > 2 FROM pg_index WHERE indrelid = 'tasks'::regclass"), "t")
            self.sql("DROP INDEX idx_tasks_stale_running, idx_tasks_owner_status; DROP FUNCTION cleanup_stale_running_tasks;"
                     "ALTER TABLE tasks DROP COLUMN owner_id, DROP COLUMN lease_expires_at, DROP COLUMN last_heartbeat;"
                     "DROP SCHEMA reclaim CASCADE")

    def test_an_index_that_somebody_else_makes_is_left_alone(self):
        self.reclaim("init")
        self.sql("DROP INDEX idx_tasks_stale_running, idx_tasks_owner_status")
        with self.holding("UPDATE tasks SET description = 'mine'") as writer:
            first = self.start("init")
            self.until(lambda: self.value("SELECT count(*) FROM pg_stat_progress_create_index") == "1", "its wait for the writer")
            second = self.reclaim("init", "--wait", "1s", code=BUSY)
            self.assertRegex(second.err, "backend [0-9]+ makes an index of 'public.tasks' now")
            writer.sql("COMMIT")
            self.assertEqual(first.end(), DONE, first.err)
        self.reclaim("init")

    def test_from_before_to_finished_by_another(self):
        """Migrated under a worker of the old kind; what it leaves is finished by one of ours."""
        self.sql("DELETE FROM tasks")
        self.sql(LEASES.submit)
        old = self.process(OLD_WORKER)
        self.until(lambda: self.task()[0] == "running", "its claim")
        self.reclaim("init")
        old.kill()
        self.environment["TASK_STALE_S"] = "1"
        self.until(lambda: self.json("sweep").answer["requeued"], "the sweep that finds it")
        self.finish("--no-sweep")
        self.assertEqual(self.task(), ("completed", "1", REQUEUED))


class Emergency(Seedcore):
    def rows_of_all_ages(self):
        self.old, self.spent, self.young = self.add_running(20), self.add_running(40, 3, "d2", "index"), self.add_running(14)

    def test_function_from_psql(self):
        self.reclaim("init")
        self.rows_of_all_ages()
        # Whatever the session looks like.
        called = self.value("SET search_path = ''; SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German';"
                            " SELECT public.cleanup_stale_running_tasks()")
        self.assertEqual(called, "2")
        self.assertEqual(self.task(self.old), ("queued", "1", "e | requeued by admin: stale RUNNING"))
        self.assertEqual(self.task(self.spent), ("failed", "3", "e | failed by admin: max requeues exceeded"))
        self.assertEqual(self.task(self.young), ("running", "0", "e"))
        self.assertEqual(self.value("SELECT public.cleanup_stale_running_tasks(stale_minutes => 10, max_attempts => 0)"), "1")
        self.assertEqual(self.task(self.young)[0], "failed")
        self.assertEqual(self.value("SELECT public.cleanup_stale_running_tasks()"), "0")
        events = {event["id"]: event for event in self.json("audit").rows}
        self.assertEqual(set(events), {self.old, self.spent, self.young})
        self.assertEqual((events[self.spent]["owner"], events[self.spent]["to_native"], events[self.spent]["rule"]), ("d2", "failed", "cleanup"))
        self.finish("--no-sweep")
        self.assertEqual(self.task(self.old)[0], "completed")

    def test_function_leaves_what_somebody_writes(self):
        self.reclaim("init")
        self.rows_of_all_ages()
        with self.holding(f"UPDATE tasks SET status = 'completed' WHERE id = '{self.old}'") as worker:
            self.assertEqual(self.value("SELECT cleanup_stale_running_tasks()"), "1")
            worker.sql("COMMIT")
        self.assertEqual(self.task(self.old), ("completed", "0", "e"))

    def test_tables_before_and_after(self):
        self.rows_of_all_ages()
        dry = self.reclaim("cleanup", "--dry-run").out
        for wanted in (self.old, self.spent, "graph", "index", "embed it", "d1", "d2", r"\b20\b", r"\b40\b", r"running +3"):
            self.assertRegex(dry, wanted)
        self.assertNotIn(self.young, dry)
        self.assertLess(dry.index(self.spent), dry.index(self.old))  # the oldest first
        self.assertEqual(self.task(self.old)[0], "running")
        out = self.reclaim("cleanup").out
        self.assertRegex(out, r"(?s)running +3.*" + self.spent + ".*" + self.old + r".*running +1")
        answer = self.json("cleanup", "--stale-minutes", "10", "--max-attempts", "5").answer
        self.assertEqual((answer["before"]["running"], answer["after"]["running"], answer["after"]["queued"]), (1, 0, 2))
        self.assertEqual(self.task(self.young), ("queued", "1", "e | requeued by admin: stale RUNNING"))

    def test_cleanup_before_the_leases(self):
        self.sql("ALTER TABLE tasks DROP COLUMN owner_id, DROP COLUMN lease_expires_at, DROP COLUMN last_heartbeat")
        old = self.value("INSERT INTO tasks (status, type, updated_at) VALUES ('running', 't', now() - interval '16 min') RETURNING id")
        self.assertEqual(self.json("cleanup").answer["result"]["requeued"], 1)
        self.assertEqual(self.task(old)[0], "queued")


class Owners(Seedcore):
    def test_a_probe_that_says_alive(self):
        """The lease is over, and its owner proves to live; then it is killed, and doesn't."""
        self.sql(LEASES.submit)
        self.environment["TASK_LEASE_S"] = "1"
        owner = self.process(f'"$0" --profile seedcore claim --owner d1 > "$SCENE/claimed"; exec sleep 60'.replace("$0", self.command((), None)[0]))
        self.until(lambda: self.task()[0] == "running", "its claim")
        self.sql(f"UPDATE tasks SET owner_id = '{owner.pid}'")  # a name that the probe can ask for
        copy = self.copy_of("seedcore", ("^# Two probes", 'probe { command = { "kill", "-0", "{owner}" } timeout = "5s" }\n# Two probes'))
        self.until(lambda: self.json("sweep", profile=copy).answer["vetoed"] == 1, "the veto")
        self.assertEqual(self.task(), ("running", "0", "NULL"))
        owner.kill()
        owner.wait()
        self.assertEqual(self.json("sweep", profile=copy).answer["requeued"], 1)
        self.finish("--no-sweep")
        self.assertEqual(self.task(), ("completed", "1", REQUEUED))

    def test_a_completion_while_the_probe_is_asked(self):
        """Between the two looks."""
        self.sql(LEASES.submit)
        self.reclaim("claim", "--owner", "d1")
        self.sql(LEASES.age)
        finish = LEASES.finish.replace("'", "'\\''")
        script = self.folder / "probe"
        script.write_text(f"#!/bin/sh\n'{postgres.program('psql')}' -Xq '{self.url}' -c '{finish}'\nexit 1\n", encoding="utf-8")
        script.chmod(0o755)
        copy = self.copy_of("seedcore", ("^# Two probes", f'probe {{ command = {{ "{script}", "{{owner}}" }} timeout = "9s" }}\n# Two probes'))
        answer = self.json("sweep", profile=copy).answer
        self.assertEqual((answer["requeued"], answer["failed"], answer["errors"]), (0, 0, 0))
        self.assertEqual(self.task(), ("completed", "0", "NULL"))

    def test_a_dispatcher_that_starts_again(self):
        self.sql(LEASES.submit)
        other = self.add_running(300, owner="d2")
        claim = f'"{self.command((), None)[0]}" --profile seedcore claim --owner d1; exec sleep 60'
        dispatcher = self.process(claim)
        self.until(lambda: self.task()[0] == "running", "its claim")
        copy = self.copy_of("seedcore", ('after  = "2m"', 'after = "1s"'))
        dispatcher.kill()
        taken, = self.until(lambda: self.json("recover", "--owner", "d1", profile=copy).answer["tasks"], "the recovery")
        self.assertEqual((taken["id"], self.task()), (ID, ("queued", "1", " | recovered on owner restart")))
        self.assertEqual(self.task(other)[0], "running")
        self.process(claim)
        self.until(lambda: self.task()[0] == "running", "its second claim")
        self.reclaim("complete", ID, "--token", "d1/1")
        self.assertEqual(self.task()[0], "completed")


class Enums(Seedcore):
    """The type is the system's: it may lack a word that the profile knows, or know more."""

    def test_an_enum_without_some_words(self):
        self.sql("DROP TABLE tasks; DROP TYPE taskstatus; DROP FUNCTION update_updated_at_column;"
                 + SEEDCORE.replace(", 'cancelled'", ""))
        old = self.add_running(20)
        self.assertEqual(self.json("sweep").answer["requeued"], 1)
        task = self.json("claim", "--owner", "d1").rows[0]
        self.assertEqual(task["id"], old)
        self.reclaim("complete", old, "--token", task["token"])
        for looking in ("status", "list", "check", "stale", "plan"):
            self.reclaim(looking)

    def test_an_enum_with_more_words(self):
        self.sql("ALTER TYPE taskstatus ADD VALUE 'paused'")
        self.add_running(20)
        self.sql("INSERT INTO tasks (type, status) VALUES ('t', 'paused'), ('t', 'created')")
        self.assertEqual(self.json("sweep").answer["requeued"], 1)
        self.assertEqual(self.json("status").answer["unmapped"], 2)


if __name__ == "__main__":
    unittest.main()
