"""river_job as its migrations make it (version 6 and later), with its client's fetch and completion."""
from play import Host

SCHEMA = {
    "postgres": """
CREATE TYPE river_job_state AS ENUM
    ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
CREATE TABLE river_job (
    id bigserial PRIMARY KEY, state river_job_state NOT NULL DEFAULT 'available', attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL, attempted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
    finalized_at timestamptz, scheduled_at timestamptz NOT NULL DEFAULT now(), priority smallint NOT NULL DEFAULT 1,
    args jsonb NOT NULL, attempted_by text[], errors jsonb[], kind text NOT NULL, metadata jsonb NOT NULL DEFAULT '{}',
    queue text NOT NULL DEFAULT 'default', tags varchar(255)[] NOT NULL DEFAULT '{}', unique_key bytea, unique_states bit(8),
    CONSTRAINT finalized_or_finalized_at_null CHECK (
        (finalized_at IS NULL AND state NOT IN ('cancelled', 'completed', 'discarded')) OR
        (finalized_at IS NOT NULL AND state IN ('cancelled', 'completed', 'discarded'))),
    CONSTRAINT max_attempts_is_positive CHECK (max_attempts > 0), CHECK (priority BETWEEN 1 AND 4));
CREATE UNIQUE INDEX river_job_unique_idx ON river_job (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL
    AND get_bit(unique_states, CASE state WHEN 'available' THEN 7 WHEN 'cancelled' THEN 6 WHEN 'completed' THEN 5
        WHEN 'discarded' THEN 4 WHEN 'pending' THEN 3 WHEN 'retryable' THEN 2 WHEN 'running' THEN 1 ELSE 0 END) = 1;
CREATE INDEX river_job_state_and_finalized_at_index ON river_job (state, finalized_at) WHERE finalized_at IS NOT NULL;
CREATE INDEX river_job_prioritized_fetching_index ON river_job (state, queue, priority, scheduled_at, id);
""",
    "sqlite": """
CREATE TABLE river_job (
    id INTEGER PRIMARY KEY, args TEXT NOT NULL DEFAULT '{}', attempt INTEGER NOT NULL DEFAULT 0, attempted_at TEXT,
    attempted_by TEXT, created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), errors TEXT,
    finalized_at TEXT, kind TEXT NOT NULL, max_attempts INTEGER NOT NULL, metadata TEXT NOT NULL DEFAULT '{}',
    priority INTEGER NOT NULL DEFAULT 1, queue TEXT NOT NULL DEFAULT 'default', state TEXT NOT NULL DEFAULT 'available',
    scheduled_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), tags TEXT NOT NULL DEFAULT '[]',
    unique_key BLOB, unique_states INTEGER,
    CHECK ((finalized_at IS NULL AND state NOT IN ('cancelled', 'completed', 'discarded')) OR
           (finalized_at IS NOT NULL AND state IN ('cancelled', 'completed', 'discarded'))));
CREATE INDEX river_job_prioritized_fetching_index ON river_job (state, queue, priority, scheduled_at, id);
""",
}
CLIENT = "web-1_2026_11_22T01_02_03_000004"
BY = {"postgres": f"array_append(attempted_by, '{CLIENT}')",
      "sqlite": f"json_insert(coalesce(attempted_by, '[]'), '$[#]', '{CLIENT}')"}
ERROR = {"postgres": "errors[cardinality(errors)]", "sqlite": "json_extract(errors, '$[#-1]')"}
RESCUES = {"postgres": "metadata ->> 'river:rescue_count'", "sqlite": "json_extract(metadata, '$.river:rescue_count')"}
CANCEL = {"postgres": "jsonb_set(metadata, '{cancel_attempted_at}', to_jsonb(now()))",
          "sqlite": "json_set(metadata, '$.cancel_attempted_at', '2026-11-22T01:02:03Z')"}


class Tables(Host):
    def schema(self, engine):
        return SCHEMA[engine.name]

    def submit(self, play, attempts=25, **columns):
        names = "".join(f", {name}" for name in columns)
        values = "".join(f", {value}" for value in columns.values())
        play.sql(f"INSERT INTO river_job (kind, args, max_attempts{names}) VALUES ('sort', '{{}}', {attempts}{values})")
        return play.cell("SELECT max(id) FROM river_job")

    def fetch(self, play):
        """The scheduler's turn and the fetch of its client."""
        now = play.server.now
        return (f"UPDATE river_job SET state = 'available' WHERE state IN ('retryable', 'scheduled') AND scheduled_at <= {now}; "
                f"UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = {now}, "
                f"attempted_by = {BY[play.server.name]} WHERE id = (SELECT id FROM river_job WHERE state = 'available' "
                "ORDER BY priority, scheduled_at, id LIMIT 1) RETURNING id")

    def complete(self, play, task):
        """As its client completes: a running job of that id."""
        play.sql(f"UPDATE river_job SET state = 'completed', finalized_at = {play.server.now} "
                 f"WHERE id = {task} AND state = 'running'")

    def states(self, play):
        return [row[0] for row in play.sql("SELECT state FROM river_job ORDER BY id")]


class River(Tables):
    profile = "river"
    engines = ("postgres", "sqlite")

    def story_stuck(self, play):
        """Running in a client that was killed: retryable after a second for its first error, then run again and completed."""
        task = self.submit(play)
        worker = play.claim(self.fetch(play))
        play.nothing_yet()
        worker.kill()
        play.recovered(play.quick(stuck="300ms"), id=task, rule="stuck", remedy="requeue", from_native="running",
                       to_native="retryable", owner=CLIENT, attempts=1)
        engine = play.server.name
        error = play.object(f"SELECT {ERROR[engine]} FROM river_job")
        play.assertEqual((error["attempt"], error["trace"], sorted(error)), (1, "", ["at", "attempt", "error", "trace"]))
        play.assertIn("Stuck job rescued", error["error"])
        play.assertEqual(play.cell(f"SELECT {RESCUES[engine]} FROM river_job"), "1")
        second = play.claim_when_due(self.fetch(play))
        play.assertEqual(second.task, task)
        self.complete(play, task)
        play.assertEqual(self.states(play), ["completed"])

    def story_attempts_used_up(self, play):
        """The last attempt's client was killed: discarded and finalized; an operator's retry runs it."""
        task = self.submit(play, attempts=1)
        play.claim(self.fetch(play)).kill()
        play.recovered(play.quick(stuck="300ms"), id=task, rule="stuck", remedy="fail", to_native="discarded")
        play.assertEqual(play.sql("SELECT state FROM river_job WHERE finalized_at IS NOT NULL"), [["discarded"]])
        play.sql("UPDATE river_job SET state = 'available', max_attempts = attempt + 1, finalized_at = NULL")  # JobRetry
        play.assertEqual(play.claim(self.fetch(play)).task, task)
        self.complete(play, task)
        play.assertEqual(self.states(play), ["completed"])

    def story_cancelled_while_it_ran(self, play):
        """Somebody cancelled it, then its client was killed: cancelled, not run again; an operator's retry runs it."""
        task = self.submit(play)
        worker = play.claim(self.fetch(play))
        play.sql(f"UPDATE river_job SET metadata = {CANCEL[play.server.name]}")
        worker.kill()
        play.recovered(play.quick(cancelled="300ms", stuck="300ms"), id=task, rule="cancelled", remedy="cancel", to="cancelled")
        play.assertEqual(play.sql("SELECT state FROM river_job WHERE finalized_at IS NOT NULL"), [["cancelled"]])
        play.sql("UPDATE river_job SET state = 'available', finalized_at = NULL, metadata = '{}'")
        play.assertEqual(play.claim(self.fetch(play)).task, task)
        self.complete(play, task)
        play.assertEqual(self.states(play), ["completed"])

    def story_kind_that_may_run_for_ever(self, play):
        """An override for a kind: never, whatever its age; the others are rescued."""
        self.submit(play)
        play.claim(self.fetch(play)).kill()
        profile = play.quick((r"(^rule stuck \{)", r'\1' + '\n\toverride { kind = "sort" after = "never" }'), stuck="300ms")
        other = self.submit(play)
        play.sql("UPDATE river_job SET kind = 'other' WHERE id = 2")
        play.claim(self.fetch(play)).kill()
        play.recovered(profile, id=other)
        play.assertEqual(self.states(play), ["running", "retryable"])
        self.complete(play, "1")


class RiverUnique(Tables):
    profile = "river"
    engines = ("postgres",)

    def story_unique_loser(self, play):
        """Its twin has taken the unique key for `retryable` meanwhile: discarded, as the scheduler would; the twin is done."""
        key = {"unique_key": "'\\x01'", "unique_states": "B'00100000'"}  # retryable only
        first, second = self.submit(play, **key), self.submit(play, **key)
        play.sql("UPDATE river_job SET scheduled_at = now() + interval '1 hour' WHERE id = 2")
        worker = play.claim(self.fetch(play))
        play.assertEqual(worker.task, first)
        play.sql("UPDATE river_job SET state = 'retryable' WHERE id = 2")
        worker.kill()
        play.recovered(play.quick(stuck="300ms"), id=first, remedy="fail", to_native="discarded")
        play.assertEqual(self.states(play), ["discarded", "retryable"])
        play.sql("UPDATE river_job SET scheduled_at = now() WHERE id = 2")
        play.assertEqual(play.claim(self.fetch(play)).task, second)
        self.complete(play, second)
        play.assertEqual(self.states(play), ["discarded", "completed"])
