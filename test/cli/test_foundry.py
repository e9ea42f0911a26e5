"""The profile `foundry` on the system's own tables: stalled workers, stale claims, the cap, the audit, the words."""
import unittest

import scene
from scene import DONE, NOT_FOUND, REFUSED, UNSUPPORTED, USAGE, Scene, utc

HOUR = 3600

SCHEMA = """
CREATE TABLE foundry_tasks (
    task_id VARCHAR(36) NOT NULL PRIMARY KEY,
    task_type VARCHAR(100) NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    claimed_by VARCHAR(100),
    claimed_at DATETIME,
    updated_at DATETIME
);
CREATE TABLE worker_heartbeats (
    worker_id VARCHAR(100) NOT NULL UNIQUE,
    status VARCHAR(20) NOT NULL DEFAULT 'active',
    last_seen DATETIME NOT NULL
);
CREATE TABLE task_audit_log (
    task_id VARCHAR(36) NOT NULL,
    action VARCHAR(50) NOT NULL,
    details TEXT,
    timestamp DATETIME NOT NULL
);
"""


class Foundry(Scene):
    profile = "foundry"
    schema = SCHEMA

    def pending(self, task, **columns):
        self.add("foundry_tasks", task_id=task, task_type="render", status="pending", **{"updated_at": utc(60), **columns})

    def claimed(self, task, worker, hours=0.0, **columns):
        at = utc(hours * HOUR)
        self.add("foundry_tasks", **{
            "task_id": task, "task_type": "render", "status": "claimed", "claimed_by": worker, "claimed_at": at,
            "updated_at": at, **columns})

    def worker(self, worker, seen=0.0, status="active"):
        at = utc(seen)
        self.add("worker_heartbeats", worker_id=worker, status=status, last_seen=at)
        return at

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def task(self, task):
        return self.dicts("SELECT * FROM foundry_tasks WHERE task_id = ?", task)[0]

    def states(self):
        return dict(self.sql("SELECT task_id, status FROM foundry_tasks"))

    def details(self):
        return dict(self.sql("SELECT task_id, details FROM task_audit_log"))

    def label(self, worker):
        return self.sql("SELECT status FROM worker_heartbeats WHERE worker_id = ?", worker)[0][0]


class Story(Foundry):
    def test_from_submit_to_finished_by_another(self):
        """Silent worker: the row is pending, a worker takes it, dies, is released, and another one finishes it."""
        self.pending("t1")
        first = self.busy("--no-sweep")
        row = self.task("t1")
        self.assertEqual((row["status"], row["claimed_by"] is None), ("claimed", False))
        seen, = self.sql("SELECT last_seen FROM worker_heartbeats WHERE worker_id = ? AND status = 'active'", row["claimed_by"])
        self.assertEqual(self.sweep()["stale"], 0)
        first.kill()
        self.until(lambda: not self.is_running("t1"), "the end of the command")
        self.assertEqual(self.sweep()["stale"], 0)  # silent for a moment only
        seen = utc(301)
        self.sql("UPDATE worker_heartbeats SET last_seen = ?", seen)
        answer = self.sweep()
        self.assertEqual((answer["released_tasks"], answer["reclaimed_tasks"], answer["stalled_workers"]), (1, 0, 1))
        self.assertEqual(answer["workers_stalled"], [row["claimed_by"]])
        self.assertEqual(self.label(row["claimed_by"]), "stalled")
        freed = self.task("t1")
        self.assertEqual((freed["status"], freed["claimed_by"], freed["claimed_at"]), ("pending", None, None))
        self.assertGreater(freed["updated_at"], row["updated_at"])
        self.assertEqual(self.dicts("SELECT task_id, action, details FROM task_audit_log"), [{
            "task_id": "t1", "action": "reclaimed",
            "details": f"Released from stalled worker {row['claimed_by']}, last seen {seen}"}])
        self.finish("--no-sweep")
        self.assertEqual(self.task("t1")["status"], "completed")
        self.assertEqual(self.label(row["claimed_by"]), "stalled")

    def test_two_workers_and_nobody_else(self):
        copy = self.copy_of("foundry", (r'after   = "300s"', 'after = "1s"'), (r'beat      = "30s"', 'beat = "200ms"'),
                            (r'interval  = "30s"', 'interval = "200ms"'))
        self.pending("t1")
        self.take_over(profile=copy, done=lambda: self.states() == {"t1": "completed"})
        self.assertEqual(self.sql("SELECT count(*) FROM task_audit_log"), [(1,)])

    def test_stale_claim_without_a_heartbeat_row(self):
        """A claim by hand has no heartbeat row: it waits for step 3."""
        self.pending("t1")
        claim = self.json("claim", "--owner", "anna").rows[0]
        self.assertEqual((claim["id"], claim["kind"]), ("t1", "render"))
        self.assertEqual(self.sweep()["stale"], 0)
        self.sql("UPDATE foundry_tasks SET claimed_at = ?", utc(6 * HOUR + 2))
        answer = self.sweep()
        self.assertEqual((answer["released_tasks"], answer["reclaimed_tasks"], answer["stalled_workers"]), (0, 1, 0))
        self.assertEqual(self.details(), {"t1": "Stale claim reclaimed from anna after 6.0h"})
        self.reclaim("complete", "t1", "--token", claim["token"], code=REFUSED)
        self.finish("--no-sweep")
        self.assertEqual(self.states(), {"t1": "completed"})

    def test_own_audit_tells_it_too(self):
        self.claimed("t1", "anna", hours=7)
        self.sweep()
        event, = self.json("audit").rows
        self.assertEqual((event["id"], event["act"], event["rule"], event["from_native"], event["to_native"], event["owner"]),
                         ("t1", "recover", "stale-claim", "claimed", "pending", "anna"))
        self.assertEqual(event["reason"], "Stale claim reclaimed from anna after 7.0h")


class Rules(Foundry):
    def test_boundaries_are_strict(self):
        """Older than 300 s and 6 h; what is about as old as that, or younger, is left alone."""
        self.worker("silent", seen=301)
        self.worker("late", seen=297)
        self.claimed("a", "silent", hours=1)
        self.claimed("b", "late", hours=1)
        self.claimed("c", "unknown", hours=6 + 1 / HOUR)
        self.claimed("d", "unknown", hours=6 - 3 / HOUR)
        answer = self.sweep()
        self.assertEqual({each["id"]: each["rule"] for each in answer["tasks"]}, {"a": "silent-worker", "c": "stale-claim"})
        self.assertEqual(self.states(), {"a": "pending", "b": "claimed", "c": "pending", "d": "claimed"})

    def test_a_row_that_both_steps_match_is_step_two(self):
        at = self.worker("silent", seen=400)
        self.claimed("both", "silent", hours=9)
        answer = self.sweep()
        self.assertEqual((answer["released_tasks"], answer["reclaimed_tasks"]), (1, 0))
        self.assertEqual(self.details(), {"both": f"Released from stalled worker silent, last seen {at}"})

    def test_stopped_and_missing_workers_wait_for_step_three(self):
        self.worker("stopped", seen=9 * HOUR, status="stopped")
        self.claimed("a", "stopped", hours=1)
        self.claimed("b", "nobody", hours=1)
        answer = self.sweep()
        self.assertEqual((answer["stale"], answer["stalled_workers"]), (0, 0))
        self.sql("UPDATE foundry_tasks SET claimed_at = ?", utc(7 * HOUR))
        self.assertEqual(self.sweep()["reclaimed_tasks"], 2)
        self.assertEqual(self.label("stopped"), "stopped")

    def test_null_claimed_at_never_matches(self):
        self.worker("alive")
        self.claimed("a", "alive", claimed_at=None, updated_at=utc(99 * HOUR))
        self.claimed("b", "nobody", claimed_at=None, updated_at=utc(99 * HOUR))
        answer = self.sweep()
        self.assertEqual((answer["stale"], answer["tasks"]), (0, []))
        self.assertEqual(answer["blind"], 1)  # b: no rule can ever judge it
        self.assertEqual(self.states(), {"a": "claimed", "b": "claimed"})

    def test_a_worker_whose_beats_resumed_is_not_robbed(self):
        self.worker("back", seen=5, status="stalled")
        self.claimed("a", "back", hours=1)
        answer = self.sweep()
        self.assertEqual((answer["stale"], answer["stalled_workers"]), (0, 0))
        self.assertEqual(self.label("back"), "stalled")

    def test_silent_under_any_label_but_stopped(self):
        self.worker("known", seen=1000, status="stalled")
        self.claimed("a", "known", hours=1)
        answer = self.sweep()
        self.assertEqual((answer["released_tasks"], answer["workers_stalled"]), (1, ["known"]))

    def test_other_states_are_left_alone(self):
        self.worker("silent", seen=1000)
        for status in ("pending", "completed", "failed", "archived"):
            self.claimed(status, "silent", hours=99, status=status)
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual(sorted(self.states()), sorted(self.states().values()))

    def test_cap_covers_both_steps_oldest_claim_first(self):
        """Five a cycle, candidates of both steps in one order; the rest in later cycles."""
        self.worker("silent", seen=400)
        order = []
        for i in range(6):
            hours = 20 - 2 * i
            self.claimed(f"age-{i}", "nobody", hours=hours)
            self.claimed(f"silent-{i}", "silent", hours=hours - 1)
            order += [f"age-{i}", f"silent-{i}"]
        for cycle in range(3):
            answer = self.sweep()
            self.assertEqual([each["id"] for each in answer["tasks"]], order[5 * cycle:5 * cycle + 5])
            taken = [each["rule"] for each in answer["tasks"]]
            self.assertEqual(answer["released_tasks"], taken.count("silent-worker"))
            self.assertEqual(answer["reclaimed_tasks"], taken.count("stale-claim"))
            self.assertEqual(answer["held_back"], max(0, 12 - 5 * cycle - 5))
            self.assertEqual(answer["stalled_workers"], 1)
        self.assertEqual(self.sql("SELECT count(*) FROM task_audit_log"), [(12,)])

    def test_limit_lowers_the_cap_and_force_does_not_lift_it(self):
        for i in range(8):
            self.claimed(f"t{i}", "nobody", hours=20 - i)
        self.assertEqual(self.sweep("--limit", "2")["reclaimed_tasks"], 2)
        self.assertEqual(self.sweep("--limit", "100", "--force")["reclaimed_tasks"], 5)

    def test_dry_run_writes_nothing_and_needs_no_tables_of_ours(self):
        self.worker("silent", seen=400)
        self.claimed("a", "silent", hours=1)
        self.claimed("b", "nobody", hours=8)
        before = list(self.connect().iterdump())
        answer = self.sweep("--dry-run")
        self.assertEqual((answer["released_tasks"], answer["reclaimed_tasks"], answer["dry_run"]), (1, 1, True))
        self.assertEqual(list(self.connect().iterdump()), before)
        real = self.sweep()
        self.assertEqual([each["id"] for each in real["tasks"]], [each["id"] for each in answer["tasks"]])

    def test_short_thresholds_from_a_copy(self):
        """The settings are the profile's: heartbeat_interval, stall_threshold, claim_timeout, max_reclaims_per_cycle."""
        copy = self.copy_of("foundry", (r'after   = "300s"', 'after = "3s"'), (r'after   = "6h"', 'after = "10s"'),
                            (r"per_sweep = 5", "per_sweep = 1"), (r'beat      = "30s"', 'beat = "1s"'))
        self.worker("silent", seen=4)
        self.claimed("a", "silent")
        self.claimed("b", "nobody", hours=11 / HOUR)
        first = self.sweep(profile=copy)
        self.assertEqual([each["id"] for each in first["tasks"]], ["b"])
        self.assertEqual([each["id"] for each in self.sweep(profile=copy)["tasks"]], ["a"])

    def test_many_silent_at_once_wait_at_the_valve(self):
        """It holds silence back until twice the threshold; the age of a claim is no silence."""
        for i in range(25):
            self.worker(f"w{i}", seen=310)
            self.claimed(f"t{i:02}", f"w{i}", hours=1)
        self.claimed("old", "nobody", hours=7)
        answer = self.sweep(code=scene.HELD_BACK)
        self.assertEqual((answer["valve"], answer["released_tasks"], answer["reclaimed_tasks"]), ("holding", 0, 1))
        self.assertEqual(self.label("w0"), "active")
        self.assertEqual(self.sweep("--force")["released_tasks"], 5)
        self.sql("UPDATE worker_heartbeats SET last_seen = ?", utc(601))
        self.assertEqual(self.sweep()["released_tasks"], 5)


class Faults(Foundry):
    stubborn = """CREATE TRIGGER stubborn BEFORE UPDATE ON foundry_tasks WHEN old.task_id LIKE 'bad%'
                  BEGIN SELECT RAISE({how}, 'no way'); END"""

    def test_one_failing_row_stops_nothing(self):
        for how in ("ABORT", "FAIL", "ROLLBACK"):
            with self.subTest(how=how):
                self.script("DELETE FROM foundry_tasks; DELETE FROM task_audit_log; DROP TRIGGER IF EXISTS stubborn")
                self.script(self.stubborn.format(how=how))
                for task, hours in (("a", 9), ("bad", 8), ("c", 7)):
                    self.claimed(task, "nobody", hours=hours)
                run = self.json("sweep")
                answer = run.answer
                self.assertEqual((answer["reclaimed_tasks"], answer["errors"]), (2, 1))
                self.assertIn("bad", run.err)
                self.assertIn("no way", run.err)
                self.assertIn("no way", answer["error"])
                self.assertEqual(self.states(), {"a": "pending", "bad": "claimed", "c": "pending"})
                self.assertEqual(sorted(self.details()), ["a", "c"])
                self.assertEqual(self.sql("SELECT count(*) FROM task_audit_log"), [(2,)])

    def test_no_error_no_word(self):
        self.assertNotIn("error", self.sweep())

    def test_its_log_line(self):
        self.script(self.stubborn.format(how="ABORT"))
        self.claimed("bad", "nobody", hours=8)
        line, = [line for line in self.daemon_pass() if "bad" in line]
        self.assertTrue(line.startswith("Failed to reclaim task bad: "), line)
        self.assertIn("no way", line)

    def test_rows_that_fail_use_no_cap(self):
        self.script(self.stubborn.format(how="ABORT"))
        for i in range(7):
            self.claimed(f"bad{i}", "nobody", hours=20)
        for i in range(6):
            self.claimed(f"good{i}", "nobody", hours=8)
        answer = self.sweep()
        self.assertEqual((answer["reclaimed_tasks"], answer["errors"]), (5, 7))

    def test_a_race_is_lost_not_won(self):
        """While the sweep takes `a`, its worker completes `b`: the completion stays."""
        self.claimed("a", "nobody", hours=9)
        self.claimed("b", "nobody", hours=8)
        self.script("""CREATE TRIGGER race AFTER UPDATE OF status ON foundry_tasks WHEN new.task_id = 'a'
                       BEGIN UPDATE foundry_tasks SET status = 'completed' WHERE task_id = 'b'; END""")
        answer = self.sweep()
        self.assertEqual((answer["reclaimed_tasks"], answer["lost_races"], answer["errors"]), (1, 1, 0))
        self.assertEqual(self.states(), {"a": "pending", "b": "completed"})
        self.assertEqual(sorted(self.details()), ["a"])

    def test_a_worker_that_beats_meanwhile_keeps_its_claims(self):
        self.worker("dead", seen=400)
        self.worker("back", seen=400)
        self.claimed("a", "dead", hours=9)
        self.claimed("b", "back", hours=8)
        self.script(f"""CREATE TRIGGER race AFTER UPDATE OF status ON worker_heartbeats WHEN new.worker_id = 'dead'
                        BEGIN UPDATE worker_heartbeats SET last_seen = '{utc()}' WHERE worker_id = 'back'; END""")
        answer = self.sweep()
        self.assertEqual((answer["released_tasks"], answer["lost_races"]), (1, 1))
        self.assertEqual((self.states()["b"], self.label("back")), ("claimed", "active"))

    def test_an_audit_that_fails_takes_nothing(self):
        self.script("""CREATE TRIGGER full BEFORE INSERT ON task_audit_log BEGIN SELECT RAISE(ABORT, 'audit is full'); END""")
        self.claimed("a", "nobody", hours=9)
        self.assertEqual(self.sweep()["errors"], 1)
        self.assertEqual(self.states(), {"a": "claimed"})
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events"), [(0,)])


class Words(Foundry):
    def test_result_of_a_cycle(self):
        self.worker("silent", seen=400)
        self.claimed("a", "silent", hours=1)
        self.claimed("b", "nobody", hours=8)
        answer = self.sweep()
        self.assertEqual((answer["stalled_workers"], answer["reclaimed_tasks"], answer["released_tasks"]), (1, 1, 1))
        self.assertIsInstance(answer["duration_ms"], (int, float))
        self.assertLess(abs(scene.seconds_between(answer["timestamp"], scene.zulu())), 60)
        self.assertEqual(self.sweep()["stalled_workers"], 1)  # each cycle says who is silent now
        last = self.json("status").answer["last_sweep"]
        self.assertEqual((last["stalled_workers"], last["released_tasks"]), (1, 0))

    def test_log_lines(self):
        seen = self.worker("silent", seen=400)
        self.claimed("a", "silent", hours=1)
        self.claimed("b", "silent", hours=2)
        self.claimed("c", "nobody", hours=8.46)
        told = self.daemon_pass()
        for line in (f"Detected stalled worker silent, last seen: {seen}", "Released 2 tasks from stalled worker silent",
                     "Reclaimed stale task c (type: render) from worker nobody, claimed for 8.5h",
                     "Reclaimed 1 stale task claims"):
            self.assertEqual(told.count(line), 1, (line, told))
        self.claimed("d", "silent", hours=1)
        again = self.daemon_pass()  # the label has been told of; its tasks are released all the same
        self.assertEqual([line for line in again if line.startswith("Detected")], [])
        self.assertIn("Released 1 tasks from stalled worker silent", again)
        self.assertEqual([line for line in again if line.startswith("Reclaimed")], [])

    def test_a_silent_worker_without_claims_is_labelled(self):
        seen = self.worker("idle", seen=400)
        self.assertIn(f"Detected stalled worker idle, last seen: {seen}", self.daemon_pass())
        self.assertEqual(self.label("idle"), "stalled")

    def test_health(self):
        empty = self.json("status").answer
        self.assertEqual(empty["native"], {"pending": 0, "claimed": 0, "completed": 0, "failed": 0})
        self.assertEqual(empty["workers"], {"active": 0, "stalled": 0, "stopped": 0})
        self.worker("a", seen=9999)  # silent, but nobody has said so yet: labels as they stand
        self.worker("b", status="stalled")
        self.worker("c", status="stopped")
        self.claimed("t1", "a")
        self.pending("t2")
        self.claimed("t3", "a", status="completed")
        answer = self.json("status").answer
        self.assertEqual(answer["workers"], {"active": 1, "stalled": 1, "stopped": 1})
        self.assertEqual(answer["native"], {"pending": 1, "claimed": 1, "completed": 1, "failed": 0})
        self.assertLess(abs(scene.seconds_between(answer["timestamp"], scene.zulu())), 60)

    def test_status_of_one_worker(self):
        seen = self.worker("a", seen=9999)
        self.worker("b", status="stopped")
        self.claimed("t1", "a")
        row, = self.json("workers", "a").rows
        self.assertEqual((row["worker"], row["state"], row["native_state"], row["silent"], row["claims"]),
                         ("a", "active", "active", True, 1))
        self.assertEqual(row["last_seen"].replace("T", " ").rstrip("Z"), seen)
        self.assertEqual(len(self.json("workers").rows), 2)
        self.reclaim("workers", "nobody", code=NOT_FOUND)

    def test_stale_and_explain(self):
        self.claimed("a", "nobody", hours=8)
        self.assertEqual([row["id"] for row in self.json("stale").rows], ["a"])
        told = self.json("explain", "a").answer
        self.assertEqual([(rule["rule"], rule["matches"]) for rule in told["rules"]],
                         [("silent-worker", False), ("stale-claim", True)])
        self.assertEqual(told["rules"][1]["threshold_s"], 21600)


class Verbs(Foundry):
    def test_beat_is_an_upsert(self):
        self.reclaim("beat", "--worker", "w1")
        first, = self.dicts("SELECT * FROM worker_heartbeats")
        self.assertEqual((first["worker_id"], first["status"]), ("w1", "active"))
        self.assertRegex(first["last_seen"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$")
        self.sql("UPDATE worker_heartbeats SET status = 'stalled', last_seen = ?", utc(999))
        self.reclaim("beat", "--worker", "w1")
        again, = self.dicts("SELECT * FROM worker_heartbeats")
        self.assertEqual(again["status"], "active")
        self.assertGreaterEqual(again["last_seen"], first["last_seen"])
        self.reclaim("beat", "--worker", "w1", "--status", "stopped")
        self.assertEqual(self.label("w1"), "stopped")

    def test_a_beat_has_a_label_that_the_profile_knows(self):
        told = self.reclaim("beat", "--worker", "w1", "--status", "zzz", code=USAGE).err
        self.assertIn("status 'zzz' is not a worker's; allowed: active, stalled, stopped", told)
        self.assertEqual(self.sql("SELECT count(*) FROM worker_heartbeats"), [(0,)])

    def test_claim_takes_the_oldest_pending(self):
        self.pending("young", updated_at=utc(10))
        self.pending("old", updated_at=utc(100))
        claim = self.json("claim", "--owner", "anna").rows[0]
        row = self.task("old")
        self.assertEqual((claim["id"], row["status"], row["claimed_by"]), ("old", "claimed", "anna"))
        self.assertEqual(claim["token"], f"anna/{row['claimed_at']}")
        self.assertLess(abs(scene.seconds_between(row["claimed_at"], utc())), 60)
        self.assertEqual(self.task("young")["status"], "pending")

    def test_renew_is_the_workers_heartbeat(self):
        self.pending("t1")
        claim = self.json("claim", "--owner", "anna").rows[0]
        self.sql("UPDATE foundry_tasks SET updated_at = ?", utc(50))
        self.reclaim("renew", "t1", "--token", claim["token"])
        self.assertEqual(self.label("anna"), "active")
        self.sql("UPDATE foundry_tasks SET claimed_by = 'bert'")
        self.reclaim("renew", "t1", "--token", claim["token"], code=REFUSED)

    def test_complete_fail_release(self):
        for verb, options, status in (("complete", [], "completed"), ("fail", ["--error", "boom"], "failed"),
                                      ("release", [], "pending")):
            with self.subTest(verb=verb):
                self.pending(verb)
                claim = self.json("claim", "--owner", "anna").rows[0]
                self.sql("UPDATE foundry_tasks SET updated_at = ? WHERE task_id = ?", utc(999), verb)
                self.reclaim(verb, verb, "--token", "other/token", *options, code=REFUSED)
                self.assertEqual(self.task(verb)["status"], "claimed")
                self.reclaim(verb, verb, "--token", claim["token"], *options)
                row = self.task(verb)
                self.assertEqual(row["status"], status)
                self.assertLess(scene.seconds_between(row["updated_at"], utc()), 60)
                if verb == "release":
                    self.assertEqual((row["claimed_by"], row["claimed_at"]), (None, None))
                else:
                    self.reclaim(verb, verb, "--token", claim["token"], *options)  # a replay
                    self.assertEqual(self.task(verb), row)
        self.reclaim("complete", "no-such-task", "--token", "x", code=NOT_FOUND)

    def test_a_finished_task_takes_no_other_verb(self):
        self.pending("t1")
        claim = self.json("claim", "--owner", "anna").rows[0]
        self.reclaim("complete", "t1", "--token", claim["token"])
        for verb in (["fail", "--error", "x"], ["release"], ["renew"]):
            with self.subTest(verb=verb[0]):
                self.reclaim(verb[0], "t1", "--token", claim["token"], *verb[1:], code=REFUSED)
        self.assertEqual(self.task("t1")["status"], "completed")

    def test_what_it_does_not_support(self):
        self.claimed("t1", "anna")
        for command in (["submit"], ["cancel", "t1"], ["retry", "t1"], ["recover", "--owner", "anna"], ["cleanup"],
                        ["prune"]):
            with self.subTest(command=command[0]):
                self.assertIn("not supported", self.reclaim(*command, code=UNSUPPORTED).err)
        self.assertEqual(self.states(), {"t1": "claimed"})

    def test_a_stopped_worker_says_so(self):
        worker = self.work("--no-sweep")
        self.until(lambda: self.sql("SELECT 1 FROM worker_heartbeats WHERE status = 'active'"), "its first beat")
        self.assertEqual(worker.stop(), DONE, worker.err)
        self.assertEqual(self.sql("SELECT status FROM worker_heartbeats"), [("stopped",)])

    def test_where_no_attempts_are_counted_none_are_told(self):
        self.pending("t1")
        self.pending("t2")
        self.assertIsNone(self.json("claim", "--owner", "anna").rows[0]["attempt"])
        run = self.reclaim("work", "--drain", "--no-sweep", "--", "sh", "-c", 'echo "${RECLAIM_ATTEMPT-none}" > "$SCENE/told"',
                           env={"RECLAIM_ATTEMPT": "7"})
        self.assertEqual((self.folder / "told").read_text(encoding="utf-8"), "none\n")
        self.assertNotIn("attempt", run.err)

    def test_a_worker_beats(self):
        copy = self.copy_of("foundry", (r'after   = "300s"', 'after = "3s"'), (r'beat      = "30s"', 'beat = "200ms"'))
        self.pending("t1")
        worker = self.busy("--no-sweep", profile=copy)
        first, = self.sql("SELECT last_seen FROM worker_heartbeats")
        self.until(lambda: self.sql("SELECT last_seen FROM worker_heartbeats")[0] > first, "another beat")
        self.open_gate()
        self.until(lambda: self.states() == {"t1": "completed"}, "the completion")
        self.assertEqual(worker.stop(), DONE, worker.err)


class ReadOnly(Foundry):
    def test_looks_and_dry_runs_need_no_right_to_write(self):
        self.look_without_rights()

    def test_nor_does_a_file_in_wal_mode(self):
        self.sql("PRAGMA journal_mode = wal")
        self.look_without_rights()

    def look_without_rights(self):
        self.worker("silent", seen=400)
        self.claimed("a", "silent", hours=1)
        self.pending("b")
        before = self.file.read_bytes()
        self.file.chmod(0o444)
        self.folder.chmod(0o555)
        try:
            for command in (["status"], ["list"], ["stale"], ["workers"], ["explain", "a"], ["show", "a"], ["audit"], ["plan"]):
                with self.subTest(command=command[0]):
                    self.reclaim(*command, preexec_fn=scene.obey_permissions)
            self.assertEqual(self.sweep("--dry-run", preexec_fn=scene.obey_permissions)["released_tasks"], 1)
            for command in (["sweep"], ["beat", "--worker", "w"], ["claim", "--owner", "w"]):
                with self.subTest(command=command[0]):
                    run = self.reclaim(*command, code=scene.UNAVAILABLE, preexec_fn=scene.obey_permissions)
                    self.assertIn(str(self.file), run.err)
        finally:
            self.folder.chmod(0o755)
        self.assertEqual(self.file.read_bytes(), before)


class Tables(Foundry):
    def test_a_table_of_another_shape_is_refused(self):
        self.script("ALTER TABLE foundry_tasks RENAME COLUMN claimed_at TO taken_at")
        err = self.reclaim("sweep", code=USAGE).err
        self.assertIn("claimed_at", err)
        self.assertIn("taken_at", err)

    def test_a_missing_table_is_named(self):
        self.script("DROP TABLE worker_heartbeats")
        self.assertIn("worker_heartbeats", self.reclaim("sweep", code=USAGE).err)

    def test_a_time_that_can_not_be_read_is_blind(self):
        self.claimed("a", "nobody", hours=8, claimed_at="yesterday")
        self.claimed("b", "nobody", hours=8)
        run = self.json("sweep")
        self.assertEqual((run.answer["blind"], run.answer["reclaimed_tasks"]), (1, 1))
        self.assertIn("claimed_at", run.err)

    def test_its_own_programs_shapes_of_time(self):
        """Date-times with and without a fraction, with T or a space."""
        for i, text in enumerate((utc(7 * HOUR), utc(7 * HOUR)[:19], utc(7 * HOUR).replace(" ", "T"))):
            self.claimed(f"t{i}", "nobody", claimed_at=text)
        self.assertEqual(self.sweep()["reclaimed_tasks"], 3)


if __name__ == "__main__":
    unittest.main()
