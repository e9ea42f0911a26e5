"""good_jobs and its processes as the gem's migrations make them, with the claims and the end of its workers, by both locks."""
from play import Host

SCHEMA = """
CREATE TABLE good_jobs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), queue_name text, priority integer, serialized_params jsonb,
    scheduled_at timestamp(6), performed_at timestamp(6), finished_at timestamp(6), error text, created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL, active_job_id uuid, concurrency_key text, cron_key text, retried_good_job_id uuid,
    cron_at timestamp(6), batch_id uuid, batch_callback_id uuid, is_discrete boolean, executions_count integer, job_class text,
    error_event smallint, labels text[], locked_by_id uuid, locked_at timestamp(6), lock_type smallint);
CREATE INDEX index_good_jobs_on_locked_by_id ON good_jobs (locked_by_id) WHERE locked_by_id IS NOT NULL;
CREATE INDEX index_good_jobs_on_scheduled_at ON good_jobs (scheduled_at) WHERE finished_at IS NULL;
CREATE TABLE good_job_executions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL, active_job_id uuid NOT NULL, job_class text, queue_name text, serialized_params jsonb,
    scheduled_at timestamp(6), finished_at timestamp(6), error text, error_event smallint, error_backtrace text[], process_id uuid,
    duration interval);
CREATE TABLE good_job_processes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL, state jsonb, lock_type smallint);
"""
NOW = "(clock_timestamp() AT TIME ZONE 'utc')"
FREE = f"finished_at IS NULL AND (scheduled_at <= {NOW} OR scheduled_at IS NULL)"


def key(table, column):
    return f"('x' || substr(md5('{table}-' || {column}::text), 1, 16))::bit(64)::bigint"


class GoodJobTables(Host):
    def schema(self, _engine):
        return SCHEMA

    def submit(self, play):
        return play.cell("INSERT INTO good_jobs (queue_name, priority, serialized_params, created_at, updated_at, active_job_id, "
                         f"job_class) VALUES ('default', 0, '{{}}', {NOW}, {NOW}, gen_random_uuid(), 'MailJob') RETURNING id")

    def process(self, play):
        return play.cell(f"INSERT INTO good_job_processes (created_at, updated_at, state) VALUES ({NOW}, {NOW}, "
                         "'{\"hostname\": \"web-1\", \"pid\": 4711}') RETURNING id")

    def finish(self, play, task):
        play.sql(f"UPDATE good_jobs SET finished_at = {NOW}, error = NULL, locked_by_id = NULL, locked_at = NULL, lock_type = NULL "
                 f"WHERE id = '{task}'")

    def counts(self, play):
        return {word: count for word, count in play.status()["tasks"].items() if count}


class GoodJob(GoodJobTables):
    profile = "good-job"

    def take(self, process, lock_type=", lock_type = 0"):
        """By an advisory lock, which lives as long as the session; locked_by_id is a note only."""
        return (f"WITH free AS MATERIALIZED (SELECT id FROM good_jobs WHERE {FREE} ORDER BY created_at) "
                f"UPDATE good_jobs SET performed_at = {NOW}, executions_count = coalesce(executions_count, 0) + 1, "
                f"locked_by_id = '{process}', locked_at = {NOW}{lock_type} "
                f"WHERE id = (SELECT id FROM free WHERE pg_try_advisory_lock({key('good_jobs', 'id')}) LIMIT 1) RETURNING id")

    def interrupted(self, play, **claim):
        task = self.submit(play)
        worker = play.claim(self.take(self.process(play), **claim))
        play.nothing_yet()
        worker.kill()
        play.reported(id=task, rule="interrupted")
        second = play.claim(self.take(self.process(play), **claim))
        play.assertEqual(second.task, task)
        play.nothing_yet()

    def story_interrupted(self, play):
        """Its worker was killed, and its lock went with it: told of, and not touched, until another worker takes it by itself."""
        self.interrupted(play)
        self.finish(play, play.cell("SELECT id FROM good_jobs"))
        play.assertEqual(self.counts(play), {"completed": 1})

    def story_before_lock_types(self, play):
        """GoodJob before 4.15 has no other locks, and no column for it; the other profile is not offered there."""
        play.sql("ALTER TABLE good_jobs DROP COLUMN lock_type")
        play.assertEqual([row["profile"] for row in play.json("detect", profile="good-job").rows], ["good-job"])
        self.interrupted(play, lock_type="")

    def half_open(self, play, silence):
        task = self.submit(play)
        play.claim(self.take(self.process(play)))
        silence()
        play.reported(play.quick(half_open="300ms"), id=task, rule="half-open")
        session = play.cell("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")
        play.assertIn(session, str(play.json("show", task).answer))
        play.sql(f"SELECT pg_terminate_backend({session})")
        play.reported(id=task, rule="interrupted")
        play.assertEqual(play.claim(self.take(self.process(play))).task, task)
        self.finish(play, task)

    def story_half_open(self, play):
        """Its process is silent, but a session holds the lock: told of, with the session; when people end it, another one finishes it."""
        self.half_open(play, lambda: None)

    def story_half_open_and_cleaned_up(self, play):
        """… and GoodJob has deleted the process's row meanwhile."""
        self.half_open(play, lambda: play.sql("DELETE FROM good_job_processes; UPDATE good_jobs SET locked_by_id = NULL"))

    def story_row_locks_are_not_its_business(self, play):
        """What is claimed without an advisory lock is neither counted nor told of here."""
        task, process = self.submit(play), self.process(play)
        play.sql(f"UPDATE good_jobs SET performed_at = {NOW}, locked_by_id = '{process}', locked_at = {NOW}, lock_type = 1")
        answer = play.sweep(profile=play.quick(half_open="300ms"))
        play.assertEqual((answer["in_flight"], answer["stale"]), (0, 0), answer)
        self.finish(play, task)


class GoodJobSkipLocked(GoodJobTables):
    profile = "good-job-skip-locked"

    def take(self, process, lock_type=1):
        lock = f" WHERE pg_try_advisory_lock({key('good_jobs', 'id')})" if lock_type == 2 else ""
        return (f"WITH candidate AS MATERIALIZED (SELECT id FROM good_jobs WHERE {FREE} AND locked_by_id IS NULL "
                "ORDER BY created_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) "
                f"UPDATE good_jobs SET locked_by_id = '{process}', locked_at = {NOW}, lock_type = {lock_type} "
                f"FROM (SELECT id FROM candidate{lock}) AS locked WHERE good_jobs.id = locked.id RETURNING good_jobs.id")

    def perform(self, play, process):
        """What follows the claim: the run is noted."""
        play.sql("INSERT INTO good_job_executions (created_at, updated_at, active_job_id, process_id) "
                 f"SELECT {NOW}, {NOW}, active_job_id, '{process}' FROM good_jobs WHERE locked_by_id = '{process}'; "
                 f"UPDATE good_jobs SET performed_at = {NOW}, executions_count = coalesce(executions_count, 0) + 1 "
                 f"WHERE locked_by_id = '{process}'")

    def finished_by_another(self, play, task):
        play.assertEqual(play.claim(self.take(self.process(play))).task, task)
        self.finish(play, task)
        play.assertEqual(self.counts(play), {"completed": 1})

    def story_dead_process(self, play):
        """Its process was killed and beats no more: free, and known as interrupted to the next one, which finishes it."""
        task, first = self.submit(play), self.process(play)
        worker = play.claim(self.take(first))
        self.perform(play, first)
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(dead_process="300ms"), id=task, rule="dead-process", remedy="requeue", owner=first, recoveries=0)
        play.assertEqual(play.sql("SELECT locked_by_id, locked_at, lock_type, performed_at IS NOT NULL FROM good_jobs"),
                         [["", "", "", "t"]])
        self.finished_by_another(play, task)

    def story_no_process(self, play):
        """Its process's row is gone, and GoodJob would leave it for ever: free, and finished by another."""
        task, first = self.submit(play), self.process(play)
        worker = play.claim(self.take(first))
        play.sql("DELETE FROM good_job_processes")
        worker.kill()
        play.recovered(play.quick(dead_process="300ms"), id=task, rule="dead-process", remedy="requeue")
        self.finished_by_another(play, task)

    def held(self, play, task, worker, profile):
        """Left alone as long as the lock is held, however silent the process is; then recovered."""
        play.until(lambda: play.sweep(profile=profile)["vetoed"], "the veto")
        play.assertEqual(play.sql("SELECT id FROM good_jobs WHERE locked_by_id IS NULL"), [])
        worker.kill()
        play.recovered(profile, id=task, remedy="requeue")
        self.finished_by_another(play, task)

    def story_hybrid(self, play):
        """Claimed by both locks: as long as the advisory one is held, its process lives."""
        task, first = self.submit(play), self.process(play)
        self.held(play, task, play.claim(self.take(first, lock_type=2)), play.quick(dead_process="300ms"))

    def story_lock_of_the_process(self, play):
        """A process that holds its own advisory lock lives, though its row is old."""
        task, first = self.submit(play), self.process(play)
        lock = f"UPDATE good_job_processes SET lock_type = 0 WHERE id = '{first}' AND pg_try_advisory_lock({key('good_job_processes', 'id')})"
        self.held(play, task, play.claim(f"{lock}; {self.take(first)}"), play.quick(dead_process="300ms"))

    def story_poison(self, play):
        """A job that kills each of its processes is discarded after its recoveries, which our audit counts; retried, it is finished."""
        task = self.submit(play)
        profile = play.quick((r"recoveries  = 5", "recoveries = 1"), dead_process="300ms")
        for process, remedy in ((self.process(play), "requeue"), (self.process(play), "fail")):
            worker = play.claim(self.take(process))
            self.perform(play, process)
            worker.kill()
            play.recovered(profile, id=task, remedy=remedy)
        play.assertEqual(self.counts(play), {"failed": 1})
        play.assertEqual(play.sql("SELECT error_event, locked_by_id, error LIKE 'GoodJob::Job::DiscardJobError: %' FROM good_jobs"),
                         [["5", "", "t"]])
        play.assertEqual(play.sql("SELECT finished_at IS NOT NULL, error_event FROM good_job_executions ORDER BY created_at"),
                         [["f", ""], ["t", "5"]])
        play.sql("UPDATE good_jobs SET finished_at = NULL, error = NULL, performed_at = NULL")
        self.finished_by_another(play, task)
