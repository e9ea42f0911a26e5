"""The profile `delegations` on the system's own table: deadlines, silent agents, the state machine, the daemon's words."""
import time
import unittest
import uuid

import scene
from scene import DONE, NOT_FOUND, REFUSED, UNSUPPORTED, USAGE, Scene, zulu

CALLER, CALLEE, OTHER = (str(uuid.UUID(int=n)) for n in (1, 2, 3))

SCHEMA = """
CREATE TABLE delegations (
    delegation_id TEXT PRIMARY KEY NOT NULL,
    caller_id TEXT NOT NULL,
    callee_id TEXT NOT NULL,
    task_preview TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'dispatched', 'in_progress', 'completed', 'failed', 'stuck')),
    last_heartbeat TEXT,
    deadline TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+6 hours')),
    result_preview TEXT,
    error_detail TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    idempotency_key TEXT
);
CREATE INDEX delegations_in_flight ON delegations (status) WHERE status IN ('queued', 'dispatched', 'in_progress');
"""
OVERDUE = "deadline exceeded by sweeper"


class Delegations(Scene):
    profile = "delegations"
    schema = SCHEMA

    def insert(self, name, status="in_progress", **columns):
        self.add("delegations", **{"delegation_id": name, "caller_id": CALLER, "callee_id": CALLEE,
                                   "task_preview": "summarize", "status": status, **columns})

    def row(self, name):
        return self.dicts("SELECT * FROM delegations WHERE delegation_id = ?", name)[0]

    def states(self):
        return dict(self.sql("SELECT delegation_id, status FROM delegations"))

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def claim(self):
        return self.json("claim", "--owner", CALLEE).rows[0]

    def results(self, answer):
        return tuple(answer[word] for word in ("deadline_failures", "stuck_marked", "lost_races", "errors"))


class Story(Delegations):
    def test_silent_agent(self):
        """Queued, claimed, killed, stuck; an operator sends it again, and another agent finishes it."""
        self.insert("d1", "queued")
        self.reclaim("claim", "--owner", OTHER, code=NOT_FOUND)
        claim = self.claim()
        self.assertEqual((claim["id"], claim["payload"]), ("d1", "summarize"))
        row = self.row("d1")
        self.assertEqual(row["status"], "in_progress")
        self.assertLess(scene.seconds_between(row["last_heartbeat"], zulu()), 60)
        self.assertEqual(self.results(self.sweep()), (0, 0, 0, 0))
        self.sql("UPDATE delegations SET last_heartbeat = ?", zulu(1799.55))  # rounded to the second
        self.assertEqual(self.results(self.sweep()), (0, 1, 0, 0))
        row = self.row("d1")
        self.assertEqual((row["status"], row["error_detail"]), ("stuck", "no heartbeat for 30m0s"))
        self.assertEqual(self.results(self.sweep()), (0, 0, 0, 0))
        self.reclaim("retry", "d1")
        again = self.row("d1")
        self.assertEqual((again["status"], again["last_heartbeat"], again["retry_count"]), ("queued", None, 1))
        self.assertAlmostEqual(scene.seconds_between(zulu(), again["deadline"]), 6 * 3600, delta=60)
        self.reclaim("complete", "d1", "--token", claim["token"], code=REFUSED)
        second = self.claim()
        self.assertNotEqual(second["token"], claim["token"])
        self.reclaim("complete", "d1", "--token", second["token"], "--result", '"done"')
        self.assertEqual((self.row("d1")["status"], self.row("d1")["result_preview"]), ("completed", '"done"'))

    def test_a_worker_that_is_killed(self):
        """`work` beats; killed, it is stuck after the threshold; the late hand-in of a stuck one counts."""
        self.insert("d1", "queued")
        copy = self.copy_of("delegations", (r'after   = "600s"', 'after = "1s"'), 
                            (r'interval  = "300s"', 'interval = "300s"\n\tbeat = "200ms"'))
        # the callee is the row's own: `work` takes a name of its own, so the row gets that one
        worker = self.work("--no-sweep", profile=copy)
        said = self.until(lambda: [line for line in worker.told if line.startswith("working as")], "its name")[0]
        name = said[len("working as "):].split(": /")[0]
        self.sql("UPDATE delegations SET callee_id = ?", name)
        self.until(lambda: self.journal("start"), "the start of the job")
        first = self.row("d1")["last_heartbeat"]
        self.until(lambda: self.row("d1")["last_heartbeat"] > first, "a beat")
        self.assertEqual(self.sweep(profile=copy)["stale"], 0)
        worker.kill()
        self.until(lambda: self.sweep(profile=copy)["stuck_marked"], "the sweep that finds it silent")
        self.assertEqual(self.row("d1")["status"], "stuck")
        self.assertRegex(self.row("d1")["error_detail"], r"^no heartbeat for \ds$")
        token = f"{name}/0"
        self.reclaim("complete", "d1", "--token", token, "--result", '"late"')
        self.assertEqual(self.row("d1")["status"], "completed")

    def test_deadline(self):
        self.insert("d1", "queued")
        claim = self.claim()
        self.sql("UPDATE delegations SET deadline = ?", zulu(1))
        self.assertEqual(self.results(self.sweep()), (1, 0, 0, 0))
        self.assertEqual((self.row("d1")["status"], self.row("d1")["error_detail"]), ("failed", OVERDUE))
        self.reclaim("complete", "d1", "--token", claim["token"], code=REFUSED)
        self.reclaim("retry", "d1", code=REFUSED)  # failed is for ever
        self.assertEqual(self.row("d1")["status"], "failed")


class Rules(Delegations):
    def test_deadline_comes_first(self):
        """Both rules match: failed. It catches the agent that beats for ever, and closes what is stuck."""
        for status in ("queued", "dispatched", "in_progress"):
            self.insert(f"both-{status}", status, deadline=zulu(2), last_heartbeat=zulu(5000))
            self.insert(f"beats-{status}", status, deadline=zulu(2), last_heartbeat=zulu())
            self.insert(f"null-{status}", status, deadline=zulu(2))
            self.insert(f"silent-{status}", status, last_heartbeat=zulu(5000))
            self.insert(f"free-{status}", status)
        self.insert("stuck", "stuck", deadline=zulu(2), last_heartbeat=zulu(5000), error_detail="no heartbeat for 10m0s")
        self.insert("waiting", "stuck", last_heartbeat=zulu(5000))
        self.assertEqual(self.results(self.sweep()), (10, 3, 0, 0))
        for name, status in self.states().items():
            wanted = {"both": "failed", "beats": "failed", "null": "failed", "silent": "stuck", "free": name[5:],
                      "stuck": "failed", "waiting": "stuck"}[name.split("-")[0]]
            self.assertEqual(status, wanted, name)
            if status == "failed":
                self.assertEqual(self.row(name)["error_detail"], OVERDUE)

    def test_boundaries_are_strict(self):
        self.insert("late", deadline=zulu(0.5))
        self.insert("in-time", deadline=zulu(-5))
        self.insert("silent", last_heartbeat=zulu(601))
        self.insert("quiet", last_heartbeat=zulu(597))
        self.assertEqual(self.results(self.sweep()), (1, 1, 0, 0))
        self.assertEqual(self.states(), {"late": "failed", "in-time": "in_progress", "silent": "stuck", "quiet": "in_progress"})

    def test_no_heartbeat_is_a_free_pass(self):
        self.insert("d1", created_at=zulu(99999), updated_at=zulu(99999))
        answer = self.sweep()
        self.assertEqual((answer["stale"], answer["blind"]), (0, 0))

    def test_finished_is_for_ever(self):
        for status in ("completed", "failed"):
            self.insert(status, status, deadline=zulu(5000), last_heartbeat=zulu(5000), result_preview="r", error_detail="e")
        self.assertEqual(self.sweep()["stale"], 0)
        for status in ("completed", "failed"):
            self.assertEqual((self.row(status)["status"], self.row(status)["error_detail"]), (status, "e"))

    def test_durations_in_its_words(self):
        for seconds, text in ((45, "45s"), (1800, "30m0s"), (3605, "1h0m5s"), (359999, "99h59m59s"), (60, "1m0s")):
            self.sql("DELETE FROM delegations")
            self.insert("d1", last_heartbeat=zulu(seconds - 0.45), deadline=zulu(-9e5))
            self.sweep(env={"DELEGATION_STUCK_THRESHOLD_S": "30"})
            self.assertEqual(self.row("d1")["error_detail"], f"no heartbeat for {text}")

    def test_a_row_that_completes_meanwhile_stays_completed(self):
        """A lost race is a counter of its own; the result is intact, for both rules."""
        self.insert("a", deadline=zulu(100))
        self.insert("b", deadline=zulu(50))
        self.insert("c", last_heartbeat=zulu(5000))
        self.script("""CREATE TRIGGER race AFTER UPDATE OF status ON delegations WHEN new.delegation_id = 'a'
            BEGIN UPDATE delegations SET status = 'completed', result_preview = 'mine' WHERE delegation_id IN ('b', 'c'); END""")
        self.assertEqual(self.results(self.sweep()), (1, 0, 2, 0))
        for name in ("b", "c"):
            row = self.row(name)
            self.assertEqual((row["status"], row["result_preview"], row["error_detail"]), ("completed", "mine", None))

    def test_one_failing_row_stops_nothing(self):
        self.insert("bad", deadline=zulu(100))
        self.insert("good", deadline=zulu(50))
        self.insert("silent", last_heartbeat=zulu(5000))
        self.script("""CREATE TRIGGER stubborn BEFORE UPDATE ON delegations WHEN old.delegation_id = 'bad'
                       BEGIN SELECT RAISE(ABORT, 'no way'); END""")
        run = self.json("sweep")
        self.assertEqual(self.results(run.answer), (1, 1, 0, 1))
        self.assertIn("no way", run.err)
        self.assertEqual(self.states(), {"bad": "in_progress", "good": "failed", "silent": "stuck"})

    def test_every_write_sets_updated_at(self):
        self.insert("a", deadline=zulu(100), updated_at=zulu(9999))
        self.insert("b", last_heartbeat=zulu(5000), updated_at=zulu(9999))
        self.sweep()
        for name in "ab":
            self.assertLess(scene.seconds_between(self.row(name)["updated_at"], zulu()), 60)
            self.assertRegex(self.row(name)["updated_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_its_partial_index_is_enough(self):
        """A large table of what is finished; without the index it is refused unless forced."""
        self.sql("INSERT INTO delegations (delegation_id, caller_id, callee_id, status) WITH RECURSIVE n(i) AS"
                 " (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100001) SELECT i, '', '', 'completed' FROM n")
        self.insert("d1", deadline=zulu(100))
        self.assertEqual(self.sweep()["deadline_failures"], 1)
        self.sql("DROP INDEX delegations_in_flight")
        self.assertIn("--force", self.reclaim("sweep", code=USAGE).err)
        self.reclaim("sweep", "--force")

    def test_no_cap(self):
        for i in range(30):
            self.insert(f"d{i}", deadline=zulu(100))
        self.assertEqual(self.sweep()["deadline_failures"], 30)


class Verbs(Delegations):
    def held(self, name="d1", status="in_progress", **columns):
        self.insert(name, status, **columns)
        return f"{CALLEE}/0"

    def test_token_is_callee_and_retries(self):
        self.insert("d1", "queued", retry_count=2)
        self.assertEqual(self.claim()["token"], f"{CALLEE}/2")

    def test_claim_takes_the_oldest_of_its_own(self):
        self.insert("young", "queued", created_at=zulu(10))
        self.insert("old", "queued", created_at=zulu(20))
        self.insert("others", "queued", created_at=zulu(30), callee_id=OTHER)
        self.insert("dispatched", "dispatched", created_at=zulu(40))
        self.assertEqual([self.claim()["id"], self.claim()["id"]], ["old", "young"])
        self.reclaim("claim", "--owner", CALLEE, code=NOT_FOUND)

    def test_renew(self):
        token = self.held(last_heartbeat=zulu(500))
        self.reclaim("renew", "d1", "--token", token)
        self.assertLess(scene.seconds_between(self.row("d1")["last_heartbeat"], zulu()), 60)

    def test_transitions(self):
        """Same status: no write, success. What the state machine has not: refused. The row is untouched by both."""
        allowed = {
            "complete": {"dispatched", "in_progress", "stuck"},
            "fail": {"queued", "dispatched", "in_progress", "stuck"},
            "retry": {"stuck"},
        }
        replays = {"complete": "completed", "fail": "failed", "retry": "queued"}
        options = {"complete": ["--result", '"r"'], "fail": ["--error", "e"], "retry": []}
        for verb, froms in allowed.items():
            for status in ("queued", "dispatched", "in_progress", "completed", "failed", "stuck"):
                with self.subTest(verb=verb, status=status):
                    self.sql("DELETE FROM delegations")
                    token = self.held(status=status)
                    before = self.row("d1")
                    by_token = [] if verb == "retry" else ["--token", token]
                    code = DONE if status in froms or status == replays[verb] else REFUSED
                    run = self.reclaim(verb, "d1", *by_token, *options[verb], code=code)
                    if status in froms:
                        self.assertEqual(self.row("d1")["status"], replays[verb])
                    else:
                        self.assertEqual(self.row("d1"), before)
                    if code == REFUSED:
                        self.assertIn(status, run.err)
                        self.assertIn("not allowed", run.err)

    def test_complete_and_fail(self):
        token = self.held()
        self.reclaim("complete", "d1", "--token", token, "--result", '{"a": 1}')
        self.assertEqual((self.row("d1")["result_preview"], self.row("d1")["error_detail"]), ('{"a": 1}', None))
        before = self.row("d1")
        self.reclaim("complete", "d1", "--token", token, "--result", '"other"')
        self.assertEqual(self.row("d1"), before)
        token = self.held("d2")
        self.reclaim("fail", "d2", "--token", token, "--error", "boom")
        self.assertEqual((self.row("d2")["status"], self.row("d2")["error_detail"]), ("failed", "boom"))

    def test_results_are_cut_on_whole_characters(self):
        for character in ("x", "é", "€", "🦀"):
            with self.subTest(character=character):
                self.sql("DELETE FROM delegations")
                token = self.held()
                self.reclaim("complete", "d1", "--token", token, "--result", '"' + character * 5000 + '"')
                kept = self.row("d1")["result_preview"]
                size = len(character.encode())
                self.assertEqual(kept, '"' + character * (4095 // size))
                self.assertLessEqual(len(kept.encode()), 4096)
        self.sql("DELETE FROM delegations")
        token = self.held()
        exact = '"' + "x" * 4094 + '"'
        self.reclaim("complete", "d1", "--token", token, "--result", exact)
        self.assertEqual(self.row("d1")["result_preview"], exact)

    def test_what_it_does_not_support(self):
        token = self.held()
        for command in (["submit"], ["cancel", "d1"], ["release", "d1", "--token", token], ["beat", "--worker", CALLEE],
                        ["recover", "--owner", CALLEE], ["cleanup"]):
            with self.subTest(command=command[0]):
                self.reclaim(*command, code=UNSUPPORTED)
        self.assertEqual(self.states(), {"d1": "in_progress"})


class Looks(Delegations):
    def test_stats_are_zero_filled(self):
        answer = self.json("status").answer
        names = ("queued", "dispatched", "in_progress", "completed", "failed", "stuck")
        self.assertEqual(answer["native"], dict.fromkeys(names, 0))
        self.insert("d1", "dispatched")
        self.assertEqual(self.json("status").answer["native"], {**dict.fromkeys(names, 0), "dispatched": 1})

    def test_lists(self):
        for age, status in enumerate(("queued", "dispatched", "in_progress", "stuck", "failed", "completed")):
            for i in range(2):
                self.insert(f"{status}-{i}", status, created_at=zulu(100 * age + i))
        wanted = {"in_flight": ["queued-0", "queued-1", "dispatched-0", "dispatched-1", "in_progress-0", "in_progress-1"],
                  "stuck": ["stuck-0", "stuck-1"], "failed": ["failed-0", "failed-1"], "completed": ["completed-0", "completed-1"]}
        for state, names in wanted.items():
            self.assertEqual([row["id"] for row in self.json("list", "--state", state).rows], names)
        self.assertEqual([row["id"] for row in self.json("list", "--state", "in_flight", "--limit", "1").rows], ["queued-0"])
        for limit in ("0", "1001", "-1", "x", ""):
            with self.subTest(limit=limit):
                self.assertIn("1 to 1000", self.reclaim("list", "--limit", limit, code=USAGE).err)
        self.assertIn("in_flight", self.reclaim("list", "--state", "nonsense", code=USAGE).err)

    def test_default_limit(self):
        for i in range(120):
            self.insert(f"d{i}", "queued")
        self.assertEqual(len(self.json("list", "--state", "in_flight").rows), 100)
        self.assertEqual(len(self.json("list", "--state", "in_flight", "--limit", "1000").rows), 120)

    def test_last_sweep(self):
        self.insert("d1", deadline=zulu(100))
        self.sweep()
        self.assertEqual(self.results(self.json("status").answer["last_sweep"]), (1, 0, 0, 0))


class Daemon(Delegations):
    def test_first_sweep_at_once_and_its_lines(self):
        self.insert("a", deadline=zulu(100))
        self.insert("b", last_heartbeat=zulu(5000))
        told = self.daemon_pass()
        self.assertEqual(told[0], "started (interval=1h0m0s, stuck-threshold=10m0s)")
        self.assertIn("sweep complete — deadline_failures=1 stuck=1 errors=0", told)
        self.assertEqual(told[-1], "stopped")
        self.assertEqual(self.states(), {"a": "failed", "b": "stuck"})

    def test_no_line_when_there_was_nothing(self):
        told = self.daemon_pass()
        self.assertEqual(told, ["started (interval=1h0m0s, stuck-threshold=10m0s)", "stopped"])

    def test_a_line_when_a_race_was_lost(self):
        self.insert("a", last_heartbeat=zulu(5000))
        self.script("""CREATE TRIGGER race BEFORE UPDATE ON delegations WHEN old.status = 'in_progress' AND new.status = 'stuck'
                       BEGIN SELECT RAISE(IGNORE); END""")
        told = self.daemon_pass()
        self.assertIn("sweep complete — deadline_failures=0 stuck=0 errors=0", told)
        self.assertTrue(any("lost" in line or "race" in line for line in told), told)

    def test_then_every_interval(self):
        daemon = self.start("run", env={"DELEGATION_SWEEPER_INTERVAL_S": "1"})
        self.until(self.last_pass, "the first pass")
        self.insert("late", deadline=zulu(1))
        self.until(lambda: self.row("late")["status"] == "failed", "the next pass", seconds=10)
        self.assertEqual(daemon.stop(), DONE)
        self.assertEqual(daemon.told[0], "started (interval=1s, stuck-threshold=10m0s)")

    def settings(self, interval, threshold):
        """The lines of a daemon with these in its environment."""
        daemon = self.start("run", env={"DELEGATION_SWEEPER_INTERVAL_S": interval, "DELEGATION_STUCK_THRESHOLD_S": threshold})
        self.until(lambda: any(line.startswith("started") for line in daemon.told), "its first line")
        self.assertEqual(daemon.stop(), DONE, daemon.err)
        return daemon.told

    def test_settings(self):
        told = self.settings("+7", "3605")
        self.assertEqual(told, ["started (interval=7s, stuck-threshold=1h0m5s)", "stopped"])
        told = self.settings("", "")
        self.assertEqual(told, ["started (interval=5m0s, stuck-threshold=10m0s)", "stopped"])

    def test_garbage_is_the_default_and_one_line(self):
        told = self.settings("5m", "-1")
        self.assertIn("started (interval=5m0s, stuck-threshold=10m0s)", told)
        for name, value in (("DELEGATION_SWEEPER_INTERVAL_S", "5m"), ("DELEGATION_STUCK_THRESHOLD_S", "-1")):
            line, = [line for line in told if name in line]
            self.assertIn(f'"{value}"', line)

    def test_what_is_garbage(self):
        self.insert("d1", last_heartbeat=zulu(500))
        for value in ("0", "-5", " 60", "60 ", "60s", "1e2", "0x20", "++60", "+", "6.0", "315360001", "9" * 30, "sixty"):
            with self.subTest(value=value):
                run = self.json("sweep", "--dry-run", env={"DELEGATION_STUCK_THRESHOLD_S": value})
                self.assertEqual(run.answer["stuck_marked"], 0)
                line, = run.told
                self.assertIn("DELEGATION_STUCK_THRESHOLD_S", line)
                self.assertIn(value, line)
        for value in ("60", "+60", "0060"):
            run = self.json("sweep", "--dry-run", env={"DELEGATION_STUCK_THRESHOLD_S": value})
            self.assertEqual((run.answer["stuck_marked"], run.told), (1, []))
        self.assertEqual(self.json("sweep", "--dry-run", env={"DELEGATION_STUCK_THRESHOLD_S": "315360000"}).told, [])

    def test_one_failing_tick_stops_nothing(self):
        daemon = self.start("run", env={"DELEGATION_SWEEPER_INTERVAL_S": "1"})
        self.until(self.last_pass, "the first pass")
        self.script("ALTER TABLE delegations RENAME TO gone")
        time.sleep(1.5)
        self.script("ALTER TABLE gone RENAME TO delegations")
        self.insert("late", deadline=zulu(1))
        self.until(lambda: self.row("late")["status"] == "failed", "the pass after the failure")
        self.assertEqual(daemon.stop(), DONE)


if __name__ == "__main__":
    unittest.main()
