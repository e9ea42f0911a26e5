"""Real job queues: their own packages make the tables and run the jobs; their worker is killed, `reclaim sweep` takes what
it held, their next worker ends it, and what they then say of the job is what they say of any other."""
import signal
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test"), str(ROOT / "test/hosts")]

import scene  # noqa: E402
from host import RUN_BY, Host  # noqa: E402
from postgres import Postgres  # noqa: E402


def needs(program):
    return unittest.skipUnless(RUN_BY[program], f"what test/hosts/{program} runs is not installed; dev/deps does it")


class RealHost(scene.Scene):
    program = ""  # the host's, in test/hosts
    ledger = ""  # the profile's name
    hours_pass = ""  # SQL: what is in flight has been so for five hours more
    options = {}  # of its queue
    sweeps = 0

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres(max_connections="100")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        url = self.server.database()
        self.environment["RECLAIM_DB"] = url
        self.host = Host(self.program, url, self.folder)
        self.host.setup(**self.options)
        self.profile = self.profile_of_it()

    def profile_of_it(self):
        """The built-in one; else the text beside the host's program."""
        if self.ledger in self.reclaim("profiles").out.split():
            return self.ledger
        text = ROOT / f"test/hosts/{self.ledger}.conf"
        if not text.exists():
            return None
        copy = self.folder / text.name
        copy.write_text(text.read_text(encoding="utf-8"), encoding="utf-8")
        copy.chmod(0o600)
        return copy

    def rows(self, statement):
        return self.server.sql(self.host.url, statement)

    # --- the host's workers

    def busy(self, **options):
        """A worker with a job in its hands."""
        worker = self.host.work(**options)
        self.addCleanup(worker.end)
        self.until(lambda: worker.has("started"), f"the host's worker to start a job: {worker.said}")
        return worker

    def kill_one(self, **options):
        """A worker is killed over a job, and hours pass."""
        self.busy(**options).kill()
        self.rows(self.hours_pass)

    def pause_one(self):
        """A worker stops in the middle of a job, and hours pass."""
        worker = self.busy()
        worker.send(signal.SIGSTOP)
        self.rows(self.hours_pass)
        return worker

    def finish(self, **options):
        """The host's next worker ends what there is; its lines."""
        worker = self.busy(**options)
        self.assertEqual(worker.finish(), 0, worker.said)
        self.assertEqual(worker.has("error"), [])
        return worker

    def give_up(self, **options):
        """The host's next worker fails what it has been given too often, without starting it; those jobs."""
        worker = self.host.work(**options)
        self.addCleanup(worker.end)
        self.until(lambda: worker.has("failed"), "the host's worker to fail a job")
        self.assertEqual(worker.has("started"), [])
        return worker.has("failed")

    # --- the rescue

    def sweep(self):
        """One pass takes what the killed worker held, once; the remedy."""
        if self.profile is None:
            self.rows((ROOT / f"test/hosts/{self.ledger}.sql").read_text(encoding="utf-8"))
            return None
        answer = self.json("sweep").answer
        self.assertEqual((answer["errors"], answer["lost_races"], answer["blind"], answer["held_back"]), (0, 0, 0, 0), answer)
        task, = answer["tasks"]
        self.sweeps += 1
        self.assertEqual(len(self.json("audit").rows), self.sweeps)
        self.assertEqual(self.json("sweep").answer["tasks"], [], "a second pass finds nothing")
        return task["remedy"]


@needs("pg_boss.mjs")
class PgBoss(RealHost):
    program = "pg_boss.mjs"
    ledger = "pg-boss"
    hours_pass = "UPDATE pgboss.job SET started_on = started_on - interval '5 hours' WHERE state = 'active'"

    def test_killed_recovered_finished(self):
        job = self.host.submit(data={"to": "anna"})
        self.kill_one()
        held = self.host.show(id=job)
        self.assertEqual((held["state"], held["retryCount"]), ("active", 0))
        self.assertEqual(self.sweep(), "requeue")
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["state"], waiting["retryCount"], waiting["completedOn"]), ("retry", 0, None))
        self.assertIn("message", waiting["output"]["value"])
        self.assertIsNone(waiting["heartbeatOn"])
        self.assertEqual(self.finish().has("finished"), [job])
        done = self.host.show(id=job)
        self.assertEqual((done["state"], done["retryCount"], done["data"]), ("completed", 1, {"to": "anna"}))
        self.assertIsNone(done["output"])

    def test_out_of_retries_it_is_a_dead_letter(self):
        job = self.host.submit(data={"to": "bert"}, retryLimit=1)
        self.kill_one()
        self.assertEqual(self.sweep(), "requeue")
        self.kill_one()
        self.assertEqual(self.sweep(), "fail")
        failed = self.host.show(id=job)
        self.assertEqual((failed["state"], failed["retryCount"]), ("failed", 1))
        self.assertIsNotNone(failed["completedOn"])
        letter = self.host.show(queue="dead", data={"to": "bert"})
        self.assertEqual((letter["state"], letter["sourceName"], letter["sourceId"], letter["sourceRootId"],
                          letter["sourceRetryCount"]), ("created", "mail", job, job, 1))
        self.assertEqual(letter["sourceOutput"], failed["output"])
        self.assertEqual(self.finish(queue="dead").has("finished"), [letter["id"]])
        self.assertEqual(self.host.show(queue="dead", id=letter["id"])["state"], "completed")

    def test_a_late_worker_does_not_end_the_next_attempt(self):
        job = self.host.submit()
        late = self.pause_one()
        self.assertEqual(self.sweep(), "requeue")
        second = self.busy()
        late.send(signal.SIGCONT)
        late.finish()
        held = self.host.show(id=job)
        self.assertEqual((held["state"], held["retryCount"]), ("active", 1))
        self.assertEqual(second.finish(), 0, second.said)
        self.assertEqual(self.host.show(id=job)["state"], "completed")

    def test_a_late_worker_does_not_end_what_waits(self):
        job = self.host.submit()
        late = self.pause_one()
        self.assertEqual(self.sweep(), "requeue")
        late.send(signal.SIGCONT)
        late.finish()
        self.assertEqual(self.host.show(id=job)["state"], "retry")
        self.assertEqual(self.finish().has("finished"), [job])


class PgBossPartition(PgBoss):
    """The same with a table of the queue's own."""

    options = {"partition": True}

    def test_it_has_a_table_of_its_own(self):
        self.host.submit()
        table, = self.rows("SELECT DISTINCT tableoid::regclass FROM pgboss.job WHERE name = 'mail'")
        self.assertNotEqual(table, ["pgboss.job_common"])


@needs("graphile_worker.mjs")
class GraphileWorker(RealHost):
    program = "graphile_worker.mjs"
    ledger = "graphile-worker"
    hours_pass = """
        UPDATE graphile_worker._private_jobs SET locked_at = locked_at - interval '5 hours' WHERE locked_at IS NOT NULL;
        UPDATE graphile_worker._private_job_queues SET locked_at = locked_at - interval '5 hours' WHERE locked_at IS NOT NULL;
    """

    def test_killed_recovered_finished(self):
        job = self.host.submit(data={"to": "anna"})
        self.kill_one()
        held = self.host.show(id=job)
        self.assertEqual(held["attempts"], 1)
        self.assertIsNotNone(held["locked_by"])
        self.sweep()
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["attempts"], waiting["locked_by"], waiting["locked_at"]), (1, None, None))
        self.assertTrue(waiting["last_error"])
        second = self.busy()
        again = self.host.show(id=job)
        self.assertEqual(again["attempts"], 2)
        self.assertNotEqual(again["locked_by"], held["locked_by"])
        self.assertEqual(second.finish(), 0, second.said)
        self.assertIsNone(self.host.show(id=job), "what is done is deleted")

    def test_its_queue_goes_on(self):
        """A named queue is locked with its job: nothing behind it runs until both are free."""
        first = self.host.submit(queueName="letters")
        second = self.host.submit(queueName="letters")
        self.kill_one()
        self.sweep()
        self.assertEqual(self.rows("SELECT locked_at, locked_by FROM graphile_worker._private_job_queues"), [["", ""]])
        self.assertEqual(sorted(self.finish(count=2).has("finished")), [first, second])

    def test_out_of_attempts_it_is_never_taken_again(self):
        job = self.host.submit(maxAttempts=1, queueName="letters")
        other = self.host.submit(queueName="letters")
        self.kill_one()
        self.sweep()
        spent = self.host.show(id=job)
        self.assertEqual((spent["attempts"], spent["max_attempts"], spent["locked_by"]), (1, 1, None))
        self.assertTrue(spent["last_error"])
        self.assertEqual(self.finish().has("started"), [other])
        self.assertEqual(self.host.show(id=job)["attempts"], 1)


@needs("bullmq.mjs")
class BullMq(RealHost):
    program = "bullmq.mjs"
    ledger = "bullmq-postgres"
    hours_pass = "UPDATE bullmq.job SET locked_until_ms = locked_until_ms - 5 * 3600000 WHERE state = 'active'"

    def test_killed_recovered_finished(self):
        job = self.host.submit(data={"to": "anna"}, attempts=3)
        self.kill_one()
        self.assertEqual(self.host.show(id=job)["state"], "active")
        self.assertEqual(self.sweep(), "requeue")
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["state"], waiting["stalledCounter"], waiting["attemptsMade"], waiting["attemptsStarted"]),
                         ("waiting", 1, 0, 1))
        self.assertNotIn("deferredFailure", waiting)
        self.assertEqual(self.finish().has("finished"), [job])
        done = self.host.show(id=job)
        self.assertEqual((done["state"], done["stalledCounter"], done["attemptsMade"], done["attemptsStarted"]),
                         ("completed", 1, 1, 2))

    def test_stalled_too_often_its_own_worker_fails_it(self):
        job = self.host.submit(attempts=3)
        self.kill_one()
        self.sweep()
        self.kill_one()
        self.sweep()
        self.assertEqual(self.host.show(id=job)["state"], "waiting")
        self.assertEqual(self.give_up(), [job])
        failed = self.host.show(id=job)
        self.assertEqual((failed["state"], failed["failedReason"]),
                         ("failed", "job stalled more than allowable limit"))

    def test_a_late_worker_does_not_end_the_next_attempt(self):
        job = self.host.submit()
        late = self.pause_one()
        self.assertEqual(self.sweep(), "requeue")
        second = self.busy()
        late.send(signal.SIGCONT)
        late.let_go()
        self.until(lambda: late.has("error"), "the late worker to be refused")
        self.assertEqual(late.has("finished"), [])
        self.assertEqual(self.host.show(id=job)["state"], "active")
        self.assertEqual(second.finish(), 0, second.said)
        self.assertEqual(self.host.show(id=job)["state"], "completed")

    def test_jobs_behind_it_are_untouched(self):
        first, second = self.host.submit(), self.host.submit()
        self.kill_one()
        self.sweep()
        self.assertEqual(self.host.show(id=second)["stalledCounter"], 0)
        self.assertEqual(sorted(self.finish(count=2).has("finished")), [first, second])


@needs("delayed_job.rb")
class DelayedJob(RealHost):
    program = "delayed_job.rb"
    ledger = "delayed-job"
    hours_pass = "UPDATE delayed_jobs SET locked_at = locked_at - interval '5 hours' WHERE locked_at IS NOT NULL"

    def test_killed_recovered_finished(self):
        job = self.host.submit(to="anna")
        self.kill_one()
        held = self.host.show(id=job)
        self.assertRegex(held["locked_by"], r"^test host:\S+ pid:\d+$")
        self.sweep()
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["locked_by"], waiting["locked_at"], waiting["failed_at"]), (None, None, None))
        self.assertEqual(waiting["attempts"], 1)
        self.assertTrue(waiting["last_error"])
        self.rows("UPDATE delayed_jobs SET run_at = least(run_at, timezone('utc', now()))")
        self.assertEqual(self.finish().has("finished"), [str(job)])
        self.assertIsNone(self.host.show(id=job), "what is done is deleted")

    def test_out_of_attempts_it_has_failed(self):
        """By itself it would be taken again for ever: a crash counts no attempt."""
        job = self.host.submit(to="bert")
        self.rows("UPDATE delayed_jobs SET attempts = 24")
        self.kill_one()
        self.sweep()
        failed = self.host.show(id=job)
        self.assertIsNotNone(failed["failed_at"])
        self.assertEqual(failed["attempts"], 25)
        other = self.host.submit()
        self.assertEqual(self.finish().has("started"), [str(other)])


@needs("laravel.php")
class Laravel(RealHost):
    program = "laravel.php"
    ledger = "laravel"
    hours_pass = "UPDATE jobs SET reserved_at = reserved_at - 5 * 3600 WHERE reserved_at IS NOT NULL"

    def test_killed_recovered_finished(self):
        job = self.host.submit(to="anna")
        self.kill_one()
        held = self.host.show(id=job)
        self.assertEqual(held["attempts"], 1)
        self.sweep()
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["attempts"], waiting["reserved_at"]), (1, None))
        second = self.busy()
        self.assertEqual(self.host.show(id=job)["attempts"], 2)
        self.assertEqual(second.finish(), 0, second.said)
        self.assertIsNone(self.host.show(id=job), "what is done is deleted")

    def test_out_of_tries_its_own_worker_fails_it(self):
        job = self.host.submit(to="bert")
        self.kill_one()
        self.sweep()
        self.assertEqual(self.give_up(tries=1), [str(job)])


@needs("djangoq.py")
class DjangoQ(RealHost):
    program = "djangoq.py"
    ledger = "django-q"
    hours_pass = "UPDATE django_q_ormq SET lock = lock - interval '5 hours' WHERE lock > now() - interval '1 hour'"

    def test_killed_recovered_finished(self):
        job = self.host.submit(to="anna")
        self.kill_one()
        held = self.host.show(id=job)
        self.sweep()
        waiting = self.host.show(id=job)
        self.assertLess(waiting["queued"]["lock"], held["queued"]["lock"])
        self.assertEqual(self.finish().has("finished"), [job])
        self.assertEqual(self.host.show(id=job), {"queued": None, "task": {"success": True, "attempt_count": 1}})


if __name__ == "__main__":
    unittest.main()
