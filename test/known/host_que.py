"""que_jobs and que_lockers as Que's migrations make them, with the lock and the end of its workers."""
from play import Host

SCHEMA = """
CREATE TABLE que_jobs (priority smallint NOT NULL DEFAULT 100, run_at timestamptz NOT NULL DEFAULT now(), id bigserial PRIMARY KEY,
    job_class text NOT NULL, error_count integer NOT NULL DEFAULT 0, last_error_message text, queue text NOT NULL DEFAULT 'default',
    last_error_backtrace text, finished_at timestamptz, expired_at timestamptz, args jsonb NOT NULL DEFAULT '[]',
    data jsonb NOT NULL DEFAULT '{}', job_schema_version integer NOT NULL, kwargs jsonb NOT NULL DEFAULT '{}');
CREATE INDEX que_poll_idx ON que_jobs (job_schema_version, queue, priority, run_at, id)
    WHERE finished_at IS NULL AND expired_at IS NULL;
CREATE UNLOGGED TABLE que_lockers (pid integer NOT NULL PRIMARY KEY, worker_count integer NOT NULL,
    worker_priorities integer[] NOT NULL, ruby_pid integer NOT NULL, ruby_hostname text NOT NULL, queues text[] NOT NULL,
    listening boolean NOT NULL, job_schema_version integer DEFAULT 1);
COMMENT ON TABLE que_jobs IS '7';
"""
CLEAN = "DELETE FROM que_lockers WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.pid = que_lockers.pid)"
START = ("INSERT INTO que_lockers VALUES (pg_backend_pid(), 1, '{10}', 4711, 'web-1', '{default}', true, 2); "
         "WITH free AS MATERIALIZED (SELECT id FROM que_jobs WHERE run_at <= now() AND finished_at IS NULL AND expired_at IS NULL "
         "ORDER BY priority, run_at, id) SELECT id, pg_backend_pid() FROM free WHERE pg_try_advisory_lock(id) LIMIT 1")


class Que(Host):
    profile = "que"

    def schema(self, _engine):
        return SCHEMA

    def submit(self, play):
        return play.cell("INSERT INTO que_jobs (job_class, job_schema_version) VALUES ('MailJob', 2) RETURNING id")

    def finish(self, play, task):
        play.sql(f"UPDATE que_jobs SET finished_at = now() WHERE id = {task}")

    def story_crash(self, play):
        """Its worker was killed, and the lock went with it: nothing is left to do, and another worker finishes it."""
        task = self.submit(play)
        worker = play.claim(START)
        play.assertEqual(worker.task, task)
        play.nothing_yet()
        worker.kill()
        play.until(lambda: play.status()["tasks"]["running"] == 0, "the end of the session")
        play.sql(CLEAN)
        play.assertEqual(play.claim(START).task, task)
        self.finish(play, task)
        play.assertEqual(play.status()["tasks"]["completed"], 1)

    def story_stray_lock(self, play):
        """A session that is no process's keeps the lock: told of, with its pid; when people end it, another worker finishes the job."""
        task = self.submit(play)
        session = play.claim(START).rows[0][1]
        play.nothing_yet()
        play.sql("DELETE FROM que_lockers")  # its process has gone, its connection went back into a pool
        play.reported(id=task, rule="stray-lock", owner=session)
        play.sql(f"SELECT pg_terminate_backend({session})")
        play.until(lambda: play.status()["tasks"]["running"] == 0, "the end of the session")
        play.assertEqual(play.claim(START).task, task)
        play.nothing_yet()
        self.finish(play, task)
