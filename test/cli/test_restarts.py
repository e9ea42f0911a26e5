"""A server that is killed and started again in the middle of a sweep, a claim, a beat or a commit: nothing is lost, nothing
is done twice."""
import contextlib
import signal
import unittest

from engines import OnMariadb, OnPostgres
from scene import DONE, UNAVAILABLE
from systems import FOUNDRY

UNKNOWN = 9
TASKS = 450  # three batches


class Restarts:
    """When the program says a word, the server dies as if the machine had; it is back before the word could arrive, or,
    `deliver`, it had heard it, and only its answer is lost."""

    crashed = False

    def when_it_says(self, *words, deliver=False):
        return self.wire(*words, act=self.crash, deliver=deliver)

    # --- a sweep of others' tables

    def old_claims(self):
        self.sql(FOUNDRY[self.engine].schema)
        self.sql("".join(f"INSERT INTO foundry_tasks (task_id, task_type, status, claimed_by, claimed_at)"
                         f" VALUES ('t{i}', 't', 'claimed', 'nobody', '2020-01-01');" for i in range(TASKS)))
        return self.copy_of("foundry", ("per_sweep = 5", 'per_sweep = "off"'))

    def sweep_until_done(self, profile):
        while self.json("sweep", profile=profile).answer["stale"]:
            pass

    def test_sweep(self):
        take = self.taking("foundry_tasks")
        for name, words, deliver in (
                ("the look", (rb"SELECT .*foundry_tasks",), False),
                ("the first take", (take,), False),
                ("the first commit", (take, self.commit), False),
                ("the first commit, heard", (take, self.commit), True),
                ("the second commit", (take, self.commit, self.commit), False),
                ("the last commit, heard", (take, self.commit, self.commit, self.commit), True)):
            with self.subTest(name):
                self.make_database()
                self.environment["RECLAIM_DB"] = self.url_at(self.server.port)
                profile = self.old_claims()
                self.reclaim("init", profile=profile)
                with self.when_it_says(*words, deliver=deliver) as environment:
                    cut = self.json("sweep", profile=profile, env=environment, code=None)
                self.assertIn(cut.code, (DONE, UNAVAILABLE, UNKNOWN), cut.err)
                taken = int(self.value("SELECT count(*) FROM foundry_tasks WHERE status = 'pending'"))
                if cut.out:  # what it counted is what was kept; a commit whose answer is lost may be more
                    self.assertIn(taken - cut.answer["requeued"], (0, 200, 50) if cut.code == UNKNOWN else (0,))
                if deliver:
                    self.assertEqual(cut.code, UNKNOWN, cut.err)
                self.sweep_until_done(profile)
                self.assertEqual(self.rows("SELECT count(*), count(DISTINCT task_id) FROM task_audit_log"), [(str(TASKS),) * 2])
                self.assertEqual(self.value(f"SELECT count(*) FROM {self.prefix}events"), str(TASKS))

    # --- a worker

    def are_completed(self):
        with contextlib.suppress(RuntimeError):  # the server is not there just now
            return self.value(f"SELECT count(*) FROM {self.prefix}tasks WHERE state = 'completed'") == "3"

    def test_worker(self):
        """On our own queue: it goes on by itself, and each task is executed once."""
        for name, words, deliver in self.moments():
            with self.subTest(name):
                self.make_database()
                self.environment["RECLAIM_DB"] = self.url_at(self.server.port)
                for name_ in ("journal", "gate"):
                    (self.folder / name_).unlink(missing_ok=True)
                self.reclaim("init")
                self.reclaim("submit", "--count", "3")
                if not name.startswith("a beat"):
                    self.open_gate()
                with self.when_it_says(*words, deliver=deliver) as environment:
                    worker = self.work("--no-sweep", "--lease", "9s", "--beat", "300ms", env=environment)
                    if name.startswith("a beat"):
                        self.until(lambda: self.journal("start"), "the start of a job")
                        self.until(lambda: self.crashed, "the crash")
                        self.open_gate()
                    self.until(self.are_completed, "the end of all")
                    self.assertEqual(worker.stop(), DONE, worker.err)
                self.assertEqual((len(self.journal("end")), len({line[1] for line in self.journal("end")}), self.journal("overlap")), (3, 3, []))
                self.assertEqual(self.value(f"SELECT count(*) FROM {self.prefix}events WHERE act = 'complete'"), "3")

    def moments(self):
        claim, beat, complete = self.claim_word, self.beat_word, self.complete_word
        return (
            ("a claim", (claim,), False), ("a claim's commit", (claim, self.commit), False),
            ("a claim's commit, heard", (claim, self.commit), True),
            ("a beat", (beat,), False), ("a beat, heard", (beat,), True),
            ("a hand-in", (complete,), False), ("a hand-in's commit", (complete, self.commit), False),
            ("a hand-in's commit, heard", (complete, self.commit), True),
        )


class Postgres(Restarts, OnPostgres):
    settings = {"synchronous_commit": "on"}
    prefix = "reclaim."
    claim_word = rb"WITH due AS MATERIALIZED"
    beat_word = rb"UPDATE reclaim\.workers"
    complete_word = rb"UPDATE reclaim\.tasks[^;]*'completed'"

    def crash(self):
        self.server.restart(signal.SIGQUIT)
        self.crashed = True


class Mariadb(Restarts, OnMariadb):
    settings = ("--innodb-flush-log-at-trx-commit=2",)
    prefix = "reclaim_"
    claim_word = rb"SELECT JSON_ARRAYAGG"
    beat_word = rb"UPDATE reclaim_workers"
    complete_word = rb"UPDATE reclaim_tasks[^;]*'completed'"

    def crash(self):
        self.server.kill()
        self.server.start()
        self.crashed = True


if __name__ == "__main__":
    unittest.main()
