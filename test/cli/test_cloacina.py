"""The profile `cloacina` on the system's own tables: BLOB ids, RFC 3339 text, the outbox, the grace, the cap of three."""
import json
import signal
import time
import unittest
import uuid

import scene
from scene import DONE, NOT_FOUND, REFUSED, UNSUPPORTED, USAGE, Scene, zoned

TASKS = """
CREATE TABLE task_executions (
    id BLOB PRIMARY KEY NOT NULL,
    pipeline_execution_id BLOB NOT NULL,
    task_name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    attempt INTEGER NOT NULL DEFAULT 1,
    max_attempts INTEGER NOT NULL DEFAULT 3,
    error_details TEXT,
    trigger_rules TEXT NOT NULL DEFAULT '{"type": "Always"}',
    task_configuration TEXT NOT NULL DEFAULT '{}',
    retry_at TEXT,
    last_error TEXT,
    recovery_attempts INTEGER NOT NULL DEFAULT 0,
    last_recovery_at TEXT,
    claimed_by BLOB,
    heartbeat_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX task_executions_claims ON task_executions (claimed_by) WHERE claimed_by IS NOT NULL;
"""
OUTBOX = """
CREATE TABLE execution_events (
    id BLOB NOT NULL,
    pipeline_execution_id BLOB NOT NULL,
    task_execution_id BLOB,
    event_type TEXT NOT NULL,
    event_data TEXT DEFAULT '{}',
    worker_id TEXT,
    created_at TEXT NOT NULL,
    sequence_num INTEGER PRIMARY KEY AUTOINCREMENT
);
CREATE TABLE task_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_execution_id BLOB NOT NULL,
    created_at TEXT NOT NULL
);
"""
ITS_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$"
RUNNER = uuid.UUID(int=0xC0FFEE)


class Cloacina(Scene):
    profile = "cloacina"
    schema = TASKS + OUTBOX

    def insert(self, status="Ready", **columns):
        task = uuid.uuid4()
        self.add("task_executions", **{
            "id": task.bytes, "pipeline_execution_id": uuid.UUID(int=7).bytes, "task_name": "load", "status": status,
            "created_at": zoned(100), "updated_at": zoned(100), **columns})
        return str(task)

    def claimed(self, beat, status="Running", digits=9, **columns):
        return self.insert(status, claimed_by=RUNNER.bytes, heartbeat_at=zoned(beat, digits), started_at=zoned(beat), **columns)

    def row(self, task):
        return self.dicts("SELECT * FROM task_executions WHERE id = ?", uuid.UUID(task).bytes)[0]

    def status(self, task):
        return self.row(task)["status"]

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def claim(self, owner=RUNNER):
        return self.json("claim", "--owner", owner).rows[0]

    def beat(self, task, seconds):
        self.sql("UPDATE task_executions SET heartbeat_at = ? WHERE id = ?", zoned(seconds), uuid.UUID(task).bytes)


class Story(Cloacina):
    def test_from_submit_to_finished_by_another(self):
        task = self.insert()
        first = self.busy("--no-sweep")
        row = self.row(task)
        self.assertEqual((row["status"], len(row["claimed_by"])), ("Running", 16))
        self.assertRegex(row["heartbeat_at"], ITS_TIME)
        self.assertRegex(row["started_at"], ITS_TIME)
        self.assertEqual(self.sweep()["stale"], 0)
        first.kill()
        self.until(lambda: not self.is_running(task), "the end of the command")
        self.beat(task, 61)
        taken, = self.sweep()["tasks"]
        self.assertEqual((taken["id"], taken["rule"], taken["remedy"]), (task, "heartbeat", "requeue"))
        self.assertEqual(taken["owner"], str(uuid.UUID(bytes=row["claimed_by"])))
        freed = self.row(task)
        self.assertEqual((freed["status"], freed["claimed_by"], freed["heartbeat_at"], freed["recovery_attempts"], freed["attempt"]),
                         ("Ready", None, None, 1, 1))
        self.assertRegex(freed["last_recovery_at"], ITS_TIME)
        self.assertRegex(freed["updated_at"], ITS_TIME)
        self.finish("--no-sweep")
        done = self.row(task)
        self.assertEqual((done["status"], done["claimed_by"], done["heartbeat_at"]), ("Completed", None, None))
        self.assertRegex(done["completed_at"], ITS_TIME)

    def test_two_workers_and_nobody_else(self):
        copy = self.copy_of("cloacina", (r'after       = "60s"', 'after = "1s"'), (r'beat        = "10s"', 'beat = "200ms"'),
                            (r'start_grace = "60s"', 'start_grace = "1s"'), (r'interval    = "30s"', 'interval = "200ms"'))
        task = self.insert()
        self.take_over(profile=copy, done=lambda: self.status(task) == "Completed")
        self.assertEqual(self.row(task)["recovery_attempts"], 1)

    def test_abandoned_after_three(self):
        task = self.insert(max_attempts=1)
        for recoveries in (1, 2, 3):
            self.claim()
            self.beat(task, 61)
            self.assertEqual(self.sweep()["requeued"], 1)
            self.assertEqual((self.status(task), self.row(task)["recovery_attempts"]), ("Ready", recoveries))
        self.claim()
        self.beat(task, 61)
        self.assertEqual(self.sweep()["failed"], 1)
        row = self.row(task)
        self.assertEqual((row["status"], row["claimed_by"], row["heartbeat_at"], row["recovery_attempts"], row["attempt"]),
                         ("Failed", None, None, 3, 1))
        self.assertEqual(row["error_details"], "ABANDONED: 3 recoveries exhausted")
        self.assertRegex(row["completed_at"], ITS_TIME)
        self.assertEqual(self.sql("SELECT count(*) FROM task_outbox"), [(3,)])
        self.reclaim("claim", "--owner", RUNNER, code=NOT_FOUND)


class Rules(Cloacina):
    def test_boundary_is_strict(self):
        stale, fresh = self.claimed(61), self.claimed(57)
        self.assertEqual([each["id"] for each in self.sweep()["tasks"]], [stale])
        self.assertEqual(self.status(fresh), "Running")

    def test_times_with_any_number_of_digits(self):
        stale = {self.claimed(62, digits=digits) for digits in (0, 3, 6, 9)}
        fresh = [self.claimed(50, digits=digits) for digits in (0, 3, 6, 9)]
        self.assertEqual({each["id"] for each in self.sweep()["tasks"]}, stale)
        self.assertEqual({self.status(task) for task in fresh}, {"Running"})

    def test_running_and_ready_rows_with_a_claim(self):
        running, ready = self.claimed(100), self.claimed(100, "Ready")
        others = {self.claimed(100, status): status for status in ("NotStarted", "Completed", "Failed", "Skipped")}
        free = self.insert()
        self.assertEqual({each["id"] for each in self.sweep()["tasks"]}, {running, ready})
        self.assertEqual((self.status(running), self.status(ready), self.row(ready)["claimed_by"]), ("Ready", "Ready", None))
        self.assertEqual({task: self.status(task) for task in others}, others)
        self.assertEqual(self.row(free)["recovery_attempts"], 0)

    def test_no_heartbeat_is_no_claim(self):
        lost = self.insert("Running", claimed_by=RUNNER.bytes, started_at=zoned(9999))
        invisible = self.insert("Running", started_at=zoned(9999))
        answer = self.sweep()
        self.assertEqual((answer["stale"], answer["blind"]), (0, 2))
        self.assertEqual([self.status(task) for task in (lost, invisible)], ["Running"] * 2)

    def test_attempts_play_no_part(self):
        task = self.claimed(100, attempt=9, max_attempts=3)
        self.sweep()
        self.assertEqual((self.status(task), self.row(task)["attempt"]), ("Ready", 9))

    def test_outbox_and_event_in_the_same_transaction(self):
        task = self.claimed(100, retry_at=zoned(-500))
        self.sweep()
        self.assertEqual(self.row(task)["retry_at"], None)
        event, = self.dicts("SELECT * FROM execution_events")
        self.assertEqual((event["event_type"], event["task_execution_id"], event["pipeline_execution_id"]),
                         ("task_marked_ready", uuid.UUID(task).bytes, uuid.UUID(int=7).bytes))
        self.assertEqual(len(event["id"]), 16)
        self.assertEqual(uuid.UUID(bytes=event["id"]).variant, uuid.RFC_4122)
        outbox, = self.dicts("SELECT * FROM task_outbox")
        self.assertEqual(outbox["task_execution_id"], uuid.UUID(task).bytes)
        for row in (event, outbox):
            self.assertRegex(row["created_at"], ITS_TIME)

    def test_an_outbox_that_fails_takes_nothing(self):
        task = self.claimed(100)
        self.script("CREATE TRIGGER full BEFORE INSERT ON task_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END")
        self.assertEqual(self.sweep()["errors"], 1)
        self.assertEqual((self.status(task), self.row(task)["recovery_attempts"]), ("Running", 0))
        self.assertEqual(self.sql("SELECT count(*) FROM execution_events"), [(0,)])
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events"), [(0,)])

    def test_the_failed_ones_get_no_outbox(self):
        self.claimed(100, recovery_attempts=3)
        self.assertEqual(self.sweep()["failed"], 1)
        self.assertEqual(self.sql("SELECT count(*) FROM task_outbox"), [(0,)])

    def test_a_renewal_that_comes_first_keeps_the_claim(self):
        first, second = self.claimed(500), self.claimed(400)
        self.script(f"""CREATE TRIGGER race AFTER UPDATE OF status ON task_executions WHEN new.id = x'{uuid.UUID(first).hex}'
            BEGIN UPDATE task_executions SET heartbeat_at = '{zoned()}' WHERE id = x'{uuid.UUID(second).hex}'; END""")
        answer = self.sweep()
        self.assertEqual((answer["requeued"], answer["lost_races"]), (1, 1))
        self.assertEqual(self.row(second)["claimed_by"], RUNNER.bytes)

    def test_a_threshold_within_the_beat_is_refused(self):
        for after in ("10s", "9s", "500ms"):
            copy = self.copy_of("cloacina", (r'after       = "60s"', f'after = "{after}"'))
            run = self.reclaim("sweep", profile=copy, code=USAGE)
            self.assertIn("10s", run.err)
            self.assertIn(str(copy), run.err)
        copy = self.copy_of("cloacina", (r'after       = "60s"', 'after = "11s"'))
        self.claimed(12)
        self.assertEqual(self.sweep(profile=copy)["requeued"], 1)

    def test_no_cap(self):
        for _ in range(300):
            self.claimed(500)
        self.assertEqual(self.sweep()["requeued"], 300)

    def test_sweepers_share_the_work_never_a_row(self):
        for _ in range(300):
            self.claimed(500)
        sweeps = [self.start("--json", "sweep") for _ in range(4)]
        for each in sweeps:
            self.assertEqual(each.end(), DONE, each.err)
        self.assertEqual(sum(json.loads(each.out)["requeued"] for each in sweeps), 300)
        self.assertEqual(self.sql("SELECT DISTINCT status, recovery_attempts FROM task_executions"), [("Ready", 1)])
        for table in ("task_outbox", "execution_events", "reclaim_events"):
            self.assertEqual(self.sql(f"SELECT count(*) FROM {table}"), [(300,)])


class WithoutOutbox(Cloacina):
    schema = TASKS

    def test_it_does_without(self):
        task = self.insert()
        self.claim()
        self.beat(task, 61)
        self.assertEqual(self.sweep()["requeued"], 1)
        self.reclaim("complete", task, "--token", self.claim()["token"])
        self.assertEqual(self.status(task), "Completed")
        self.assertEqual(self.sql("SELECT name FROM sqlite_schema WHERE name IN ('task_outbox', 'execution_events')"), [])


class Verbs(Cloacina):
    def test_claim(self):
        later = self.insert(retry_at=zoned(-500), created_at=zoned(900))
        young = self.insert(created_at=zoned(10))
        old = self.insert(retry_at=zoned(5), created_at=zoned(20))
        taken = self.claimed(5, "Ready", created_at=zoned(1000))
        self.assertEqual([self.claim()["id"], self.claim()["id"]], [old, young])
        self.reclaim("claim", "--owner", RUNNER, code=NOT_FOUND)
        self.assertEqual((self.status(later), self.status(taken)), ("Ready", "Ready"))
        self.assertEqual(self.row(old)["claimed_by"], RUNNER.bytes)

    def test_owner_must_be_a_uuid(self):
        self.insert()
        self.assertIn("UUID", self.reclaim("claim", "--owner", "anna", code=USAGE).err)

    def test_ids(self):
        task = self.insert()
        self.assertEqual(self.json("show", task.upper()).answer["id"], task)
        for nonsense in ("nonsense", "", "x" * 5000, str(uuid.uuid4()), "é", "../..", "' OR 1 = 1 --"):
            self.reclaim("show", nonsense, code=NOT_FOUND)

    def test_token_and_renew(self):
        task = self.insert(recovery_attempts=1, attempt=2)
        claim = self.claim()
        self.assertEqual(claim["token"], f"{RUNNER}/1/2")
        self.beat(task, 30)
        self.reclaim("renew", task, "--token", claim["token"])
        self.assertLess(scene.seconds_between(self.row(task)["heartbeat_at"], zoned(0, 6)), 20)
        self.assertRegex(self.row(task)["heartbeat_at"], ITS_TIME)
        self.reclaim("renew", task, "--token", f"{uuid.uuid4()}/1/2", code=REFUSED)

    def test_a_late_runner_is_refused(self):
        task = self.insert()
        first = self.claim()
        self.beat(task, 61)
        self.sweep()
        second = self.claim()  # the same runner, another claim
        self.assertNotEqual(first["token"], second["token"])
        for verb in (["complete"], ["fail", "--error", "x"], ["release"], ["renew"]):
            self.reclaim(verb[0], task, "--token", first["token"], *verb[1:], code=REFUSED)
        self.reclaim("complete", task, "--token", second["token"])
        self.reclaim("complete", task, "--token", second["token"], code=None)
        self.assertEqual(self.status(task), "Completed")

    def test_fail_until_max_attempts(self):
        task = self.insert(max_attempts=2)
        self.reclaim("fail", task, "--token", self.claim()["token"], "--error", "boom", "--retry-in", "0s")
        row = self.row(task)
        self.assertEqual((row["status"], row["attempt"], row["claimed_by"], row["heartbeat_at"]), ("Ready", 2, None, None))
        self.assertRegex(row["retry_at"], ITS_TIME)
        self.reclaim("fail", task, "--token", self.claim()["token"], "--error", "boom")
        row = self.row(task)
        self.assertEqual((row["status"], row["attempt"], row["claimed_by"]), ("Failed", 2, None))
        self.assertIn("boom", (row["last_error"] or "") + (row["error_details"] or ""))
        self.assertRegex(row["completed_at"], ITS_TIME)

    def test_release(self):
        task = self.insert()
        self.reclaim("release", task, "--token", self.claim()["token"])
        row = self.row(task)
        self.assertEqual((row["status"], row["claimed_by"], row["heartbeat_at"], row["recovery_attempts"]), ("Ready", None, None, 0))

    def test_what_it_does_not_support(self):
        task = self.insert()
        for command in (["submit"], ["cancel", task], ["retry", task], ["beat", "--worker", RUNNER],
                        ["recover", "--owner", RUNNER], ["cleanup"]):
            with self.subTest(command=command[0]):
                self.reclaim(*command, code=UNSUPPORTED)


class Daemon(Cloacina):
    def quick(self, grace="2s", after="2s", interval="200ms"):
        return self.copy_of(
            "cloacina", (r'after       = "60s"', f'after = "{after}"'), (r'beat        = "10s"', 'beat = "500ms"'),
            (r'start_grace = "60s"', f'start_grace = "{grace}"'), (r'interval    = "30s"', f'interval = "{interval}"'))

    def test_grace_at_the_start(self):
        """The daemon's first threshold takes nothing by silence; then it does. A one-shot sweep has none."""
        copy = self.quick()
        task = self.claimed(30)
        began = time.monotonic()
        daemon = self.start("-v", "run", profile=copy)
        self.until(lambda: self.status(task) == "Ready", "the recovery")
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.until(lambda: "Stale claim sweep: no stale claims found" in daemon.told, "the next pass")
        self.assertEqual(daemon.stop(), DONE, daemon.err)
        told = daemon.told
        self.assertEqual(told.count("Stale claim sweep found 1 stale claims"), 1)
        self.assertEqual(told[0], "Starting stale claim sweeper (interval: 0s, threshold: 2s, grace period: 2s)")
        in_grace = [line for line in told if "in grace period" in line]
        self.assertRegex(in_grace[0], r"^Stale claim sweeper in grace period \(0\.[0-9]s / 2s\) — skipping sweep$")
        self.assertGreaterEqual(len(in_grace), 2)
        self.assertIn("Stale claim sweep found 1 stale claims", told)
        released, = [line for line in told if line.startswith("Released")]
        self.assertRegex(released, rf"^Released stale claim: task {task} \(runner {RUNNER}, last heartbeat 3[0-9]s ago\)$")
        self.assertIn("Stale claim sweep complete: 1 claims released", told)
        self.assertEqual(told[-1], "Stale claim sweeper shutting down")
        other = self.claimed(30)
        self.assertEqual(self.sweep(profile=copy)["requeued"], 1)
        self.assertEqual(self.status(other), "Ready")

    def test_grace_can_be_switched_off(self):
        task = self.claimed(30)
        told = self.daemon_pass(profile=self.quick(grace="0"))
        self.assertEqual(self.status(task), "Ready")
        self.assertIn("Stale claim sweep complete: 1 claims released", told)

    def test_lines_of_the_defaults(self):
        self.claimed(100)
        told = self.daemon_pass()
        self.assertEqual(told, ["Starting stale claim sweeper (interval: 3600s, threshold: 60s, grace period: 60s)",
                                "Stale claim sweeper shutting down"])

    def test_complete_says_what_succeeded(self):
        self.claimed(100)
        bad = self.claimed(200)
        self.script(f"""CREATE TRIGGER stubborn BEFORE UPDATE ON task_executions WHEN old.id = x'{uuid.UUID(bad).hex}'
                        BEGIN SELECT RAISE(ABORT, 'no way'); END""")
        told = self.daemon_pass(profile=self.quick(grace="0"))
        self.assertIn("Stale claim sweep found 2 stale claims", told)
        self.assertIn("Stale claim sweep complete: 1 claims released", told)

    def test_missed_ticks_are_skipped(self):
        """Stopped for many intervals, it makes one pass, not a burst."""
        daemon = self.start("run", "--interval", "200ms", profile=self.quick(grace="0"))
        self.until(self.last_pass, "the first pass")
        daemon.send(signal.SIGSTOP)
        time.sleep(1.5)
        before, = self.sql("SELECT turn FROM reclaim_ledgers")
        daemon.send(signal.SIGCONT)
        time.sleep(0.5)
        after, = self.sql("SELECT turn FROM reclaim_ledgers")
        self.assertEqual(daemon.stop(), DONE, daemon.err)
        self.assertLessEqual(after[0] - before[0], 4)


if __name__ == "__main__":
    unittest.main()
