"""Real job queues: their own packages make the tables and run the jobs; their worker is killed, `reclaim sweep` takes what
it held, their next worker ends it, and what they then say of the job is what they say of any other."""
import signal
import unittest

import scene
from host import RUN_BY, Host
from postgres import Postgres


def needs(program):
    return unittest.skipUnless(RUN_BY[program], f"what test/hosts/{program} runs is not installed; dev/deps does it")


class RealHost(scene.Scene):
    program = ""  # the host's, in test/hosts
    ledger = ""  # the built-in profile's name
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
        self.profile = self.ledger

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

    def nothing(self):
        """What is in flight is not stale."""
        answer = self.json("sweep", "--dry-run").answer
        self.assertEqual((answer["in_flight"], answer["stale"], answer["blind"]), (1, 0, 0), answer)

    def sweep(self, **expected):
        """One pass takes what the killed worker held, once; the remedy. `expected`: other members of the task."""
        answer = self.json("sweep").answer
        self.assertEqual((answer["errors"], answer["lost_races"], answer["blind"], answer["held_back"]), (0, 0, 0, 0), answer)
        task, = answer["tasks"]
        self.assertEqual({name: task[name] for name in expected}, expected)
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

    def test_each_job_expires_by_its_own_limit(self):
        job = self.host.submit(expireInSeconds=6 * 3600)
        self.kill_one()
        self.nothing()
        self.rows(self.hours_pass)
        self.assertEqual(self.sweep(id=f"mail/{job}", rule="expired"), "requeue")
        self.assertEqual(self.host.show(id=job)["output"], {"value": {"message": "job timed out"}})
        self.assertEqual(self.finish().has("finished"), [job])

    def test_a_silent_worker_is_found_before_its_job_expires(self):
        """heartbeat_on alone says nothing: pg-boss sets it for each job, and beats where the job has heartbeat_seconds."""
        job = self.host.submit(heartbeatSeconds=30)
        self.busy().kill()
        self.nothing()
        minute = "UPDATE pgboss.job SET started_on = started_on - interval '1 minute', heartbeat_on = heartbeat_on - interval '1 minute'"
        self.rows(minute)
        self.assertEqual(self.sweep(id=f"mail/{job}", rule="silent"), "requeue")
        waiting = self.host.show(id=job)
        self.assertEqual((waiting["state"], waiting["output"]), ("retry", {"value": {"message": "job heartbeat timeout"}}))
        self.assertEqual(self.finish().has("finished"), [job])
        other = self.host.submit()
        self.busy().kill()
        self.rows(minute)
        self.nothing()
        self.rows(self.hours_pass)
        self.assertEqual(self.sweep(id=f"mail/{other}", rule="expired"), "requeue")

    def test_the_delay_of_its_queue_counts(self):
        """With retryBackoff the second retry waits for two to four times retryDelay."""
        job = self.host.submit(retryDelay=60, retryBackoff=True)
        self.kill_one()
        self.assertEqual(self.sweep(), "requeue")
        delay = "SELECT extract(epoch FROM start_after - now()) BETWEEN {} AND {} FROM pgboss.job"
        due = "UPDATE pgboss.job SET start_after = now() WHERE state = 'retry'"
        self.assertEqual(self.rows(delay.format(50, 120)), [["t"]])
        self.rows(due)
        self.kill_one()
        self.assertEqual(self.sweep(), "requeue")
        self.assertEqual(self.rows(delay.format(110, 240)), [["t"]])
        self.rows(due)
        self.assertEqual(self.finish().has("finished"), [job])

    def test_the_loser_of_its_policy_fails(self):
        """`stately`: one waits for its retry already, so the other one of the key can't; it is a dead letter, as with pg-boss."""
        self.host.ask("queue", name="one", policy="stately", deadLetter="dead")
        first = self.host.submit(queue="one", singletonKey="k", retryDelay=3600)
        self.host.ask("fail", queue="one", id=first)
        self.assertEqual(self.host.show(queue="one", id=first)["state"], "retry")
        second = self.host.submit(queue="one", singletonKey="k", data={"to": "carl"})
        self.kill_one(queue="one")
        self.assertEqual(self.sweep(id=f"one/{second}"), "fail")
        failed = self.host.show(queue="one", id=second)
        self.assertEqual((failed["state"], failed["retryCount"]), ("failed", 0))
        self.assertEqual(self.host.show(queue="one", id=first)["state"], "retry")
        letter = self.host.show(queue="dead", data={"to": "carl"})
        self.assertEqual(letter["sourceId"], second)
        self.assertEqual(self.finish(queue="dead").has("finished"), [letter["id"]])
        self.rows("UPDATE pgboss.job SET start_after = now() WHERE state = 'retry'")
        self.assertEqual(self.finish(queue="one").has("finished"), [first])


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

    def test_a_queue_that_another_worker_holds_stays_its_own(self):
        """Graphile Worker's own reset frees queues by their age; the next worker holds it when the first one's job comes back."""
        first = self.host.submit(queueName="letters")
        second = self.host.submit(queueName="letters")
        self.kill_one()
        self.rows("UPDATE graphile_worker._private_job_queues SET locked_at = NULL, locked_by = NULL")
        other = self.busy()
        queue = "SELECT locked_by FROM graphile_worker._private_job_queues"
        held = self.rows(queue)
        self.assertEqual(held, [[self.host.show(id=second)["locked_by"]]])
        self.sweep(id=first)
        self.assertEqual(self.rows(queue), held)
        self.assertEqual(other.finish(), 0, other.said)
        self.rows("UPDATE graphile_worker._private_jobs SET run_at = now()")
        self.assertEqual(self.finish().has("finished"), [first])

    def test_a_queue_is_free_when_no_job_of_it_is_locked(self):
        """Of two jobs that the killed worker held, one comes back before the other one: the queue waits for both."""
        first = self.host.submit(queueName="letters")
        second = self.host.submit(queueName="letters")
        self.kill_one()
        self.rows(f"""
            UPDATE graphile_worker._private_jobs AS j SET locked_by = o.locked_by, locked_at = now(), attempts = 1
            FROM graphile_worker._private_jobs AS o WHERE j.id = {second} AND o.id = {first}
        """)
        queue = "SELECT locked_at IS NULL FROM graphile_worker._private_job_queues"
        self.sweep(id=first)
        self.assertEqual(self.rows(queue), [["f"]])
        self.rows(self.hours_pass)
        self.sweep(id=second)
        self.assertEqual(self.rows(queue), [["t"]])
        self.rows("UPDATE graphile_worker._private_jobs SET run_at = now()")
        self.assertEqual(sorted(self.finish(count=2).has("finished")), [first, second])

    def test_its_workers_are_woken(self):
        """They listen, and needn't wait for their next poll."""
        job = self.host.submit()
        self.kill_one()
        listener = self.server.session(self.host.url)
        self.addCleanup(listener.close)
        listener.sql('LISTEN "jobs:insert"')
        self.sweep()
        told = self.until(lambda: listener.sql("SELECT 1")[1:], "the notification")
        self.assertRegex("\n".join(told), r'"jobs:insert" with payload "\{"r" : 0\.\d+, "count" : 1\}"')
        self.rows("UPDATE graphile_worker._private_jobs SET run_at = now()")
        self.assertEqual(self.finish().has("finished"), [job])

    def test_its_own_backoff(self):
        job = self.host.submit()
        self.rows("UPDATE graphile_worker._private_jobs SET attempts = 4")
        self.kill_one()
        self.sweep()
        due = "SELECT extract(epoch FROM run_at - now()) BETWEEN {} AND {} FROM graphile_worker._private_jobs"
        self.assertEqual(self.rows(due.format(100, 149)), [["t"]], "e to the power of five seconds")
        self.rows("UPDATE graphile_worker._private_jobs SET run_at = now()")
        self.assertEqual(self.finish().has("finished"), [job])


@needs("bullmq.mjs")
class BullMq(RealHost):
    program = "bullmq.mjs"
    ledger = "bullmq-postgres"
    hours_pass = "UPDATE bullmq.job SET locked_until_ms = locked_until_ms - 5 * 3600000 WHERE state = 'active'"

    def test_killed_recovered_finished(self):
        job = self.host.submit(data={"to": "anna"}, attempts=3)
        self.busy().kill()
        self.rows("UPDATE bullmq.job SET locked_until_ms = (extract(epoch FROM now()) - 5) * 1000")
        self.nothing()  # by a clock that may be behind
        self.rows(self.hours_pass)
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

    def test_its_event_is_told_and_its_workers_are_woken(self):
        job = self.host.submit()
        self.kill_one()
        listener = self.server.session(self.host.url)
        self.addCleanup(listener.close)
        listener.sql("LISTEN bullmq_jobs")
        self.sweep()
        told = self.until(lambda: listener.sql("SELECT 1")[1:], "the notification")
        self.assertIn('"bullmq_jobs" with payload "mail"', "\n".join(told))
        event = "SELECT queue, data ->> 'jobId' FROM bullmq.event WHERE event = 'stalled'"
        self.assertEqual(self.rows(event), [["mail", job]])
        self.assertEqual(self.finish().has("finished"), [job])

    def test_a_schedulers_job_may_stall_for_ever(self):
        job = self.host.ask("schedule")
        for _ in range(3):
            self.kill_one()
            self.assertEqual(self.sweep(), "requeue")
        waiting = self.host.show(id=job)
        self.assertEqual(waiting["stalledCounter"], 3)
        self.assertNotIn("deferredFailure", waiting)
        self.assertEqual(self.finish().has("finished"), [job])

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
        self.assertEqual(self.sweep(), "requeue")
        self.assertEqual(self.give_up(tries=1), [str(job)])

    def failed(self, attempts=0, **options):
        """The job fails with its killed worker, and is found, retried and finished as any that has failed."""
        job = self.host.submit(to="bert", **options)
        self.rows(f"UPDATE jobs SET attempts = {attempts}")
        self.kill_one(tries=0)
        self.assertEqual(self.sweep(id=str(job), rule="expired"), "fail")
        self.assertIsNone(self.host.show(id=job))
        letter, = self.host.ask("failed")
        self.assertEqual((letter["connection"], letter["queue"], letter["data"]["to"]), ("database", "default", "bert"))
        self.assertIn("MaxAttemptsExceededException", letter["exception"])
        again = self.host.ask("retry", id=letter["id"])
        self.assertEqual(self.host.ask("failed"), [])
        self.assertEqual(self.finish().has("finished"), [str(again)])

    def test_its_own_max_tries(self):
        self.failed(payload={"maxTries": 1})

    def test_poison(self):
        """No maxTries, or one without end: not run for ever."""
        self.failed(attempts=24)
        self.failed(attempts=24, payload={"maxTries": 0})

    def test_until_a_time_there_is_no_limit_of_tries(self):
        """retryUntil: released and taken as often as it likes. What is over then, its own worker fails."""
        job = self.host.submit(payload={"maxTries": 1, "retryUntil": 4102444800})
        self.rows("UPDATE jobs SET attempts = 300")
        self.kill_one()
        self.assertEqual(self.sweep(), "requeue")
        self.assertEqual(self.finish().has("finished"), [str(job)])


@needs("djangoq.py")
class DjangoQ(RealHost):
    program = "djangoq.py"
    ledger = "django-q"
    hours_pass = "UPDATE django_q_ormq SET lock = lock - interval '5 hours' WHERE lock > now() - interval '1 hour'"

    def setUp(self):
        super().setUp()
        # As its profile asks for: the cluster's `retry`, and how long a task may take.
        self.profile = self.copy_of(self.ledger, ("60 seconds", "1 day"), ('"never"', '"4h"'))

    def test_killed_recovered_finished(self):
        job = self.host.submit(to="anna")
        self.busy().kill()
        self.nothing()
        held = self.host.show(id=job)
        self.rows(self.hours_pass)
        self.assertEqual(self.sweep(rule="taken"), "requeue")
        waiting = self.host.show(id=job)
        self.assertLess(waiting["queued"]["lock"], held["queued"]["lock"])
        self.assertEqual(self.finish().has("finished"), [job])
        self.assertEqual(self.host.show(id=job), {"queued": None, "task": {"success": True, "attempt_count": 1}})

    def test_what_waits_is_not_taken(self):
        jobs = [self.host.submit(to="anna")]
        self.kill_one()
        jobs.append(self.host.submit(to="bert"))
        self.assertEqual(self.json("status").answer["tasks"]["ready"], 1)
        self.assertEqual(self.sweep(), "requeue")
        self.assertEqual(sorted(self.finish(count=2).has("finished")), sorted(jobs))


if __name__ == "__main__":
    unittest.main()
