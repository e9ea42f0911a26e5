"""The four systems on their own servers: from a row of theirs to the end by another worker, whoever is killed; and the races."""
import unittest

from engines import OnMariadb, OnPostgres
from scene import DONE, REFUSED, USAGE
from systems import AGE, DEADLINE, DELEGATIONS, FOUNDRY, ID, LEASES, NAIVE_CLOACINA, SILENT_AGENT, ZONED_CLOACINA


class Killed:
    """Its own row, a worker's process, kill -9, a recovery, and another worker. No row is aged by hand."""

    def tables(self):
        return self.system.schema

    def setUp(self):
        super().setUp()
        self.profile = self.system.profile
        self.environment.update(self.system.environment)

    def row(self):
        row, = self.rows(self.system.row)
        return tuple({"0": "f", "1": "t"}.get(cell, cell) for cell in row) if self.engine == "mariadb" else row

    def short(self, *changes):
        changes = (*self.system.changes, *changes)
        return self.copy_of(self.profile, *changes) if changes else self.profile

    def worker(self, *options):
        """One that has its name, and its tasks."""
        worker = self.work(*self.system.options, *options)
        if self.system.dispatch:
            said = self.until(lambda: [line for line in worker.told if line.startswith("working as")], "its name")[0]
            self.sql(self.system.dispatch.format(worker=said[len("working as "):].split(": ")[0]))
        return worker

    def kill_a_worker(self):
        self.sql(self.system.submit)
        worker = self.worker("--no-sweep")
        self.until(lambda: self.journal("start"), "the start of the job")
        self.assertEqual(self.row(), self.system.running)
        if not self.system.takes_the_living:
            self.assertEqual(self.json("sweep").answer["stale"], 0)
        worker.kill()
        self.until(lambda: not self.is_running(ID), "the end of the command")

    def finish_by_another(self):
        self.assertEqual(self.row(), self.system.recovered)
        self.assertEqual(len(self.json("audit").rows), 1)
        if self.system.again:
            self.reclaim(*self.system.again)
        self.open_gate()
        worker = self.worker("--no-sweep")
        self.until(lambda: self.row()[0].lower() == "completed", "the end of the task")
        self.assertEqual(worker.stop(), DONE, worker.err)
        self.assertEqual(self.row(), self.system.completed)
        self.assertEqual([line[0] for line in self.journal()], ["start", "start", "end"])

    def test_recovered_by_a_sweep(self):
        self.profile = self.short()
        self.kill_a_worker()
        taken, = self.until(lambda: self.json("sweep").answer["tasks"], "the sweep that finds it")
        self.assertEqual(taken["id"], ID)
        self.finish_by_another()

    def test_recovered_by_the_daemon(self):
        self.profile = self.short()
        self.kill_a_worker()
        daemon = self.start("run", "--interval", "200ms")
        self.until(lambda: self.row() == self.system.recovered, "the recovery")
        self.assertEqual(daemon.stop(), DONE, daemon.err)
        self.finish_by_another()


class Races(Killed):
    """A worker that hands in meanwhile, in a session of its own."""

    def stale_claim(self):
        self.profile = self.system.profile
        self.environment.update({"DELEGATION_STUCK_THRESHOLD_S": "30"})
        self.sql(self.system.submit)
        token = self.json("claim", "--owner", self.system.owner).rows[0]["token"]
        self.sql(self.system.age)
        self.assertEqual(self.json("sweep", "--dry-run").answer["stale"], 1)
        return token

    def handed_in(self):
        before = self.row()
        self.sql(self.system.finish)
        self.assertNotEqual(self.row(), before)

    def counts(self, answer):
        return tuple(answer[word] for word in ("requeued", "stuck", "locked", "lost_races", "errors"))

    def test_it_hands_in_and_has_not_committed_yet(self):
        self.stale_claim()
        with self.holding(self.system.finish) as worker:
            answer = self.json("sweep").answer
            self.assertEqual(self.counts(answer), (0, 0, 1, 0, 0))
            worker.sql("COMMIT")
        done = self.row()
        self.assertEqual(done[0].lower(), "completed")
        self.assertEqual(self.json("sweep").answer["stale"], 0)
        self.assertEqual((self.row(), self.json("audit").rows), (done, []))

    def test_it_hands_in_and_takes_it_back(self):
        self.stale_claim()
        with self.holding(self.system.finish) as worker:
            self.assertEqual(self.json("sweep").answer["locked"], 1)
            worker.sql("ROLLBACK")
        answer = self.json("sweep").answer
        self.assertEqual((answer["requeued"] + answer["stuck"], answer["locked"]), (1, 0))

    def test_it_hands_in_between_look_and_take(self):
        self.stale_claim()
        with self.wire(self.taking(self.system.table), act=self.handed_in) as environment:
            answer = self.json("sweep", env=environment).answer
        self.assertEqual(self.counts(answer), (0, 0, 0, 1, 0))
        done = self.row()
        self.assertEqual(done[0].lower(), "completed")
        self.assertEqual(self.json("sweep").answer["stale"], 0)
        self.assertEqual((self.row(), self.json("audit").rows), (done, []))

    def test_it_hands_in_between_take_and_commit(self):
        """It waits for the sweep, and is told that it is late."""
        token = self.stale_claim()
        late = []
        act = lambda: late.append(self.complete_behind(ID, token))  # noqa: E731
        with self.wire(self.taking(self.system.table), self.commit, act=act) as environment:
            answer = self.json("sweep", env=environment).answer
        self.assertEqual((answer["requeued"] + answer["stuck"], answer["lost_races"]), (1, 0))
        self.assertEqual(late[0].end(), self.system.late, late[0].err)
        self.assertEqual(self.row()[0], "completed" if self.system.late == DONE else self.system.recovered[0])

    def test_two_sweepers_on_two_connections(self):
        """The second passes while the first has taken and not yet committed: it takes nothing, and waits for nobody."""
        self.stale_claim()
        second = []
        act = lambda: second.append(self.json("sweep").answer)  # noqa: E731
        with self.wire(self.taking(self.system.table), self.commit, act=act) as environment:
            first = self.json("sweep", env=environment).answer
        self.assertEqual((first["requeued"] + first["stuck"], first["lost_races"]), (1, 0))
        self.assertEqual(self.counts(second[0])[:2], (0, 0))
        self.assertEqual(len(self.json("audit").rows), 1)


class FoundryPostgres(Races, OnPostgres):
    system = FOUNDRY["postgres"]


class FoundryMariadb(Races, OnMariadb):
    system = FOUNDRY["mariadb"]


class FoundryAgePostgres(Killed, OnPostgres):
    system = AGE["postgres"]


class FoundryAgeMariadb(Killed, OnMariadb):
    system = AGE["mariadb"]


class SeedcorePostgres(Races, OnPostgres):
    system = LEASES


class DelegationsPostgres(Races, OnPostgres):
    system = SILENT_AGENT


class DelegationsIndexPostgres(OnPostgres):
    profile = "delegations"

    def tables(self):
        return DELEGATIONS

    def test_its_partial_index_is_enough(self):
        """A large table of what is finished; without the index it is refused unless forced."""
        self.sql("INSERT INTO delegations (delegation_id, caller_id, callee_id, status)"
                 f" SELECT i::text, '{ID}', '{ID}', 'completed' FROM generate_series(1, 100001) AS i; ANALYZE delegations")
        self.sql(SILENT_AGENT.submit)
        self.sql("UPDATE delegations SET deadline = now() WHERE status = 'queued'")
        self.assertEqual(self.json("sweep").answer["deadline_failures"], 1)
        self.sql("DROP INDEX delegations_in_flight")
        self.assertIn("--force", self.reclaim("sweep", code=USAGE).err)
        self.reclaim("sweep", "--force")


class DelegationsDeadlinePostgres(Killed, OnPostgres):
    system = DEADLINE

    def finish_by_another(self):
        """Nobody does: it is closed, and who comes late is told."""
        self.assertEqual(self.row(), self.system.recovered)
        self.reclaim("retry", ID, code=REFUSED)
        self.assertEqual(self.row(), self.system.recovered)

    def test_an_agent_that_beats_for_ever(self):
        self.profile = self.short(('interval  = "300s"', 'interval = "200ms"\n\tbeat = "200ms"'))
        self.sql(self.system.submit)
        agent = self.worker("--no-sweep")
        self.until(lambda: self.journal("start"), "the start of the job")
        self.until(lambda: self.json("sweep").answer["deadline_failures"], "the deadline")
        self.until(lambda: not self.is_running(ID), "the end of its command")
        self.assertEqual(agent.stop(), DONE, agent.err)
        self.finish_by_another()


class CloacinaZonedPostgres(Races, OnPostgres):
    system = ZONED_CLOACINA

    def make_database(self):
        super().make_database()
        self.sql(f"ALTER DATABASE {self.database} SET timezone = 'America/St_Johns'")


class CloacinaNaivePostgres(CloacinaZonedPostgres):
    system = NAIVE_CLOACINA


class LateOnOurOwn:
    """A hand-in that waited for the sweep which took its claim is late and unclaimed work: kept (I14)."""

    def test_it_hands_in_between_take_and_commit(self):
        self.reclaim("init")
        self.reclaim("submit", "--id", ID)
        token = self.json("claim", "--owner", "anna", "--lease", "1ms").rows[0]["token"]
        late = []
        act = lambda: late.append(self.complete_behind(ID, token))  # noqa: E731
        with self.wire(self.taking(self.own_tasks), self.commit, act=act) as environment:
            self.assertEqual(self.json("sweep", env=environment).answer["requeued"], 1)
        self.assertEqual(late[0].end(), DONE, late[0].err)
        self.assertEqual(self.json("show", ID).answer["state"], "completed")
        self.assertEqual([event["act"] for event in self.json("audit").rows], ["recover", "complete"])


class OwnPostgres(LateOnOurOwn, OnPostgres):
    own_tasks = '"reclaim"."tasks"'


class OwnMariadb(LateOnOurOwn, OnMariadb):
    own_tasks = "reclaim_tasks"


if __name__ == "__main__":
    unittest.main()
