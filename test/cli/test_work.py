"""reclaim work: what a command gets, what its end means, and that nothing of it outlives its worker or its claim."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

RECLAIM = os.environ.get("RECLAIM", str(Path(__file__).resolve().parents[2] / "build/reclaim"))
PATIENCE = 60


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)
    return found


def is_alive(pid):
    """A zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class WorkTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RECLAIM")}
        self.environment["RECLAIM_DB"] = f"sqlite:{self.folder}/tasks.db"
        self.ok("init")

    def run_it(self, *words, stdin=None):
        return subprocess.run(
            [RECLAIM, *words], cwd=self.folder, env=self.environment, input=stdin, capture_output=True, timeout=PATIENCE,
            check=False,
        )

    def ok(self, *words, stdin=None):
        run = self.run_it(*words, stdin=stdin)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        return run.stdout.decode()

    def submit(self, *words, payload=None):
        return self.ok("submit", *words, *(["--payload", payload] if payload else [])).split()[0]

    def show(self, task):
        return json.loads(self.ok("--json", "show", task))

    def drain(self, *command, options=()):
        run = self.run_it("work", "--drain", *options, "--", *command)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        return run.stderr.decode()

    def start(self, *command, options=(), before=()):
        """A worker in the background; what it logs is in its attribute `log`."""
        log = open(self.folder / f"log-{time.monotonic_ns()}", "w+b")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        worker = subprocess.Popen(  # pylint: disable=consider-using-with
            [*before, RECLAIM, "work", *options, "--", *command], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stderr=log,
        )
        worker.log = Path(log.name)
        self.addCleanup(self.end, worker)
        return worker

    def end(self, worker):
        worker.kill()
        worker.wait()

    def cpu_time(self, process):
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def file(self, name):
        path = self.folder / name
        return wait_for(lambda: path.exists() and path.read_text(encoding="utf-8").strip(), name)

    def state(self, task, wanted):
        return wait_for(lambda: (found := self.show(task))["state"] == wanted and found, f"{task} {wanted}")

    def script(self, text, name="command"):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
        path.chmod(0o755)
        return str(path)


class Commands(WorkTest):
    """What a command gets, and what becomes of its output and its exit status."""

    def result_of(self, *command, payload=None):
        task = self.submit(payload=payload)
        self.drain(*command)
        return self.show(task)

    def test_json_is_kept_as_it_is(self):
        for payload in ('{"a": 1.50, "b": [12345678901234567890]}', "7", '"x"', "[]"):
            task = self.submit(payload=payload)
            self.drain("cat")
            shown = self.ok("--json", "show", task)
            self.assertIn(f'"result":{payload}', shown.replace('"result": ', '"result":'))

    def test_anything_else_becomes_a_string(self):
        cases = {
            "hello": "hello", "hello\\n": "hello", "two\\nlines\\n\\n": "two\nlines\n", "{\\n": "{", "a\\377b": "a\ufffdb",
            "nul\\000l": "nul\0l", "\\303\\244": "ä",
        }
        for printed, expected in cases.items():
            with self.subTest(printed):
                self.assertEqual(self.result_of("printf", printed)["result"], expected)

    def test_no_output_is_no_result(self):
        for command in (["true"], ["echo"], ["cat"]):
            self.assertIsNone(self.result_of(*command)["result"])

    def test_output_is_bounded(self):
        task = self.submit()
        log = self.drain("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x")
        result = self.show(task)["result"]
        self.assertTrue(result.startswith("x" * (1 << 20)))
        self.assertIn(f"{3000000 - (1 << 20)} more bytes dropped", result)
        self.assertLess(len(result), (1 << 20) + 100)
        self.assertIn("is cut", log)

    def test_a_payload_of_16_mib(self):
        text = "ä" * (8 << 20)
        task = self.ok("submit", "--from", "-", stdin=json.dumps({"payload": text}, ensure_ascii=False).encode()).strip()
        self.drain("wc", "-c")
        self.assertEqual(self.show(task)["result"], (16 << 20) + 2)
        task = self.ok("submit", "--from", "-", stdin=json.dumps({"payload": text}, ensure_ascii=False).encode()).strip()
        self.drain("true")
        self.assertEqual(self.show(task)["state"], "completed")

    def test_the_environment(self):
        self.environment["RECLAIM_TOKEN"] = "of somebody else"
        task = self.submit("--queue", "q", "--kind", "k")
        self.drain("sh", "-c", 'echo "$RECLAIM_ID $RECLAIM_TOKEN $RECLAIM_ATTEMPT $RECLAIM_KIND $RECLAIM_QUEUE"')
        told = self.show(task)["result"].split()
        self.assertEqual([told[0], *told[2:]], [task, "1", "k", "q"])
        self.assertGreater(int(told[1]), 0)

    def test_descriptors_signals_and_group(self):
        code = (
            "import os, signal, json; print(json.dumps({'fds': sorted(map(int, os.listdir('/proc/self/fd')))[:-1],"
            "'blocked': len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), 'leads': os.getpgrp() == os.getpid(),"
            "'pipe': open('/proc/self/status').read().split('SigIgn:')[1].split()[0]}))"
        )
        result = self.result_of(sys.executable, "-S", "-c", "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL);"
                                "signal.signal(signal.SIGXFSZ, signal.SIG_DFL);" + code)["result"]
        self.assertEqual(result, {"fds": [0, 1, 2], "blocked": 0, "leads": True, "pipe": "0" * 16})

    def test_a_failure_says_why(self):
        task = self.submit()
        self.drain("sh", "-c", "echo first >&2; echo boom >&2; exit 3")
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["error"]), ("ready", "exit status 3: first\nboom"))
        task = self.submit()
        self.drain("sh", "-c", "kill -9 $$")
        self.assertEqual(self.show(task)["error"], "killed by signal SIGKILL")

    def test_stderr_is_bounded_and_made_valid(self):
        task = self.submit("--max-attempts", "1")
        self.drain("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' y >&2; printf 'e\\377\\000nd\\n' >&2; exit 1")
        shown = self.show(task)
        self.assertEqual(shown["state"], "failed")
        self.assertTrue(shown["error"].startswith("exit status 1: yyy"))
        self.assertTrue(shown["error"].endswith("ye\ufffd\ufffdnd"))
        self.assertLess(len(shown["error"].encode()), 4200)

    def test_100_is_never_retried(self):
        task = self.submit()
        self.drain("sh", "-c", "echo no >&2; exit 100")
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["error"]), ("failed", "exit status 100: no"))

    def test_75_is_not_now_and_not_at_once_either(self):
        task = self.submit()
        worker = self.start(self.script("date +%s.%N >> times; exit 75"))
        wait_for(lambda: len(self.file("times").split()) >= 3, "three tries")
        times = [float(each) for each in self.file("times").split()]
        self.assertGreater(min(b - a for a, b in zip(times, times[1:])), 0.5)
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["attempts"]), ("ready", 0))

    def test_a_command_that_is_not_there_claims_nothing(self):
        task = self.submit()
        (self.folder / "plain").write_text("", encoding="utf-8")
        cases = {
            "no-such-command": "'no-such-command' was not found in PATH", "./none": "'./none' does not exist",
            "./plain": "'./plain' is not executable", "/": "'/' is no file", "": "name is empty",
        }
        for command, message in cases.items():
            with self.subTest(command):
                run = self.run_it("work", "--drain", "--", command)
                self.assertEqual(run.returncode, 2)
                self.assertIn(message, run.stderr.decode())
        self.assertEqual(self.run_it("work", "--drain").returncode, 2)
        self.assertEqual(self.show(task)["attempts"], 0)

    def test_a_command_that_vanishes_fails_its_tasks(self):
        command = self.script("exit 0")
        worker = self.start(command, options=["--poll", "50ms"])
        self.state(self.submit(), "completed")
        os.unlink(command)
        task = self.submit("--max-attempts", "1")
        shown = self.state(task, "failed")
        self.assertIn("can't be started: No such file or directory", shown["error"])
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)

    def test_options_are_checked(self):
        cases = {
            ("--concurrency", "0"): "1", ("--concurrency", "1001"): "1000", ("--lease", "0"): "more than 0",
            ("--lease", "3s", "--beat", "2s"): "the beat is", ("--kill-grace", "1h"): "the kill grace is",
            ("--poll", "often"): "250ms",
        }
        for words, part in cases.items():
            with self.subTest(words):
                run = self.run_it("work", "--drain", *words, "--", "true")
                self.assertEqual(run.returncode, 2, run.stderr.decode())
                self.assertIn(part, run.stderr.decode())

    def test_no_database(self):
        self.environment["RECLAIM_DB"] = f"sqlite:{self.folder}/none.db"
        self.assertEqual(self.run_it("work", "--drain", "--", "true").returncode, 6)


class Queue(WorkTest):
    """Claiming: which tasks, how many, and when."""

    def test_drain_leaves_what_is_not_due(self):
        later = self.submit("--delay", "1h")
        now = self.submit()
        self.drain("true")
        self.assertEqual(self.show(now)["state"], "completed")
        self.assertEqual(self.show(later)["state"], "ready")

    def test_only_one_queue(self):
        wanted, other = self.submit("--queue", "a"), self.submit("--queue", "b")
        self.drain("true", options=["--queue", "a"])
        self.assertEqual(self.show(wanted)["state"], "completed")
        self.assertEqual(self.show(other)["state"], "ready")

    def test_many_at_a_time(self):
        """Each waits for all the others."""
        self.ok("submit", "--count", "8")
        command = self.script('touch "here-$RECLAIM_ID"; while [ "$(ls here-* | wc -l)" -lt 8 ]; do sleep 0.02; done')
        self.drain(command, options=["--concurrency", "8"])
        self.assertEqual(json.loads(self.ok("--json", "status"))["tasks"]["completed"], 8)

    def test_two_workers_do_each_task_once(self):
        self.ok("submit", "--count", "300")
        command = self.script('echo "$RECLAIM_ID" >> done')
        workers = [self.start(command, options=["--concurrency", "5", "--drain"]) for _ in range(2)]
        for worker in workers:
            self.assertEqual(worker.wait(PATIENCE), 0)
        ids = self.file("done").split()
        self.assertEqual((len(ids), len(set(ids))), (300, 300))

    def test_a_new_task_is_picked_up_soon(self):
        self.start("true", options=["--poll", "1h"])
        self.state(self.submit(), "completed")
        for _ in range(3):
            began = time.monotonic()
            self.state(self.submit(), "completed")
            self.assertLess(time.monotonic() - began, 5)

    def test_no_claim_in_a_hot_loop(self):
        worker = self.start("true", options=["--no-sweep"])
        wait_for(lambda: "working as" in worker.log.read_text(encoding="utf-8"), "the start")
        time.sleep(1)
        self.assertLess(self.cpu_time(worker), 0.5)


class Ends(WorkTest):
    """SIGTERM, kill -9, cancel, a lease that can't be renewed: what runs is ended, and what it did counts or does not."""

    QUICK = ["--lease", "3s", "--beat", "100ms", "--kill-grace", "500ms"]

    def test_sigterm_drains(self):
        running, waiting = self.submit(), self.submit()
        worker = self.start(self.script('echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo 1'))
        self.file("pid")
        worker.terminate()
        wait_for(lambda: "draining" in worker.log.read_text(encoding="utf-8"), "the drain")
        (self.folder / "go").touch()
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.assertEqual(self.show(running)["state"], "completed")
        self.assertEqual(self.show(waiting)["state"], "ready")

    def test_sighup_drains(self):
        task = self.submit()
        worker = self.start(self.script('echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo 1'))
        self.file("pid")
        worker.send_signal(signal.SIGHUP)
        wait_for(lambda: "draining" in worker.log.read_text(encoding="utf-8"), "the drain")
        (self.folder / "go").touch()
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.assertEqual(self.show(task)["state"], "completed")

    def test_a_second_sigterm_ends_at_once(self):
        task = self.submit()
        worker = self.start(self.script('echo $$ > pid; while :; do sleep 0.02; done'))
        pid = int(self.file("pid"))
        worker.send_signal(signal.SIGINT)
        wait_for(lambda: "draining" in worker.log.read_text(encoding="utf-8"), "the drain")
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.assertFalse(is_alive(pid))
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["attempts"]), ("ready", 0))

    def test_a_command_that_ignores_sigterm(self):
        """Nor does its exit status 0 after an order to end complete the task."""
        task = self.submit()
        worker = self.start(self.script('trap "" TERM; echo $$ > pid; while :; do sleep 0.02; done'), options=self.QUICK)
        pid = int(self.file("pid"))
        worker.terminate()
        worker.terminate()
        wait_for(lambda: "draining" in worker.log.read_text(encoding="utf-8"), "the drain")
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.show(task)["state"], "ready")

    def test_exit_0_on_an_order_to_end_is_no_success(self):
        task = self.submit()
        worker = self.start(self.script('trap "exit 0" TERM; echo $$ > pid; while :; do sleep 0.02; done'))
        self.file("pid")
        worker.terminate()
        wait_for(lambda: "draining" in worker.log.read_text(encoding="utf-8"), "the drain")
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.assertEqual(self.show(task)["state"], "ready")

    def test_cancel_ends_the_command(self):
        for trap in ("", 'trap "" TERM; '):
            with self.subTest(trap):
                (self.folder / "pid").unlink(missing_ok=True)
                task = self.submit()
                worker = self.start(self.script(trap + "echo $$ > pid; while :; do sleep 0.02; done"), options=self.QUICK)
                pid = int(self.file("pid"))
                self.ok("cancel", task)
                wait_for(lambda: not is_alive(pid), "the end of the command")
                wait_for(lambda: "the task is cancelled" in worker.log.read_text(encoding="utf-8"), "the log line")
                self.assertEqual(self.show(task)["state"], "cancelled")
                worker.terminate()
                self.assertEqual(worker.wait(PATIENCE), 0)

    def test_kill_9_of_the_worker(self):
        """The whole group ends with it, and another worker has the task long before the lease is over."""
        task = self.submit()
        worker = self.start(
            self.script('sleep 1000 & echo $! > child; echo $$ > pid; trap "" TERM; while :; do sleep 0.02; done', "first"),
            options=["--lease", "10m"],
        )
        pids = [int(self.file("pid")), int(self.file("child"))]
        guardian = int(Path(f"/proc/{pids[0]}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        worker.kill()
        worker.wait()
        for pid in [*pids, guardian]:
            wait_for(lambda pid=pid: not is_alive(pid), f"the end of {pid}")
        self.start("echo", "2")
        shown = self.state(task, "completed")
        self.assertEqual((shown["result"], shown["attempts"], shown["recoveries"]), (2, 2, 1))

    def test_children_end_with_their_command(self):
        task = self.submit()
        self.drain(self.script("sleep 1000 & echo $! > child; echo hi"))
        self.assertEqual(self.show(task)["result"], "hi")
        pid = int(self.file("child"))
        wait_for(lambda: not is_alive(pid), "the end of the child")

    def test_who_left_the_group_keeps_nobody_waiting(self):
        """It holds stdout open, and its guardian holds the lock until it ends."""
        task = self.submit()
        self.drain(self.script("setsid sh -c 'echo $$ > child; exec sleep 1000' & while [ ! -s child ]; do sleep 0.01; done; echo hi"))
        self.assertEqual(self.show(task)["result"], "hi")
        pid = int(self.file("child"))
        self.assertTrue(is_alive(pid))
        guardian = int(wait_for(
            lambda: Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1], "the guardian"
        ))
        self.assertEqual(Path(f"/proc/{guardian}/comm").read_text(encoding="utf-8").strip(), "reclaim-guard")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(guardian), "the end of the guardian")

    def test_a_zombie_in_the_group_keeps_nobody_waiting(self):
        """Its parent has left the group and never reaps it, so that the group is never empty."""
        task = self.submit()
        self.drain(self.script(
            "(sleep 0.1 & exec setsid sh -c 'echo $$ > child; exec sleep 1000') > /dev/null 2>&1 &\n"
            "while [ ! -s child ]; do sleep 0.01; done; sleep 0.3; echo hi"
        ))
        self.assertEqual(self.show(task)["result"], "hi")
        os.kill(int(self.file("child")), signal.SIGKILL)

    def test_a_guardian_that_is_killed(self):
        task = self.submit("--max-attempts", "1")
        self.start(self.script("sleep 1000 & echo $! > child; echo $$ > pid; wait"))
        pid, child = int(self.file("pid")), int(self.file("child"))
        os.kill(int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]), signal.SIGKILL)
        self.assertIn("guardian", self.state(task, "failed")["error"])
        for each in (pid, child):
            wait_for(lambda each=each: not is_alive(each), "the end of the command")

    def locked(self):
        database = sqlite3.connect(self.folder / "tasks.db", isolation_level=None, timeout=PATIENCE)
        self.addCleanup(database.close)
        database.execute("BEGIN IMMEDIATE")
        return database

    def test_a_lease_that_cannot_be_renewed_ends_the_command_in_time(self):
        task = self.submit()
        worker = self.start(self.script("echo $$ > pid; while :; do sleep 0.02; done"), options=self.QUICK)
        pid = int(self.file("pid"))
        database = self.locked()
        began = time.monotonic()
        wait_for(lambda: not is_alive(pid), "the end of the command")
        self.assertLess(time.monotonic() - began, 3.5)
        used = self.cpu_time(worker)
        time.sleep(0.5)
        self.assertLess(self.cpu_time(worker) - used, 0.2)
        (self.folder / "pid").unlink()
        database.execute("COMMIT")
        self.file("pid")
        self.assertGreaterEqual(self.show(task)["attempts"], 1)
        worker.kill()

    def test_a_result_waits_for_the_database(self):
        task = self.submit()
        worker = self.start(self.script("echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo 5"), options=["--no-sweep"])
        pid = int(self.file("pid"))
        database = self.locked()
        (self.folder / "go").touch()
        wait_for(lambda: not is_alive(pid), "the end of the command")
        time.sleep(1.5)
        database.execute("COMMIT")
        shown = self.state(task, "completed")
        self.assertEqual((shown["result"], shown["attempts"]), (5, 1))
        worker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)

    def test_a_claim_lost_to_somebody_else_is_no_success(self):
        task = self.submit()
        worker = self.start(self.script("echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo 5"), options=["--no-sweep"])
        self.file("pid")
        database = self.locked()
        database.execute("UPDATE reclaim_tasks SET token = token + 1, owner = 'thief'")
        (self.folder / "go").touch()
        database.execute("COMMIT")
        wait_for(lambda: "lost task" in worker.log.read_text(encoding="utf-8"), "the loss")
        self.assertEqual(self.show(task)["state"], "running")
        self.assertNotIn("completed", worker.log.read_text(encoding="utf-8"))


class Hosts(WorkTest):
    """Somebody else's table, by its profile."""

    def test_foundry(self):
        database = sqlite3.connect(self.folder / "host.db", isolation_level=None)
        self.addCleanup(database.close)
        database.executescript(
            "CREATE TABLE foundry_tasks (task_id TEXT PRIMARY KEY, status TEXT, claimed_by TEXT, claimed_at TIMESTAMP,"
            " updated_at TIMESTAMP, task_type TEXT);"
            "CREATE TABLE worker_heartbeats (worker_id TEXT PRIMARY KEY, last_seen TIMESTAMP, status TEXT);"
            "CREATE TABLE task_audit_log (task_id TEXT, action TEXT, details TEXT, timestamp TIMESTAMP);"
            "INSERT INTO foundry_tasks (task_id, status, task_type) VALUES ('a', 'pending', 'bend'), ('b', 'pending', 'bend');"
        )
        self.environment["RECLAIM_DB"] = f"sqlite:{self.folder}/host.db"
        self.drain("sh", "-c", 'echo "$RECLAIM_ID $RECLAIM_KIND" >> told', options=["--profile", "foundry"])
        self.assertEqual(sorted(self.file("told").split("\n")), ["a bend", "b bend"])
        self.assertEqual(database.execute("SELECT DISTINCT status FROM foundry_tasks").fetchall(), [("completed",)])
        self.assertEqual(database.execute("SELECT status FROM worker_heartbeats").fetchall(), [("stopped",)])


if __name__ == "__main__":
    unittest.main()
