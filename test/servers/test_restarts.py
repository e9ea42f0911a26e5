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
                self.start_anew()
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

    def work_through(self, name, words, deliver, are_completed):
        """A worker has three tasks to do, and the server dies at the words."""
        beats = name.startswith("a beat")
        if not beats:
            self.open_gate()
        with self.when_it_says(*words, deliver=deliver) as environment:
            worker = self.work("--no-sweep", "--lease", "9s", "--beat", "300ms", env=environment)
            if beats:
                self.until(lambda: self.journal("start"), "the start of a job")
                self.until(lambda: self.crashed, "the crash")
                self.open_gate()
            self.until(are_completed, "the end of all")
            self.assertEqual(worker.stop(), DONE, worker.err)
        done = [line[1] for line in self.journal("end")]
        self.assertEqual((len(done), len(set(done)), self.journal("overlap")), (3, 3, []))

    def moments(self, claim, beats, complete):
        return [moment for moment in (
            ("a claim", (claim,), False), ("a claim's commit", (claim, self.commit), False),
            ("a claim's commit, heard", (claim, self.commit), True),
            ("a beat", beats, False), ("a beat, heard", beats, True),
            ("a hand-in", (complete,), False), ("a hand-in's commit", (complete, self.commit), False),
            ("a hand-in's commit, heard", (complete, self.commit), True)) if moment[1]]

    def start_anew(self):
        """In a database of its own."""
        self.make_database()
        self.environment["RECLAIM_DB"] = self.url_at(self.server.port)
        self.crashed = False
        for file in ("journal", "gate"):
            (self.folder / file).unlink(missing_ok=True)

    def is_three(self, statement):
        with contextlib.suppress(RuntimeError):  # the server is not there just now
            return self.value(statement) == "3"

    def test_worker(self):
        """On our own queue: it goes on by itself, and each task is executed once."""
        for moment in self.moments(self.claim_word, (self.beat_word,), self.complete_word):
            with self.subTest(moment[0]):
                self.start_anew()
                self.reclaim("init")
                self.reclaim("submit", "--count", "3")
                self.work_through(*moment, lambda: self.is_three(f"SELECT count(*) FROM {self.prefix}tasks WHERE state = 'completed'"))
                self.assertEqual(self.value(f"SELECT count(*) FROM {self.prefix}events WHERE act = 'complete'"), "3")

    def test_worker_on_tables_of_others(self):
        """A claim whose commit was heard is the worker's, although nobody told it so."""
        self.profile = "foundry"
        claim, complete = (rb"UPDATE \S*foundry_tasks.{1,40}" + word for word in (b"claimed", b"completed"))
        for moment in self.moments(claim, self.beats_of_others, complete):
            with self.subTest(moment[0]):
                self.start_anew()
                self.sql(FOUNDRY[self.engine].schema)
                self.sql("INSERT INTO foundry_tasks (task_id, task_type) VALUES ('a', 't'), ('b', 't'), ('c', 't')")
                self.work_through(*moment, lambda: self.is_three("SELECT count(*) FROM foundry_tasks WHERE status = 'completed'"))


class Postgres(Restarts, OnPostgres):
    settings = {"synchronous_commit": "on"}
    prefix = "reclaim."
    beats_of_others = (rb"INSERT INTO \S*worker_heartbeats",) * 2  # the first is the worker's start
    claim_word = rb"WITH due AS MATERIALIZED"
    beat_word = rb"UPDATE reclaim\.workers"
    complete_word = rb"UPDATE reclaim\.tasks[^;]*'completed'"

    def crash(self):
        self.server.restart(signal.SIGQUIT)
        self.crashed = True


class Mariadb(Restarts, OnMariadb):
    settings = ("--innodb-flush-log-at-trx-commit=2",)
    prefix = "reclaim_"
    beats_of_others = ()  # prepared: they are not said in words again
    claim_word = rb"SELECT (JSON_ARRAYAGG|id INTO)"
    beat_word = rb"UPDATE reclaim_workers"
    complete_word = rb"UPDATE reclaim_tasks[^;]*'completed'"

    def crash(self):
        self.server.kill()
        self.server.start()
        self.crashed = True


if __name__ == "__main__":
    unittest.main()
