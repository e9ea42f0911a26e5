"""delayed_jobs as the Active Record generator makes it, with the reservation and the end of its workers."""
from play import Host

KEY = {"postgres": "bigserial PRIMARY KEY", "mariadb": "bigint NOT NULL AUTO_INCREMENT PRIMARY KEY",
       "sqlite": "integer PRIMARY KEY AUTOINCREMENT NOT NULL"}
TIME = {"postgres": "timestamp(6)", "mariadb": "datetime(6)", "sqlite": "datetime(6)"}
NOW = {"postgres": "(now() AT TIME ZONE 'utc')", "mariadb": "utc_timestamp(6)",
       "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
LATER = {"postgres": "run_at > (now() AT TIME ZONE 'utc')", "mariadb": "run_at > utc_timestamp(6)",
         "sqlite": "run_at > strftime('%Y-%m-%d %H:%M:%f000', 'now')"}


class DelayedJob(Host):
    profile = "delayed-job"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        key, time = KEY[engine.name], TIME[engine.name]
        return f"""
CREATE TABLE delayed_jobs (id {key}, priority integer DEFAULT 0 NOT NULL, attempts integer DEFAULT 0 NOT NULL,
    handler text NOT NULL, last_error text, run_at {time}, locked_at {time}, failed_at {time}, locked_by varchar(255),
    queue varchar(255), created_at {time} NOT NULL, updated_at {time} NOT NULL);
CREATE INDEX delayed_jobs_priority ON delayed_jobs (priority, run_at);
"""

    def submit(self, play, attempts=0):
        now = NOW[play.server.name]
        play.sql("INSERT INTO delayed_jobs (handler, attempts, run_at, created_at, updated_at) "
                 f"VALUES ('--- !ruby/object:MailJob', {attempts}, {now}, {now}, {now})")
        return play.cell("SELECT max(id) FROM delayed_jobs")

    def reserve(self, play, worker):
        now = NOW[play.server.name]
        due = f"run_at <= {now} AND locked_at IS NULL AND failed_at IS NULL"
        return (f"UPDATE delayed_jobs SET locked_at = {now}, locked_by = '{worker}' WHERE {due}; "
                f"SELECT id FROM delayed_jobs WHERE locked_by = '{worker}'")

    def finish(self, play, task):
        play.sql(f"DELETE FROM delayed_jobs WHERE id = {task}")

    def story_locked(self, play):
        """Its worker was killed: unlocked with one attempt more, due a second later, and another worker finishes it."""
        task = self.submit(play)
        worker = play.claim(self.reserve(play, "host:web-1 pid:41"))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(locked="300ms"), id=task, rule="locked", remedy="requeue", owner="host:web-1 pid:41")
        attempts, locked, error = play.sql("SELECT attempts, locked_by, last_error FROM delayed_jobs")[0]
        play.assertEqual((attempts, locked), ("1", ""))
        play.assertIn("host:web-1 pid:41", error)
        second = play.claim_when_due(self.reserve(play, "host:web-2 pid:42"))
        play.assertEqual(second.task, task)
        self.finish(play, task)
        play.assertEqual(play.status()["tasks"]["running"], 0)

    def story_attempts_used_up(self, play):
        """A job that has killed 24 workers and now another one has failed; unlocked by its people, it is finished."""
        task = self.submit(play, attempts=24)
        play.claim(self.reserve(play, "host:web-1 pid:41")).kill()
        play.recovered(play.quick(locked="300ms"), id=task, rule="locked", remedy="fail", to="failed")
        play.assertEqual(play.sql("SELECT attempts FROM delayed_jobs WHERE failed_at IS NOT NULL AND locked_at IS NULL"), [["25"]])
        play.assertEqual(play.status()["tasks"]["failed"], 1)
        play.sql("UPDATE delayed_jobs SET failed_at = NULL, attempts = 0")
        play.assertEqual(play.claim(self.reserve(play, "host:web-2 pid:42")).task, task)
        self.finish(play, task)

    def story_backoff(self, play):
        """The third time it comes back after 81 seconds: three attempts to the fourth power."""
        task = self.submit(play, attempts=2)
        play.claim(self.reserve(play, "host:web-1 pid:41")).kill()
        play.recovered(play.quick(locked="300ms"), id=task, remedy="requeue", attempts=3)
        play.assertEqual(play.cell(f"SELECT count(*) FROM delayed_jobs WHERE {LATER[play.server.name]}"), "1")
        play.sql(f"UPDATE delayed_jobs SET run_at = {NOW[play.server.name]}")
        play.assertEqual(play.claim(self.reserve(play, "host:web-2 pid:42")).task, task)
        self.finish(play, task)
