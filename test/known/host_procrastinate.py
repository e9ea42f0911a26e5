"""procrastinate_* as its schema makes them (3.x), with the fetch and the end of its workers."""
from play import Host

SCHEMA = """
CREATE TYPE procrastinate_job_status AS ENUM ('todo', 'doing', 'succeeded', 'failed', 'cancelled', 'aborting', 'aborted');
CREATE TYPE procrastinate_job_event_type AS ENUM
    ('deferred', 'started', 'deferred_for_retry', 'failed', 'succeeded', 'cancelled', 'abort_requested', 'aborted', 'scheduled', 'retried');
CREATE TABLE procrastinate_workers (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    last_heartbeat timestamptz NOT NULL DEFAULT now());
CREATE TABLE procrastinate_jobs (
    id bigserial PRIMARY KEY, queue_name varchar(128) NOT NULL, task_name varchar(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL, lock text, queueing_lock text, args jsonb DEFAULT '{}' NOT NULL,
    status procrastinate_job_status DEFAULT 'todo' NOT NULL, scheduled_at timestamptz, attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL, worker_id bigint REFERENCES procrastinate_workers (id) ON DELETE SET NULL,
    CONSTRAINT check_not_todo_abort_requested CHECK (NOT (status = 'todo' AND abort_requested = true)));
CREATE TABLE procrastinate_events (id bigserial PRIMARY KEY, job_id bigint NOT NULL REFERENCES procrastinate_jobs ON DELETE CASCADE,
    type procrastinate_job_event_type, at timestamptz DEFAULT now() NULL);
CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON procrastinate_jobs (queueing_lock) WHERE status = 'todo';
CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON procrastinate_jobs (lock) WHERE status = 'doing';
CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON procrastinate_jobs (id, lock) WHERE status IN ('todo', 'doing');
CREATE INDEX procrastinate_events_job_id_fkey_v1 ON procrastinate_events (job_id);
CREATE FUNCTION procrastinate_trigger_status_events_procedure_update_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status THEN
        INSERT INTO procrastinate_events (job_id, type) VALUES (NEW.id, (CASE
            WHEN OLD.status = 'todo' AND NEW.status = 'doing' THEN 'started'
            WHEN OLD.status = 'doing' AND NEW.status = 'todo' THEN 'deferred_for_retry'
            WHEN NEW.status = 'failed' THEN 'failed' WHEN NEW.status = 'succeeded' THEN 'succeeded'
            WHEN NEW.status = 'aborted' THEN 'aborted' ELSE 'scheduled' END)::procrastinate_job_event_type);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON procrastinate_jobs FOR EACH ROW
    EXECUTE PROCEDURE procrastinate_trigger_status_events_procedure_update_v1();
"""


class Procrastinate(Host):
    profile = "procrastinate"

    def schema(self, _engine):
        return SCHEMA

    def submit(self, play, **columns):
        names = "".join(f", {name}" for name in columns)
        values = "".join(f", {value}" for value in columns.values())
        return play.cell(f"INSERT INTO procrastinate_jobs (queue_name, task_name{names}) VALUES ('mail', 'send'{values}) RETURNING id")

    def worker(self, play):
        return play.cell("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")

    def fetch(self, worker):
        return (f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = {worker} WHERE id = ("
                "SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()) "
                "ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id")

    def finish(self, play, task):
        play.sql("UPDATE procrastinate_jobs SET status = 'succeeded', abort_requested = false, attempts = attempts + 1 "
                 f"WHERE id = {task} AND status IN ('todo', 'doing')")

    def states(self, play):
        return [row[0] for row in play.sql("SELECT status FROM procrastinate_jobs ORDER BY id")]

    def finished_by_another(self, play, task):
        play.assertEqual(play.claim(self.fetch(self.worker(play))).task, task)
        self.finish(play, task)

    def story_silent_worker(self, play):
        """Its worker was killed and beats no more: todo, with one attempt more, and another worker succeeds."""
        task, first = self.submit(play), self.worker(play)
        worker = play.claim(self.fetch(first))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(stalled="300ms", aborted="300ms"), id=task, rule="stalled", remedy="requeue", owner=first)
        play.assertEqual(play.sql("SELECT status, attempts, worker_id FROM procrastinate_jobs"), [["todo", "1", ""]])
        self.finished_by_another(play, task)
        play.assertEqual(self.states(play), ["succeeded"])
        play.assertEqual([row[0] for row in play.sql("SELECT type FROM procrastinate_events ORDER BY id")],
                         ["started", "deferred_for_retry", "started", "succeeded"])

    def story_pruned_worker(self, play):
        """Its worker's row was pruned, so that the job names no worker any more: recovered by when it was started."""
        task, first = self.submit(play), self.worker(play)
        worker = play.claim(self.fetch(first))
        worker.kill()
        play.sql("DELETE FROM procrastinate_workers")
        play.recovered(play.quick(stalled="300ms", aborted="300ms"), id=task, rule="stalled", remedy="requeue")
        self.finished_by_another(play, task)
        play.assertEqual(self.states(play), ["succeeded"])

    def story_abort_requested(self, play):
        """Its end was asked for, then its worker was killed: aborted, as the worker would have left it; retried, it succeeds."""
        task, first = self.submit(play), self.worker(play)
        worker = play.claim(self.fetch(first))
        play.sql("UPDATE procrastinate_jobs SET abort_requested = true")
        worker.kill()
        play.recovered(play.quick(stalled="300ms", aborted="300ms"), id=task, rule="aborted", remedy="cancel", to_native="aborted")
        play.assertEqual(self.states(play), ["aborted"])
        play.sql("UPDATE procrastinate_jobs SET status = 'todo'")  # which an end still asked for would forbid
        self.finished_by_another(play, task)

    def story_twin_under_its_queueing_lock(self, play):
        """Another one was queued under its lock meanwhile: it fails, nothing else is held up, and its twin is done."""
        lock = {"queueing_lock": "'nightly'"}
        task, first = self.submit(play, **lock), self.worker(play)
        worker = play.claim(self.fetch(first))
        twin, bystander = self.submit(play, **lock), self.submit(play)
        other = play.claim(f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = {first} WHERE id = {bystander} RETURNING id")
        worker.kill()
        other.kill()
        profile = play.quick(stalled="300ms", aborted="300ms")
        play.until(lambda: play.sweep("--dry-run", profile=profile)["stale"] == 2, "both are stale")
        answer = play.sweep(profile=profile)
        play.assertEqual((answer["failed"], answer["requeued"], answer["errors"]), (1, 1, 0), answer)
        play.assertEqual(self.states(play), ["failed", "todo", "todo"])
        play.assertEqual(sorted((row["id"], row["remedy"]) for row in answer["tasks"]), [(task, "fail"), (bystander, "requeue")])
        self.finished_by_another(play, twin)
        self.finished_by_another(play, bystander)
        play.assertEqual(self.states(play), ["failed", "succeeded", "succeeded"])

    def story_poison(self, play):
        """A job that kills each of its workers fails after its recoveries, which our audit counts."""
        task = self.submit(play)
        profile = play.quick((r"recoveries  = 5", "recoveries = 1"), stalled="300ms", aborted="300ms")
        play.claim(self.fetch(self.worker(play))).kill()
        play.recovered(profile, id=task, remedy="requeue")
        play.claim(self.fetch(self.worker(play))).kill()
        play.recovered(profile, id=task, remedy="fail", recoveries=1)
        play.assertEqual(self.states(play), ["failed"])
        play.sql("UPDATE procrastinate_jobs SET status = 'todo'")
        self.finished_by_another(play, task)
