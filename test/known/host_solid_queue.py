"""solid_queue_* as the gem's schema makes them, with the claim and the end of its workers."""
from play import Host

KEY = {"postgres": "bigserial PRIMARY KEY", "mariadb": "bigint NOT NULL AUTO_INCREMENT PRIMARY KEY",
       "sqlite": "integer PRIMARY KEY AUTOINCREMENT NOT NULL"}
TIME = {"postgres": "timestamp(6)", "mariadb": "datetime(6)", "sqlite": "datetime(6)"}
NOW = {"postgres": "(now() AT TIME ZONE 'utc')", "mariadb": "utc_timestamp(6)",
       "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
AGAIN = {"postgres": "lastval()", "mariadb": "last_insert_id()", "sqlite": "last_insert_rowid()"}


class SolidQueue(Host):
    profile = "solid-queue"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        key, time = KEY[engine.name], TIME[engine.name]
        job = "REFERENCES solid_queue_jobs (id) ON DELETE CASCADE"
        quoted = "`key`" if engine.name == "mariadb" else '"key"'
        return f"""
CREATE TABLE solid_queue_jobs (id {key}, queue_name varchar(255) NOT NULL, class_name varchar(255) NOT NULL,
    arguments text, priority integer NOT NULL DEFAULT 0, active_job_id varchar(255), scheduled_at {time}, finished_at {time},
    concurrency_key varchar(255), created_at {time} NOT NULL, updated_at {time} NOT NULL);
CREATE TABLE solid_queue_ready_executions (id {key}, job_id bigint NOT NULL UNIQUE {job}, queue_name varchar(255) NOT NULL,
    priority integer NOT NULL DEFAULT 0, created_at {time} NOT NULL);
CREATE TABLE solid_queue_claimed_executions (id {key}, job_id bigint NOT NULL UNIQUE {job}, process_id bigint,
    created_at {time} NOT NULL);
CREATE INDEX claimed_by_process ON solid_queue_claimed_executions (process_id, job_id);
CREATE TABLE solid_queue_failed_executions (id {key}, job_id bigint NOT NULL UNIQUE {job}, error text,
    created_at {time} NOT NULL);
CREATE TABLE solid_queue_processes (id {key}, kind varchar(255) NOT NULL, last_heartbeat_at {time} NOT NULL,
    supervisor_id bigint, pid integer NOT NULL, hostname varchar(255), metadata text, created_at {time} NOT NULL,
    name varchar(255) NOT NULL);
CREATE TABLE solid_queue_semaphores (id {key}, {quoted} varchar(255) NOT NULL UNIQUE, value integer NOT NULL DEFAULT 1,
    expires_at {time} NOT NULL, created_at {time} NOT NULL, updated_at {time} NOT NULL);
"""

    def submit(self, play, concurrency="NULL"):
        now = NOW[play.server.name]
        play.sql(f"INSERT INTO solid_queue_jobs (queue_name, class_name, arguments, concurrency_key, created_at, updated_at) "
                 f"VALUES ('mail', 'MailJob', '{{}}', {concurrency}, {now}, {now})")
        play.sql("INSERT INTO solid_queue_ready_executions (job_id, queue_name, priority, created_at) "
                 f"SELECT max(id), 'mail', 0, {now} FROM solid_queue_jobs")
        return play.cell("SELECT max(id) FROM solid_queue_jobs")

    def process(self, play):
        now = NOW[play.server.name]
        play.sql("INSERT INTO solid_queue_processes (kind, last_heartbeat_at, pid, hostname, created_at, name) "
                 f"VALUES ('Worker', {now}, 4711, 'web-1', {now}, 'worker-1')")
        return play.cell("SELECT max(id) FROM solid_queue_processes")

    def take(self, play, process):
        """A worker's claim: one transaction."""
        return (f"BEGIN; INSERT INTO solid_queue_claimed_executions (job_id, process_id, created_at) "
                f"SELECT min(job_id), {process}, {NOW[play.server.name]} FROM solid_queue_ready_executions HAVING min(job_id) > 0; "
                "DELETE FROM solid_queue_ready_executions WHERE job_id IN (SELECT job_id FROM solid_queue_claimed_executions); "
                f"COMMIT; SELECT job_id FROM solid_queue_claimed_executions WHERE process_id = {process}")

    def finish(self, play, task, process):
        """What 1.5 does: only with the claim's row, which it deletes."""
        gone = play.sql(f"SELECT id FROM solid_queue_claimed_executions WHERE job_id = {task} AND process_id = {process}")
        play.assertTrue(gone)
        play.sql(f"DELETE FROM solid_queue_claimed_executions WHERE id = {gone[0][0]}")
        play.sql(f"UPDATE solid_queue_jobs SET finished_at = {NOW[play.server.name]} WHERE id = {task}")

    def rows(self, play):
        return {name: play.cell(f"SELECT count(*) FROM solid_queue_{name}_executions") for name in ("ready", "claimed", "failed")}

    def story_dead_process(self, play):
        """The process was killed and beats no more: its claim goes, the job is ready, and another process finishes it."""
        task, first = self.submit(play), self.process(play)
        worker = play.claim(self.take(play, first))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(dead_process="300ms"), id=task, rule="dead-process", remedy="requeue", owner=first, recoveries=0)
        play.assertEqual(self.rows(play), {"ready": "1", "claimed": "0", "failed": "0"})
        play.assertEqual(play.sql("SELECT job_id, queue_name, priority FROM solid_queue_ready_executions"), [[task, "mail", "0"]])
        second = self.process(play)
        play.assertEqual(play.claim(self.take(play, second)).task, task)
        self.finish(play, task, second)
        play.assertEqual(self.rows(play), {"ready": "0", "claimed": "0", "failed": "0"})
        play.assertEqual(play.cell("SELECT count(*) FROM solid_queue_jobs WHERE finished_at IS NOT NULL"), "1")

    def story_no_process(self, play):
        """The process's row is gone, as its supervisor's pruning leaves it: recovered, and finished by another."""
        task, first = self.submit(play), self.process(play)
        worker = play.claim(self.take(play, first))
        play.sql("DELETE FROM solid_queue_processes")
        worker.kill()
        play.recovered(play.quick(dead_process="300ms"), id=task, rule="dead-process", remedy="requeue")
        second = self.process(play)
        play.assertEqual(play.claim(self.take(play, second)).task, task)
        self.finish(play, task, second)

    def story_poison(self, play):
        """A job that kills each process: after its recoveries, which our audit counts, it has failed, with its semaphore back."""
        task = self.submit(play, concurrency="'one'")
        now = NOW[play.server.name]
        key = "`key`" if play.server.name == "mariadb" else '"key"'
        play.sql(f"INSERT INTO solid_queue_semaphores ({key}, value, expires_at, created_at, updated_at) "
                 f"VALUES ('one', 0, {now}, {now}, {now})")
        profile = play.quick((r"recoveries  = 3", "recoveries = 1"), dead_process="300ms")
        play.claim(self.take(play, self.process(play))).kill()
        play.recovered(profile, id=task, remedy="requeue", recoveries=0)
        play.claim(self.take(play, self.process(play))).kill()
        play.recovered(profile, id=task, remedy="fail", recoveries=1)
        play.assertEqual(self.rows(play), {"ready": "0", "claimed": "0", "failed": "1"})
        error = play.object("SELECT error FROM solid_queue_failed_executions")
        play.assertEqual(error["exception_class"], "SolidQueue::Processes::ProcessPrunedError")
        play.assertEqual(play.cell("SELECT value FROM solid_queue_semaphores"), "1")
        play.sql("DELETE FROM solid_queue_failed_executions")  # its people retry it
        play.sql(f"INSERT INTO solid_queue_ready_executions (job_id, queue_name, priority, created_at) VALUES ({task}, 'mail', 0, {now})")
        last = self.process(play)
        play.assertEqual(play.claim(self.take(play, last)).task, task)
        self.finish(play, task, last)
