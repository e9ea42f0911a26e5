"""`run`: passes in time, deaths noticed at once, outages lived through, an end within 5 s."""
import signal
import sqlite3
import time
import unittest

from scene import DONE, UNSUPPORTED, USAGE, Scene, utc, zoned


class Daemon(Scene):
    def submit(self, *options):
        return self.reclaim("submit", *options).lines

    def claim(self, *options):
        return self.json("claim", "--owner", "me", *options).rows

    def state(self, task):
        return self.sql("SELECT state FROM reclaim_tasks WHERE id = ?", task)[0][0]

    def turn(self, ledger="reclaim"):
        """0 until the first pass has made the table."""
        if not self.sql("SELECT 1 FROM sqlite_schema WHERE name = 'reclaim_ledgers'"):
            return 0
        rows = self.sql("SELECT turn FROM reclaim_ledgers WHERE name = ?", ledger)
        return rows[0][0] if rows else 0

    def daemon(self, *options, **more):
        """A daemon that has said that it runs."""
        daemon = self.start("run", *options, **more)
        self.until(lambda: daemon.err, "the daemon's first line")
        return daemon

    def until_told(self, daemon, part, times=1):
        self.until(lambda: daemon.err.count(part) >= times, f"the log line '{part}'")


class Passes(Daemon):
    def test_the_first_at_once(self):
        task, = self.submit()
        self.claim("--lease", "1ms")
        began = time.monotonic()
        daemon = self.daemon("--interval", "1h")
        self.until(lambda: self.state(task) == "ready", "the first pass")
        self.assertLess(time.monotonic() - began, 10)
        self.until_told(daemon, "swept: 1 requeued")
        self.assertEqual(daemon.told[0], "sweeping ledger reclaim every 1h")
        self.assertIn(f"task {task}: requeue by rule lease", "\n".join(daemon.told))
        self.assertEqual(daemon.stop(timeout=5), DONE)
        self.assertEqual(daemon.told[-1], "stopped")

    def test_the_first_whatever_the_turn_says(self):
        task, = self.submit()
        self.reclaim("sweep")
        self.claim("--lease", "1ms")
        self.daemon("--interval", "1h")
        self.until(lambda: self.state(task) == "ready", "the first pass")

    def test_one_an_interval(self):
        self.submit()
        self.daemon("--interval", "500ms")
        self.until(lambda: self.turn() >= 1)
        began, first = time.monotonic(), self.turn()
        self.until(lambda: self.turn() >= first + 5)
        self.assertGreater(time.monotonic() - began, 5 * 0.5 - 0.5)

    def test_two_daemons_share_the_turn(self):
        self.submit()
        self.daemon("--interval", "500ms")
        self.daemon("--interval", "500ms")
        self.until(lambda: self.turn() >= 2)
        began, first = time.monotonic(), self.turn()
        self.until(lambda: self.turn() >= first + 6)
        self.assertGreater(time.monotonic() - began, 6 * 0.5 - 0.5)

    def test_missed_ticks_are_skipped(self):
        self.submit()
        daemon = self.daemon("--interval", "300ms")
        self.until(lambda: self.turn() >= 1)
        daemon.send(signal.SIGSTOP)
        time.sleep(3)
        before = self.turn()
        daemon.send(signal.SIGCONT)
        time.sleep(0.25)
        self.assertLessEqual(self.turn() - before, 2)

    def test_says_nothing_of_nothing(self):
        self.submit()
        daemon = self.daemon("--interval", "200ms")
        self.until(lambda: self.turn() >= 4)
        self.assertEqual(len(daemon.told), 1, daemon.err)

    def test_a_turn_far_ahead(self):
        """The clock was wrong when somebody took the turn."""
        self.submit()
        daemon = self.daemon("--interval", "300ms")
        self.until(lambda: self.turn() >= 1)
        self.sql("UPDATE reclaim_ledgers SET next_at = next_at + 86400000000")
        before = self.turn()
        self.until(lambda: self.turn() > before + 1, "another pass", seconds=10)
        self.assertIsNone(daemon.process.poll())

    def test_prunes(self):
        task, = self.submit()
        self.reclaim("cancel", task)
        self.sql("UPDATE reclaim_tasks SET finished_at = finished_at - 31 * 86400 * 1000000")
        daemon = self.daemon()
        self.until(lambda: not self.sql("SELECT 1 FROM reclaim_tasks"), "the pruning")
        self.until_told(daemon, "pruned 1 finished tasks")


class Deaths(Daemon):
    def test_noticed_at_once(self):
        """Killed in the middle of its work; the daemon's own interval is an hour."""
        self.submit("--count", "2")
        daemon = self.daemon("--interval", "1h")
        worker = self.busy("--concurrency", "2", "--no-sweep", tasks=2)
        worker.kill()
        killed = time.monotonic()
        self.until(lambda: not self.sql("SELECT 1 FROM reclaim_tasks WHERE state = 'running'"), "the recovery", seconds=10)
        self.assertLess(time.monotonic() - killed, 5)
        self.until_told(daemon, "rule evidence", times=2)
        self.finish("--no-sweep")
        self.assertEqual(self.sql("SELECT state, recoveries FROM reclaim_tasks"), [("completed", 1)] * 2)

    def test_beside_another_lock_file(self):
        """Somebody took the file away: those who registered in the new one are proven dead by it."""
        self.submit("--count", "2")
        self.daemon("--interval", "1h")
        first = self.busy("--no-sweep")
        time.sleep(1.5)  # the daemon has looked at it
        first.kill()
        self.until(lambda: self.sql("SELECT sum(recoveries) FROM reclaim_tasks") == [(1,)], "the recovery", seconds=10)
        workers = self.file.with_name(self.file.name + "-workers")
        workers.rename(self.folder / "taken")
        second = self.busy("--no-sweep")
        second.kill()
        self.until(lambda: self.sql("SELECT sum(recoveries) FROM reclaim_tasks") == [(2,)], "the recovery", seconds=10)

    def test_one_after_another(self):
        self.submit("--count", "3")
        self.daemon("--interval", "1h")
        for n in range(3):
            worker = self.busy("--no-sweep")
            worker.kill()
            self.until(lambda n=n: self.sql("SELECT sum(recoveries) FROM reclaim_tasks") == [(n + 1,)], "the recovery", seconds=10)


class Ends(Daemon):
    def test_within_five_seconds(self):
        self.submit()
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon()
            self.assertEqual(daemon.stop(number, timeout=5), DONE)

    def test_while_the_database_is_locked(self):
        self.submit()
        daemon = self.daemon("--interval", "100ms")
        lock = self.connect()
        lock.execute("BEGIN IMMEDIATE")
        time.sleep(1)
        self.assertEqual(daemon.stop(timeout=5), DONE)
        lock.close()

    def test_killed_and_started_again(self):
        self.submit("--count", "50")
        self.claim("--count", "50", "--lease", "1ms")
        self.start("run", "--interval", "100ms", env={"RECLAIM_PER_SWEEP": "5"}).kill()
        daemon = self.daemon("--interval", "100ms", env={"RECLAIM_PER_SWEEP": "5", "RECLAIM_VALVE_MIN": "off"})
        time.sleep(0.3)
        daemon.kill()
        self.daemon("--interval", "100ms", env={"RECLAIM_VALVE_MIN": "off"})
        self.until(lambda: self.sql("SELECT count(*) FROM reclaim_tasks WHERE state = 'ready'") == [(50,)])
        self.assertEqual(self.sql("SELECT DISTINCT recoveries FROM reclaim_tasks"), [(1,)])
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events WHERE act = 'recover'"), [(50,)])


class Outages(Daemon):
    def test_away_and_back(self):
        """A database without our tables is as good as none; told once when it goes and once when it is back."""
        self.submit()
        daemon = self.daemon("--interval", "200ms")
        self.until(lambda: self.turn() >= 1)
        self.sql("ALTER TABLE reclaim_ledgers RENAME TO hidden")
        self.sql("ALTER TABLE reclaim_tasks RENAME TO hidden_tasks")
        self.until_told(daemon, "out of reach")
        time.sleep(1.5)
        self.sql("ALTER TABLE hidden_tasks RENAME TO reclaim_tasks")
        self.sql("DROP TABLE IF EXISTS reclaim_ledgers")
        self.sql("ALTER TABLE hidden RENAME TO reclaim_ledgers")
        self.until_told(daemon, "back after")
        self.assertEqual(daemon.err.count("out of reach"), 1, daemon.err)
        self.assertEqual(daemon.err.count("back after"), 1, daemon.err)
        wait, = self.sql("SELECT outage_wait FROM reclaim_ledgers")[0]
        self.assertGreater(wait, 10**6)
        self.assertEqual(daemon.stop(timeout=5), DONE)

    def test_locked_out(self):
        """Who holds the write lock for longer than anybody waits for it has kept every worker from beating (I15)."""
        self.submit()
        task = self.claim("--lease", "9s")[0]
        daemon = self.daemon("--interval", "200ms")
        self.until(lambda: self.turn() >= 1)
        other = sqlite3.connect(self.file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(11)
        other.execute("ROLLBACK")
        other.close()
        self.until_told(daemon, "back after")
        self.assertIn("an outage", daemon.err)
        self.assertEqual(self.state(task["id"]), "running")
        self.reclaim("renew", task["id"], "--token", task["token"])
        self.assertEqual(daemon.stop(timeout=5), DONE)

    def test_not_there_yet(self):
        daemon = self.daemon()
        self.until_told(daemon, "out of reach")
        task, = self.submit()
        self.until_told(daemon, "back after")
        self.claim("--lease", "1ms")
        self.assertEqual(daemon.stop(timeout=5), DONE)
        self.assertEqual(self.state(task), "running")

    def test_suspended(self):
        """A stopped daemon has seen nothing; its clocks agree, so nothing is recorded."""
        self.submit()
        daemon = self.daemon("--interval", "100ms")
        self.until(lambda: self.turn() >= 1)
        daemon.send(signal.SIGSTOP)
        time.sleep(1)
        daemon.send(signal.SIGCONT)
        before = self.turn()
        self.until(lambda: self.turn() > before)
        self.assertNotIn("jump of a clock", daemon.err)


class Settings(Daemon):
    def test_wrong_ones_are_refused(self):
        self.submit()
        for options in (["--interval", "0"], ["--interval", "soon"], ["--interval"], ["more"]):
            self.reclaim("run", *options, code=USAGE)
        self.reclaim("run", "--listen", "127.0.0.1:0", code=UNSUPPORTED)
        self.reclaim("run", profile="no-such-profile", code=USAGE)

    def test_read_again(self):
        self.submit()
        file = self.folder / "settings.conf"
        file.write_text('interval = "1h"\n', encoding="utf-8")
        daemon = self.daemon("--config", file)
        self.until(lambda: self.turn() >= 1)
        file.write_text('interval = "never"\n', encoding="utf-8")
        daemon.send(signal.SIGHUP)
        self.until_told(daemon, "stay as they were")
        self.assertIn(f"{file}:1:", daemon.err)
        file.write_text('interval = "200ms"\n', encoding="utf-8")
        daemon.send(signal.SIGHUP)
        self.until_told(daemon, "read again")
        before = self.turn()
        self.until(lambda: self.turn() >= before + 3)
        self.assertEqual(daemon.stop(timeout=5), DONE)

    def test_json_lines(self):
        self.submit()
        daemon = self.daemon("--json")
        self.assertEqual(daemon.told[0], "sweeping ledger reclaim every 5s")

    def test_quiet(self):
        self.submit()
        daemon = self.start("-q", "run")
        self.until(lambda: self.turn() >= 1)
        self.assertEqual(daemon.stop(timeout=5), DONE)
        self.assertEqual((daemon.out, daemon.err), ("", ""))


class Hosts(Daemon):
    """The hosts' own log lines, at their occasions."""

    schema = """
        CREATE TABLE foundry_tasks (task_id TEXT PRIMARY KEY, task_type TEXT, status TEXT, claimed_by TEXT, claimed_at TEXT, updated_at TEXT);
        CREATE TABLE worker_heartbeats (worker_id TEXT UNIQUE, status TEXT, last_seen TEXT);
        CREATE TABLE task_audit_log (task_id TEXT, action TEXT, details TEXT, timestamp TEXT);
        CREATE TABLE delegations (delegation_id TEXT PRIMARY KEY, caller_id TEXT, callee_id TEXT, task_preview TEXT, status TEXT,
            last_heartbeat TEXT, deadline TEXT NOT NULL, result_preview TEXT, error_detail TEXT, retry_count INTEGER DEFAULT 0,
            created_at TEXT, updated_at TEXT, idempotency_key TEXT);
        CREATE TABLE task_executions (id BLOB PRIMARY KEY, pipeline_execution_id BLOB, task_name TEXT, status TEXT, claimed_by BLOB,
            heartbeat_at TEXT, started_at TEXT, completed_at TEXT, attempt INTEGER DEFAULT 1, max_attempts INTEGER DEFAULT 3,
            error_details TEXT, last_error TEXT, retry_at TEXT, recovery_attempts INTEGER DEFAULT 0, last_recovery_at TEXT,
            created_at TEXT, updated_at TEXT);
    """

    def test_a_refused_pass_is_no_outage(self):
        """A large table without an index: told once, and nobody else's silence waits for it."""
        self.sql("DROP TABLE foundry_tasks")
        self.sql("CREATE TABLE foundry_tasks (task_id INTEGER PRIMARY KEY, task_type TEXT, status TEXT, claimed_by TEXT,"
                 " claimed_at TEXT, updated_at TEXT)")
        self.sql("INSERT INTO foundry_tasks (status, claimed_at) SELECT 'completed', ? FROM (WITH RECURSIVE n (i) AS"
                 " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 100000) SELECT i FROM n)", utc(600))
        daemon = self.daemon("--interval", "100ms", profile="foundry")
        self.until_told(daemon, "no index that serves")
        time.sleep(1)  # for several tries
        self.sql("DELETE FROM foundry_tasks")
        self.until(lambda: self.turn("foundry") >= 3)
        self.assertNotIn("out of reach", daemon.err)
        self.assertNotIn("outage", daemon.err)
        self.assertEqual(self.sql("SELECT outage_at FROM reclaim_ledgers WHERE name = 'foundry'"), [(None,)])

    def test_foundry(self):
        seen = utc(400)
        self.add("worker_heartbeats", worker_id="w1", status="active", last_seen=seen)
        self.add("foundry_tasks", task_id="a", task_type="t", status="claimed", claimed_by="w1", claimed_at=utc(600), updated_at=utc(600))
        self.add("foundry_tasks", task_id="b", task_type="t", status="claimed", claimed_by="w2", claimed_at=utc(25200), updated_at=utc(25200))
        daemon = self.daemon("--interval", "200ms", profile="foundry")
        self.until_told(daemon, "Reclaimed 1 stale task claims")
        told = daemon.told
        self.assertIn(f"Detected stalled worker w1, last seen: {seen}", told)
        self.assertIn("Released 1 tasks from stalled worker w1", told)
        self.assertIn("Reclaimed stale task b (type: t) from worker w2, claimed for 7.0h", told)
        before = self.turn("foundry")
        self.until(lambda: self.turn("foundry") >= before + 3)
        self.assertEqual(daemon.err.count("Detected stalled worker"), 1)

    def test_delegations(self):
        env = {"DELEGATION_SWEEPER_INTERVAL_S": "1", "DELEGATION_STUCK_THRESHOLD_S": "1e3"}
        daemon = self.daemon(profile="delegations", env=env)
        self.until_told(daemon, "started (interval=1s, stuck-threshold=10m0s)")
        self.assertEqual(daemon.err.count("DELEGATION_STUCK_THRESHOLD_S"), 1, daemon.err)
        self.assertIn('DELEGATION_STUCK_THRESHOLD_S = "1e3"', daemon.told[0])
        self.until(lambda: self.turn("delegations") >= 2)
        self.assertNotIn("sweep complete", daemon.err)
        self.add("delegations", delegation_id="a", status="in_progress", last_heartbeat=utc(700), deadline=utc(-3600), updated_at=utc(700))
        self.add("delegations", delegation_id="b", status="queued", deadline=utc(1), updated_at=utc(700))
        self.until_told(daemon, "sweep complete — deadline_failures=1 stuck=1 errors=0")
        self.assertEqual(daemon.stop(timeout=5), DONE)
        self.assertEqual(daemon.told[-1], "stopped")

    def test_cloacina(self):
        """Nothing in the start-up grace; at its end the claim goes."""
        profile = self.copy_of("cloacina", (r'start_grace = "60s"', 'start_grace = "2s"'), (r'interval    = "30s"', 'interval = "500ms"'))
        owner = bytes(range(16))
        self.add("task_executions", id=b"x" * 16, status="Running", claimed_by=owner, heartbeat_at=zoned(90), task_name="t")
        began = time.monotonic()
        daemon = self.daemon("-v", profile=profile)
        self.until_told(daemon, "Starting stale claim sweeper (interval: 0s, threshold: 60s, grace period: 2s)")
        self.until_told(daemon, "Stale claim sweeper in grace period (")
        self.until_told(daemon, "Stale claim sweep complete: 1 claims released")
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertRegex("\n".join(daemon.told), r"Released stale claim: task \S+ \(runner 00010203-\S+, last heartbeat 9\ds ago\)")
        self.until_told(daemon, "no stale claims found")
        self.assertEqual(daemon.stop(timeout=5), DONE)
        self.assertEqual(daemon.told[-1], "Stale claim sweeper shutting down")
        self.assertEqual(self.sql("SELECT status FROM task_executions"), [("Ready",)])


if __name__ == "__main__":
    unittest.main()
