"""oban_jobs as its migrations make it (v14 on PostgreSQL), with the fetch and the completion of its engines."""
from play import Host

SCHEMA = {
    "postgres": """
CREATE TYPE oban_job_state AS ENUM
    ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');
CREATE TABLE oban_jobs (
    id bigserial PRIMARY KEY, state oban_job_state NOT NULL DEFAULT 'available', queue text NOT NULL DEFAULT 'default',
    worker text NOT NULL, args jsonb NOT NULL DEFAULT '{}', meta jsonb DEFAULT '{}', tags text[] DEFAULT '{}',
    errors jsonb[] NOT NULL DEFAULT '{}', attempt int NOT NULL DEFAULT 0, max_attempts int NOT NULL DEFAULT 20,
    priority int NOT NULL DEFAULT 0, inserted_at timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    scheduled_at timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'), attempted_at timestamp(6),
    completed_at timestamp(6), discarded_at timestamp(6), cancelled_at timestamp(6), attempted_by text[],
    CHECK (attempt BETWEEN 0 AND max_attempts), CHECK (max_attempts > 0), CHECK (priority >= 0));
CREATE INDEX ON oban_jobs (state, queue, priority, scheduled_at, id);
""",
    "mariadb": """
CREATE TABLE oban_jobs (
    id bigint unsigned AUTO_INCREMENT PRIMARY KEY,
    state enum('available', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled', 'suspended')
        NOT NULL DEFAULT 'available',
    queue varchar(255) NOT NULL DEFAULT 'default', worker varchar(255) NOT NULL, args json NOT NULL DEFAULT '{}',
    meta json NOT NULL DEFAULT '{}', tags json NOT NULL DEFAULT '[]', errors json NOT NULL DEFAULT '[]',
    attempt int NOT NULL DEFAULT 0, max_attempts int NOT NULL DEFAULT 20, priority int NOT NULL DEFAULT 0,
    inserted_at datetime(6) NOT NULL DEFAULT utc_timestamp(6), scheduled_at datetime(6) NOT NULL DEFAULT utc_timestamp(6),
    attempted_at datetime(6), completed_at datetime(6), discarded_at datetime(6), cancelled_at datetime(6),
    attempted_by json NOT NULL DEFAULT '[]',
    KEY (state, queue, priority, scheduled_at, id));
""",
    "sqlite": """
CREATE TABLE oban_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL DEFAULT 'available', queue TEXT NOT NULL DEFAULT 'default',
    worker TEXT NOT NULL, args JSON NOT NULL DEFAULT ('{}'), meta JSON NOT NULL DEFAULT ('{}'),
    tags JSON NOT NULL DEFAULT ('[]'), errors JSON NOT NULL DEFAULT ('[]'), attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL DEFAULT 20, priority INTEGER NOT NULL DEFAULT 0,
    inserted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    scheduled_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')), attempted_at TEXT, completed_at TEXT,
    discarded_at TEXT, cancelled_at TEXT, attempted_by JSON NOT NULL DEFAULT ('[]'));
CREATE INDEX oban_jobs_state_queue ON oban_jobs (state, queue, priority, scheduled_at, id);
""",
}
NOW = {"postgres": "now() AT TIME ZONE 'utc'", "mariadb": "utc_timestamp(6)",
       "sqlite": "strftime('%Y-%m-%dT%H:%M:%f000', 'now')"}
NODE = {"postgres": "ARRAY['web.1', '0192-producer']", "mariadb": "JSON_ARRAY('web.1')", "sqlite": "json_array('web.1')"}
LENGTH = {"postgres": "cardinality(errors)", "mariadb": "JSON_LENGTH(errors)", "sqlite": "json_array_length(errors)"}
LAST = {"postgres": "errors[cardinality(errors)]", "mariadb": "JSON_EXTRACT(errors, '$[0]')",
        "sqlite": "json_extract(errors, '$[0]')"}


class Oban(Host):
    profile = "oban"
    engines = ("postgres", "mariadb", "sqlite")

    def schema(self, engine):
        return SCHEMA[engine.name]

    def fetch(self, play):
        """The stager's turn and the fetch of its engines."""
        engine = play.server.name
        now = NOW[engine]
        stage = f"UPDATE oban_jobs SET state = 'available' WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= {now};"
        due = "SELECT min(id) AS id FROM oban_jobs WHERE state = 'available' AND attempt < max_attempts"
        take = (f"state = 'executing', attempted_at = {now}, attempted_by = {NODE[engine]}, attempt = attempt + 1 "
                f"WHERE id = (SELECT id FROM ({due}) AS due)")
        if engine == "mariadb":
            return (f"{stage} SET @job = (SELECT id FROM ({due}) AS due); UPDATE oban_jobs SET "
                    f"{take.replace(f'(SELECT id FROM ({due}) AS due)', '@job')}; "
                    "SELECT id FROM oban_jobs WHERE id = @job")
        return f"{stage} UPDATE oban_jobs SET {take} RETURNING id"

    def submit(self, play, attempts=20):
        play.sql(f"INSERT INTO oban_jobs (worker, max_attempts) VALUES ('App.Mailer', {attempts})")
        return play.cell("SELECT max(id) FROM oban_jobs")

    def states(self, play):
        return [row[0] for row in play.sql("SELECT state FROM oban_jobs ORDER BY id")]

    def complete(self, play, task):
        play.sql(f"UPDATE oban_jobs SET state = 'completed', completed_at = {NOW[play.server.name]} WHERE id = {task}")

    def story_orphan(self, play):
        """Executing on a node that was killed: retryable with an error of this attempt, staged, run again, completed."""
        task = self.submit(play)
        worker = play.claim(self.fetch(play))
        play.nothing_yet()
        worker.kill()
        told = play.recovered(play.quick((r'first\s*=\s*"15s"', 'first = "1s"'), orphan="300ms"), id=task, rule="orphan",
                              remedy="requeue", from_native="executing", to_native="retryable", attempts=1)
        play.assertIn("web.1", told["owner"])
        play.assertEqual(self.states(play), ["retryable"])
        entry = play.object(f"SELECT {LAST[play.server.name]} FROM oban_jobs")
        play.assertEqual((entry["attempt"], sorted(entry)), (1, ["at", "attempt", "error"]))
        play.assertIn("orphaned", entry["error"])
        second = play.claim_when_due(self.fetch(play))
        play.assertEqual(second.task, task)
        play.assertEqual(play.cell("SELECT attempt FROM oban_jobs"), "2")
        self.complete(play, task)
        play.assertEqual(play.status()["tasks"]["completed"], 1)

    def story_attempts_used_up(self, play):
        """The last attempt's node was killed: discarded, not left where no fetch finds it; an operator's retry runs it."""
        task = self.submit(play, attempts=1)
        play.claim(self.fetch(play)).kill()
        play.recovered(play.quick(orphan="300ms"), id=task, remedy="fail", to="failed", to_native="discarded")
        play.assertEqual(play.sql(f"SELECT state, {LENGTH[play.server.name]} FROM oban_jobs WHERE discarded_at IS NOT NULL"),
                         [["discarded", "1"]])
        play.sql("UPDATE oban_jobs SET state = 'available', discarded_at = NULL, max_attempts = attempt + 1")  # Oban.retry_job
        play.assertEqual(play.claim(self.fetch(play)).task, task)
        self.complete(play, task)
        play.assertEqual(self.states(play), ["completed"])

    def story_only_the_orphans(self, play):
        """What is not executing is not ours; and of two, the one that was claimed again is left alone."""
        for _ in range(3):
            self.submit(play)
        first, second = play.claim(self.fetch(play)), play.claim(self.fetch(play))
        first.kill()
        play.sql("UPDATE oban_jobs SET state = 'suspended' WHERE id = 3")
        self.complete(play, second.task)
        second.kill()
        play.recovered(play.quick(orphan="300ms"), id=first.task)
        play.assertEqual(self.states(play), ["retryable", "completed", "suspended"])
