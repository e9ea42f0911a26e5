"""Our own ledger, from submit to finished by another: every rule, every remedy, with workers that are really killed."""
import os
import signal
import subprocess
import time
import unittest

import scene
from scene import DONE, NOT_FOUND, REFUSED, Scene

# Kills the worker that runs it: the parent of its guardian.
POISON = ["sh", "-c", 'read -r _ _ _ worker _ < "/proc/$PPID/stat"; kill -9 "$worker"; sleep 60']


class OwnQueue(Scene):
    def submit(self, *options):
        return self.reclaim("submit", *options).lines

    def claim(self, owner, *options):
        """The first claim, as the program tells it."""
        return self.json("claim", "--owner", owner, *options).rows[0]

    def sweep(self, *options, **more):
        return self.json("sweep", *options, **more).answer

    def show(self, task):
        return self.json("show", task).answer

    def history(self, task):
        """(act, rule, from, to) of each event."""
        return [(event["act"], event["rule"], event["from"], event["to"]) for event in self.show(task)["history"]]

    def swept(self, task):
        """Sweeps until the task has been taken; its line of the sweep's answer."""
        def taken():
            return [each for each in self.sweep()["tasks"] if each["id"] == task]

        return self.until(taken, f"a sweep that takes {task}")[0]

    def assert_finished(self, task, worker):
        shown = self.show(task)
        self.assertEqual(shown["state"], "completed")
        self.assertTrue(shown["owner"])
        self.assertIn(f"completed task {task}", "\n".join(worker.told))


class ByHand(OwnQueue):
    """Claims by hand have a lease of their own, and no process."""

    def test_lease(self):
        task, = self.submit("--kind", "mail", "--payload", '{"to": "a"}')
        first = self.claim("anna", "--lease", "300ms")
        self.assertEqual((first["id"], first["payload"], first["attempt"]), (task, {"to": "a"}, 1))
        taken = self.swept(task)
        self.assertEqual((taken["rule"], taken["remedy"], taken["from"], taken["to"]), ("lease", "requeue", "running", "ready"))
        self.assertEqual((taken["owner"], taken["token"]), ("anna", first["token"]))
        second = self.claim("bert")
        self.assertEqual((second["id"], second["attempt"]), (task, 2))
        self.assertGreater(int(second["token"]), int(first["token"]))
        self.reclaim("complete", task, "--token", second["token"], "--result", '{"ok": true}')
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["result"], shown["recoveries"]), ("completed", {"ok": True}, 1))
        self.assertEqual(self.history(task), [
            ("recover", "lease", "running", "ready"), ("complete", None, "running", "completed")])

    def test_a_good_lease_is_left_alone(self):
        task, = self.submit()
        claim = self.claim("anna", "--lease", "1h")
        answer = self.sweep()
        self.assertEqual((answer["in_flight"], answer["stale"], answer["tasks"]), (1, 0, []))
        self.reclaim("complete", task, "--token", claim["token"])

    def test_a_renewal_keeps_the_claim(self):
        task, = self.submit()
        claim = self.claim("anna", "--lease", "1s")
        self.reclaim("renew", task, "--token", claim["token"], "--lease", "1h", "--progress", '{"done": 3}')
        time.sleep(1.05)  # the first lease would be over now
        self.assertEqual(self.sweep()["stale"], 0)
        self.reclaim("renew", task, "--token", claim["token"], "--lease", "1ms")  # never shortens
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertEqual(self.show(task)["progress"], {"done": 3})

    def test_late_completion_before_another_claim_is_kept(self):
        task, = self.submit()
        claim = self.claim("anna", "--lease", "100ms")
        self.swept(task)
        self.assertEqual(self.show(task)["state"], "ready")
        self.reclaim("complete", task, "--token", claim["token"], "--result", "7")
        self.assertEqual((self.show(task)["state"], self.show(task)["result"]), ("completed", 7))
        self.assertEqual(self.history(task)[-1], ("complete", None, "ready", "completed"))
        self.reclaim("complete", task, "--token", claim["token"], "--result", "8")  # a replay
        self.assertEqual(self.show(task)["result"], 7)
        self.assertEqual(len(self.history(task)), 2)
        self.reclaim("claim", "--owner", "bert", code=NOT_FOUND)

    def test_late_verbs_after_another_claim_are_refused(self):
        task, = self.submit()
        first = self.claim("anna", "--lease", "100ms")
        self.swept(task)
        second = self.claim("bert")
        for verb in (["complete"], ["fail", "--error", "late"], ["release"], ["renew"]):
            with self.subTest(verb=verb[0]):
                run = self.reclaim(verb[0], task, "--token", first["token"], *verb[1:], code=REFUSED)
                self.assertIn(task, run.err)
                self.assertIn("bert", run.err)
        self.assertEqual((self.show(task)["state"], self.show(task)["owner"]), ("running", "bert"))
        self.reclaim("complete", task, "--token", second["token"])

    def test_late_fail_and_release_of_a_recovered_task_are_refused(self):
        task, = self.submit()
        first = self.claim("anna", "--lease", "100ms")
        self.swept(task)
        for verb in (["fail", "--error", "late"], ["release"], ["renew"]):
            with self.subTest(verb=verb[0]):
                self.reclaim(verb[0], task, "--token", first["token"], *verb[1:], code=REFUSED)
        self.assertEqual(self.show(task)["state"], "ready")

    def test_deadline_fails_even_a_living_claim(self):
        task, = self.submit("--deadline", "1500ms")
        claim = self.claim("anna", "--lease", "1h")
        self.assertEqual(self.sweep()["stale"], 0)
        taken = self.swept(task)
        self.assertEqual((taken["rule"], taken["remedy"], taken["to"]), ("deadline", "fail", "failed"))
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["error"]), ("failed", "deadline exceeded"))
        self.reclaim("complete", task, "--token", claim["token"], code=REFUSED)
        self.assertEqual(self.show(task)["state"], "failed")
        self.reclaim("retry", task)
        again = self.show(task)
        self.assertEqual((again["state"], again["attempts"]), ("ready", 0))
        self.assertGreater(again["deadline"], shown["deadline"])
        second = self.claim("bert")
        self.reclaim("complete", task, "--token", second["token"])
        self.assertEqual([event[0] for event in self.history(task)], ["deadline", "retry", "complete"])

    def test_deadline_of_a_task_that_nobody_claimed(self):
        task, = self.submit("--deadline", "100ms")
        self.assertEqual(self.swept(task)["from"], "ready")
        self.reclaim("claim", "--owner", "anna", code=NOT_FOUND)

    def test_deadline_comes_before_lease(self):
        task, = self.submit("--deadline", "100ms")
        self.claim("anna", "--lease", "1ms")
        time.sleep(0.15)
        self.assertEqual(self.sweep()["tasks"][0]["rule"], "deadline")
        self.assertEqual(self.show(task)["state"], "failed")

    def test_budget_of_attempts(self):
        task, = self.submit("--max-attempts", "1")
        claim = self.claim("anna", "--lease", "50ms")
        taken = self.swept(task)
        self.assertEqual((taken["remedy"], taken["to"]), ("stuck", "stuck"))
        self.assertIn("1 attempts and 0 recoveries used up", self.show(task)["error"])
        self.assertEqual(self.reclaim("status", "--check", code=scene.FOUND_SOMETHING).code, 1)
        self.reclaim("complete", task, "--token", claim["token"], "--result", '"late"')  # late, but unclaimed
        self.assertEqual(self.show(task)["state"], "completed")
        self.reclaim("status", "--check")

    def test_budget_of_recoveries(self):
        task, = self.submit()
        for attempt in range(1, 5):
            self.assertEqual(self.claim(f"worker-{attempt}", "--lease", "30ms")["attempt"], attempt)
            taken = self.swept(task)
        self.assertEqual((taken["remedy"], taken["recoveries"]), ("stuck", 3))
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["owner"], shown["attempts"], shown["recoveries"]), ("stuck", "worker-4", 4, 3))
        self.reclaim("claim", "--owner", "x", code=NOT_FOUND)
        self.reclaim("retry", task)
        self.assertEqual((self.show(task)["state"], self.show(task)["recoveries"]), ("ready", 0))
        self.reclaim("complete", task, "--token", self.claim("last")["token"])

    def test_a_failed_attempt_comes_back(self):
        task, = self.submit("--max-attempts", "2")
        self.reclaim("fail", task, "--token", self.claim("anna")["token"], "--error", "no luck", "--retry-in", "0s")
        second = self.claim("bert")
        self.reclaim("fail", task, "--token", second["token"], "--error", "again")
        self.assertEqual((self.show(task)["state"], self.show(task)["error"]), ("failed", "again"))
        self.reclaim("fail", task, "--token", second["token"], "--error", "again")  # a replay
        self.reclaim("complete", task, "--token", second["token"], code=REFUSED)

    def test_release_gives_the_attempt_back(self):
        task, = self.submit()
        self.reclaim("release", task, "--token", self.claim("anna")["token"])
        self.assertEqual(self.claim("bert")["attempt"], 1)
        self.assertEqual(self.show(task)["recoveries"], 0)

    def test_cancel_takes_the_claim_away(self):
        task, = self.submit()
        claim = self.claim("anna")
        self.reclaim("cancel", task)
        self.reclaim("cancel", task)  # a replay
        self.reclaim("complete", task, "--token", claim["token"], code=REFUSED)
        self.assertEqual(self.show(task)["state"], "cancelled")

    def test_a_dry_run_tells_what_a_sweep_does(self):
        tasks = self.submit("--count", "3")
        self.json("claim", "--owner", "anna", "--count", "3", "--lease", "1ms")
        self.reclaim("audit")
        dry = self.sweep("--dry-run")
        self.assertEqual((dry["dry_run"], dry["requeued"]), (True, 3))
        self.assertEqual(self.sql("SELECT count(*) FROM reclaim_events"), [(0,)])
        real = self.sweep()
        same = ["id", "rule", "remedy", "from", "to", "owner", "token"]
        self.assertEqual([[each[name] for name in same] for each in dry["tasks"]],
                         [[each[name] for name in same] for each in real["tasks"]])
        self.assertEqual(sorted(each["id"] for each in real["tasks"]), sorted(tasks))

    def test_limit_and_order(self):
        tasks = [self.submit()[0] for _ in range(4)]
        for _ in tasks:
            self.claim("anna", "--lease", "1ms")
        taken = self.sweep("--limit", "2")
        self.assertEqual([each["id"] for each in taken["tasks"]], tasks[:2])
        self.assertEqual((taken["stale"], taken["held_back"]), (4, 2))
        self.assertEqual([each["id"] for each in self.sweep()["tasks"]], tasks[2:])

    def test_explain_and_audit_tell_the_story(self):
        task, = self.submit()
        self.claim("anna", "--lease", "1ms")
        told = self.json("explain", task).answer
        self.assertEqual([rule["rule"] for rule in told["rules"]], ["deadline", "evidence", "lease"])
        self.assertEqual((told["verdict"], told["state"], told["owner"]), ("stale", "running", "anna"))
        self.assertIn("Lease of anna ended", told["reason"])
        self.swept(task)
        event, = self.json("audit", "--task", task).rows
        self.assertEqual((event["id"], event["act"], event["rule"], event["from"], event["to"], event["owner"]),
                         (task, "recover", "lease", "running", "ready", "anna"))
        self.assertIn("Lease of anna ended", event["reason"])
        self.assertTrue(event["actor"])
        self.assertGreaterEqual(event["age_s"], 0)
        for text in (self.reclaim("show", task).out, self.reclaim("audit").out):
            self.assertIn("lease", text)
            self.assertIn("anna", text)

    def test_the_valve_waits_when_all_fall_silent_at_once(self):
        self.submit("--count", "25")
        self.json("claim", "--owner", "anna", "--count", "25", "--lease", "1s")
        time.sleep(1.05)
        held = self.sweep(code=scene.HELD_BACK)
        self.assertEqual((held["stale"], held["requeued"], held["held_back"], held["valve"]), (25, 0, 25, "holding"))
        self.assertTrue(held["valve_until"])
        self.assertEqual(self.sweep("--force")["requeued"], 25)


class ByWork(OwnQueue):
    """Workers register: their process is the evidence."""

    def guardians(self, worker):
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(worker.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def test_evidence(self):
        """Killed, gone, recovered by a sweep long before its lease is over, finished by another worker."""
        task, = self.submit()
        first = self.busy("--lease", "1h", "--no-sweep")
        self.assertEqual(self.sweep()["stale"], 0)
        holder = self.show(task)["owner"]
        first.kill()
        killed = time.monotonic()
        self.until(lambda: not self.is_running(task), "the end of the command")
        taken = self.swept(task)
        self.assertLess(time.monotonic() - killed, 5)
        self.assertEqual((taken["rule"], taken["remedy"], taken["owner"]), ("evidence", "requeue", holder))
        self.assertEqual(taken["reason"], f"Worker {holder} is gone")
        worker, = self.json("workers").rows
        self.assertEqual((worker["worker"], worker["state"]), (holder, "stalled"))
        self.assert_finished(task, self.finish())
        self.assertEqual(self.history(task), [
            ("recover", "evidence", "running", "ready"), ("complete", None, "running", "completed")])
        self.assertEqual([line[0] for line in self.journal()], ["start", "start", "end"])

    def test_another_worker_notices_within_a_second(self):
        """The second worker sweeps, too: it sees the death, takes the task and finishes it; no sweep by hand."""
        task, = self.submit()
        first = self.busy("--lease", "1h", "--no-sweep")
        second = self.work()
        self.until(lambda: len([row for row in self.json("workers").rows if row["state"] == "active"]) == 2, "both workers")
        self.open_gate_for_the_next()
        first.kill()
        killed = time.monotonic()
        self.until(lambda: len(self.journal("start")) == 2, "the second start")
        noticed = time.monotonic() - killed
        self.until(lambda: self.show(task)["state"] == "completed", "the completion")
        self.assertLess(noticed, 3)
        self.assertEqual(self.journal("overlap"), [])
        self.assertEqual(second.stop(), DONE, second.err)

    def open_gate_for_the_next(self):
        """The job that runs now holds on; those that start from now on end at once."""
        job = self.folder / "job"
        text = job.read_text()
        replacement = self.folder / "job.new"
        replacement.write_text(text.replace('while [ ! -e "$SCENE/gate" ]', "while false"))
        replacement.chmod(0o755)
        replacement.rename(job)

    def test_without_evidence_the_lease_decides(self):
        task, = self.submit()
        first = self.busy("--lease", "2s", "--no-sweep")
        os.unlink(str(self.file) + "-workers")
        first.kill()
        self.assertEqual(self.sweep()["stale"], 0)
        taken = self.swept(task)
        self.assertEqual((taken["rule"], taken["remedy"]), ("lease", "requeue"))
        self.assert_finished(task, self.finish())

    def test_a_stopped_guardian_keeps_the_lock(self):
        """No overlap: while the command lives, its worker is not proven dead, and the lease is good."""
        task, = self.submit()
        worker = self.busy("--lease", "1h", "--no-sweep")
        guardian, = self.guardians(worker)
        os.kill(guardian, signal.SIGSTOP)
        worker.kill()
        self.assertEqual(self.sweep()["stale"], 0)
        time.sleep(0.3)
        self.assertEqual(self.sweep()["stale"], 0)
        self.assertTrue(self.is_running(task))
        self.assertEqual(self.json("workers").rows[0]["evidence"], "alive")
        os.kill(guardian, signal.SIGCONT)
        self.until(lambda: not self.is_running(task), "the end of the command")
        self.assertEqual(self.swept(task)["rule"], "evidence")
        self.assert_finished(task, self.finish())

    def test_a_descendant_that_left_the_group_keeps_the_lock(self):
        task, = self.submit()
        script = ('echo "start $RECLAIM_ID 1" >> "$SCENE/journal"; exec 9> "$SCENE/lock-$RECLAIM_ID"; flock 9; '
                  'setsid sh -c \': > "$SCENE/left"; while [ ! -e "$SCENE/leave" ]; do sleep 0.02; done\' & wait')
        worker = self.busy("--lease", "1h", "--no-sweep", command=["sh", "-c", script])
        self.until((self.folder / "left").exists, "the descendant in a session of its own")
        worker.kill()
        time.sleep(0.3)
        self.assertTrue(self.is_running(task))
        self.assertEqual(self.sweep()["stale"], 0)
        (self.folder / "leave").touch()
        self.until(lambda: not self.is_running(task), "the end of the descendant")
        self.assertEqual(self.swept(task)["rule"], "evidence")
        self.assert_finished(task, self.finish())

    def test_a_killed_guardian_is_a_failed_attempt(self):
        task, = self.submit()
        worker = self.busy("--lease", "1h", "--no-sweep")
        guardian, = self.guardians(worker)
        os.kill(guardian, signal.SIGKILL)
        self.until(lambda: self.show(task)["state"] == "ready", "the failure")
        self.assertIn("guardian", self.show(task)["error"])
        self.assertFalse(self.is_running(task))
        self.assertEqual(worker.stop(), DONE, worker.err)

    def test_poison(self):
        """A task that kills each of its workers is stuck after three recoveries, with the evidence."""
        task, = self.submit()
        for attempt in range(1, 5):
            worker = self.work("--lease", "1h", "--no-sweep", command=POISON)
            self.assertEqual(worker.end(), -signal.SIGKILL, worker.err)
            owner = self.show(task)["owner"]
            taken = self.swept(task)
            self.assertEqual((taken["rule"], taken["attempts"], taken["recoveries"]), ("evidence", attempt, attempt - 1))
        shown = self.show(task)
        self.assertEqual((shown["state"], shown["attempts"], shown["recoveries"], shown["owner"]), ("stuck", 4, 3, owner))
        self.assertEqual(shown["error"], f"worker {owner} is gone; 4 attempts and 3 recoveries used up")
        self.assertEqual([event[3] for event in self.history(task)], ["ready", "ready", "ready", "stuck"])
        innocent, = self.submit()
        self.assert_finished(innocent, self.finish())
        self.assertEqual(self.show(task)["state"], "stuck")
        self.assertEqual(self.json("status").answer["tasks"]["stuck"], 1)
        run = self.reclaim("status", "--check", code=scene.FOUND_SOMETHING)
        self.assertIn("stuck", run.out + run.err)
        self.reclaim("retry", task)
        self.assert_finished(task, self.finish())

    def test_late_completion_of_a_frozen_worker(self):
        """A worker that sleeps through its lease is recovered; what it hands in afterwards is refused."""
        task, = self.submit()
        first = self.busy("--lease", "1s", "--no-sweep")
        for pid in (*self.guardians(first), first.pid):
            os.kill(pid, signal.SIGSTOP)
        taken = self.swept(task)
        self.assertEqual(taken["rule"], "lease")
        second = self.claim("bert")
        self.open_gate()
        for pid in (first.pid, *self.guardians(first)):
            os.kill(pid, signal.SIGCONT)
        self.until(lambda: any(f"lost task {task}" in line for line in first.told), "the news of the loss")
        self.assertEqual(self.show(task)["owner"], "bert")
        self.reclaim("complete", task, "--token", second["token"], "--result", '"bert"')
        self.assertEqual(self.show(task)["result"], "bert")
        self.assertEqual(first.stop(), DONE, first.err)

    def test_cancel_ends_the_command(self):
        task, = self.submit()
        worker = self.busy("--lease", "1s", "--no-sweep")
        self.reclaim("cancel", task)
        self.until(lambda: not self.is_running(task), "the end of the command")
        self.assertEqual(self.show(task)["state"], "cancelled")
        self.assertEqual(worker.stop(), DONE, worker.err)
        self.assertEqual(self.journal("end"), [])

    def test_a_worker_that_is_told_to_stop_finishes_first(self):
        task, = self.submit()
        worker = self.busy("--no-sweep")
        worker.send(signal.SIGTERM)
        time.sleep(0.1)
        self.open_gate()
        self.assertEqual(worker.end(), DONE, worker.err)
        self.assert_finished(task, worker)
        self.assertEqual(self.json("workers").rows[0]["state"], "stopped")

    def test_a_second_signal_gives_the_task_back(self):
        task, = self.submit()
        worker = self.busy("--no-sweep")
        worker.send(signal.SIGTERM)
        time.sleep(0.2)
        worker.send(signal.SIGTERM)
        worker.end()
        self.assertEqual((self.show(task)["state"], self.show(task)["attempts"]), ("ready", 0))
        self.assertFalse(self.is_running(task))

    def test_many_tasks_and_a_murder(self):
        """Nothing is lost, nothing overlaps, and there is no second start without a recovery."""
        tasks = self.submit("--count", "30")
        self.open_gate()
        slow = self.folder / "job"
        slow.write_text(slow.read_text().replace("while [", "sleep 0.05; while ["))
        workers = [self.work("--concurrency", "2", "--drain", "--lease", "1h") for _ in range(3)]
        self.until(lambda: len(self.journal("end")) >= 5, "the first five ends")
        workers[0].kill()
        for worker in workers[1:]:
            self.assertEqual(worker.end(), DONE, worker.err)
        self.until(lambda: self.sweep()["in_flight"] == 0, "the recovery of what is left")
        self.finish()
        self.assertEqual(self.json("status").answer["tasks"]["completed"], 30)
        recovered = self.sql("SELECT task FROM reclaim_events WHERE act = 'recover'")
        self.assertLessEqual(len(self.journal("start")), 30 + len(recovered))  # killed before its start, some made none
        self.assertLessEqual(len(recovered), 2)
        self.assertEqual(sorted({line[1] for line in self.journal("end")}), sorted(tasks))


if __name__ == "__main__":
    unittest.main()
