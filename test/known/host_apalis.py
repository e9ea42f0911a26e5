"""apalis's jobs and workers as the migrations of apalis-sqlite and apalis-postgres leave them, with its fetch and its ack."""
from play import Host

SCHEMA = {
    "postgres": """
CREATE SCHEMA apalis;
CREATE TABLE apalis.workers (id text NOT NULL UNIQUE, worker_type text NOT NULL, storage_name text NOT NULL,
    layers text NOT NULL DEFAULT '', last_seen timestamptz NOT NULL DEFAULT now(), started_at timestamptz);
CREATE TABLE apalis.jobs (job bytea NOT NULL, id text NOT NULL UNIQUE, job_type text NOT NULL,
    status text NOT NULL DEFAULT 'Pending', attempts integer NOT NULL DEFAULT 0, max_attempts integer NOT NULL DEFAULT 25,
    run_at timestamptz NOT NULL DEFAULT now(), last_result jsonb, lock_at timestamptz,
    lock_by text REFERENCES apalis.workers (id), done_at timestamptz, priority integer DEFAULT 0, metadata jsonb);
CREATE INDEX ON apalis.jobs (status);
""",
    "sqlite": """
CREATE TABLE Workers (id TEXT NOT NULL UNIQUE, worker_type TEXT NOT NULL, storage_name TEXT NOT NULL, layers TEXT,
    last_seen INTEGER NOT NULL DEFAULT (strftime('%s', 'now')), started_at INTEGER);
CREATE TABLE Jobs (job BLOB NOT NULL, id TEXT NOT NULL UNIQUE, job_type TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'Pending',
    attempts INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL DEFAULT 25,
    run_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')), last_result TEXT, lock_at INTEGER, lock_by TEXT, done_at INTEGER,
    priority INTEGER NOT NULL DEFAULT 0, metadata TEXT, PRIMARY KEY (id), FOREIGN KEY (lock_by) REFERENCES Workers (id));
CREATE INDEX idx_jobs_status_run_at ON Jobs (status, run_at);
""",
}
NOW = {"postgres": "now()", "sqlite": "strftime('%s', 'now')"}


class Apalis(Host):
    profile = "apalis"
    engines = ("postgres", "sqlite")

    def schema(self, engine):
        return SCHEMA[engine.name]

    def names(self, play):
        return ("apalis.jobs", "apalis.workers") if play.server.name == "postgres" else ("Jobs", "Workers")

    def submit(self, play, attempts=0, limit=25):
        jobs, _ = self.names(play)
        play.sql(f"INSERT INTO {jobs} (job, id, job_type, attempts, max_attempts) VALUES ('{{}}', '01J', 'mail', {attempts}, {limit})")
        return "01J"

    def register(self, play, name):
        play.sql(f"INSERT INTO {self.names(play)[1]} (id, worker_type, storage_name) VALUES ('{name}', 'mail', 'storage')")

    def fetch(self, play, worker):
        """Queued by the poll, and Running as soon as the worker has a place for it."""
        jobs, _ = self.names(play)
        now = NOW[play.server.name]
        return (f"UPDATE {jobs} SET status = 'Queued', lock_by = {worker}, lock_at = {now} WHERE id IN (SELECT id FROM {jobs} "
                f"WHERE (status = 'Pending' AND lock_by IS NULL OR status = 'Failed' AND attempts < max_attempts) "
                f"AND run_at <= {now} LIMIT 1) RETURNING id")

    def start(self, play, task, worker):
        jobs, _ = self.names(play)
        play.sql(f"UPDATE {jobs} SET status = 'Running', lock_at = {NOW[play.server.name]}, lock_by = '{worker}' "
                 f"WHERE id = '{task}' AND status IN ('Queued', 'Pending')")

    def ack(self, play, task, worker):
        jobs, _ = self.names(play)
        play.sql(f"UPDATE {jobs} SET status = 'Done', attempts = attempts + 1, last_result = '{{\"Ok\": null}}', "
                 f"done_at = {NOW[play.server.name]} WHERE id = '{task}' AND lock_by = '{worker}'")

    def row(self, play, *columns):
        row, = play.sql(f"SELECT {', '.join(columns)} FROM {self.names(play)[0]}")
        return row

    def finished(self, play, task, worker="b"):
        self.register(play, worker)
        play.assertEqual(play.claim_when_due(self.fetch(play, f"'{worker}'")).task, task)
        self.start(play, task, worker)
        self.ack(play, task, worker)
        play.assertEqual(play.status()["tasks"]["completed"], 1)

    def held(self, play, **job):
        """A worker with a job, that has been killed."""
        task = self.submit(play, **job)
        self.register(play, "a")
        worker = play.claim(self.fetch(play, "'a'"))
        self.start(play, task, "a")
        play.nothing_yet()
        worker.kill()
        return task

    def story_dead_worker(self, play):
        """Its worker was killed and is seen no more: Pending with one attempt more; the late worker's ack does nothing."""
        task = self.held(play)
        play.recovered(play.quick(dead_worker="1s"), id=task, rule="dead-worker", remedy="requeue", owner="a", to="ready")
        play.assertEqual(self.row(play, "status", "attempts", "lock_by", "lock_at"), ["Pending", "1", "", ""])
        play.assertIn("silent", play.object(f"SELECT last_result FROM {self.names(play)[0]}")["Err"])
        self.ack(play, task, "a")
        play.assertEqual(self.row(play, "status"), ["Pending"])
        self.finished(play, task)
        play.assertEqual(self.row(play, "attempts"), ["2"])

    def story_no_worker(self, play):
        """Its worker's row is gone, which apalis's own search misses: recovered all the same."""
        jobs, workers = self.names(play)
        task = self.submit(play)
        if play.server.name == "postgres":
            play.sql(f"ALTER TABLE {jobs} DROP CONSTRAINT jobs_lock_by_fkey")
        self.register(play, "a")
        play.claim(self.fetch(play, "'a'")).kill()
        play.sql(f"DELETE FROM {workers}")
        play.recovered(play.quick(dead_worker="1s"), id=task, rule="dead-worker", remedy="requeue")
        self.finished(play, task)

    def story_queued_for_nobody(self, play):
        """Fetched for several workers at once, and the process was killed before one of them had it."""
        task = self.submit(play)
        worker = play.claim(self.fetch(play, "NULL"))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(queued_for_nobody="1s"), id=task, rule="queued-for-nobody", remedy="requeue")
        self.finished(play, task)

    def used_up(self, play, task, profile, rule):
        play.recovered(profile, id=task, rule=rule, remedy="fail", to="failed")
        play.assertEqual(self.row(play, "status", "attempts", "lock_by"), ["Failed", "3", ""])
        play.assertTrue(self.row(play, "done_at")[0])
        play.assertIn("no attempt is left", play.object(f"SELECT last_result FROM {self.names(play)[0]}")["Err"])
        self.register(play, "c")
        play.claim_nothing(self.fetch(play, "'c'"))
        play.sql(f"UPDATE {self.names(play)[0]} SET max_attempts = 4")  # its people give it one more
        self.finished(play, task)

    def story_attempts_used_up(self, play):
        """The worker of its last attempt was killed: Failed, and fetched no more, where apalis would run it for ever."""
        task = self.held(play, attempts=2, limit=3)
        self.used_up(play, task, play.quick(dead_worker="1s"), "dead-worker")

    def story_attempts_used_up_for_nobody(self, play):
        task = self.submit(play, attempts=2, limit=3)
        play.claim(self.fetch(play, "NULL")).kill()
        self.used_up(play, task, play.quick(queued_for_nobody="1s"), "queued-for-nobody")

    def story_a_worker_that_is_seen(self, play):
        """However long a job takes, its worker is seen."""
        task = self.submit(play)
        self.register(play, "a")
        worker = play.claim(self.fetch(play, "'a'"))
        jobs, workers = self.names(play)
        old = "now() - interval '1 day'" if play.server.name == "postgres" else "strftime('%s', 'now') - 86400"
        play.sql(f"UPDATE {jobs} SET lock_at = {old}, run_at = {old}")
        play.nothing_yet()
        worker.kill()
        play.sql(f"UPDATE {workers} SET last_seen = {old}")
        play.recovered(id=task, rule="dead-worker")
        self.finished(play, task)
