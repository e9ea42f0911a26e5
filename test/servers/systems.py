"""The tables of the four systems as their own programs make them on their servers, and how short each can wait."""
from dataclasses import dataclass, replace

FOUNDRY_POSTGRES = """
CREATE TABLE foundry_tasks (
    task_id varchar(36) PRIMARY KEY, task_type varchar(100) NOT NULL, status varchar(20) NOT NULL DEFAULT 'pending',
    claimed_by varchar(100), claimed_at timestamp, updated_at timestamp DEFAULT timezone('UTC', now()));
CREATE INDEX ix_foundry_tasks_status ON foundry_tasks (status);
CREATE TABLE worker_heartbeats (
    id serial PRIMARY KEY, worker_id varchar(100) NOT NULL UNIQUE, status varchar(20) NOT NULL DEFAULT 'active',
    last_seen timestamp NOT NULL);
CREATE TABLE task_audit_log (
    id serial PRIMARY KEY, task_id varchar(36) NOT NULL, action varchar(50) NOT NULL, details text, timestamp timestamp NOT NULL);
"""
# Whole seconds only.
FOUNDRY_MARIADB = """
CREATE TABLE foundry_tasks (
    task_id VARCHAR(36) NOT NULL PRIMARY KEY, task_type VARCHAR(100) NOT NULL, status VARCHAR(20) NOT NULL DEFAULT 'pending',
    claimed_by VARCHAR(100), claimed_at DATETIME, updated_at DATETIME DEFAULT (utc_timestamp()),
    INDEX ix_foundry_tasks_status (status));
CREATE TABLE worker_heartbeats (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, worker_id VARCHAR(100) NOT NULL UNIQUE,
    status VARCHAR(20) NOT NULL DEFAULT 'active', last_seen DATETIME NOT NULL);
CREATE TABLE task_audit_log (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, task_id VARCHAR(36) NOT NULL, action VARCHAR(50) NOT NULL, details TEXT,
    timestamp DATETIME NOT NULL);
"""

SEEDCORE_OLD = """
CREATE TYPE taskstatus AS ENUM ('created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'retry');
CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), status taskstatus NOT NULL DEFAULT 'created', attempts integer NOT NULL DEFAULT 0,
    type varchar NOT NULL, description varchar, params jsonb NOT NULL DEFAULT '{}', error text, run_after timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
CREATE TRIGGER update_tasks_updated_at BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
"""
SEEDCORE = SEEDCORE_OLD + """
ALTER TABLE tasks ADD COLUMN owner_id text, ADD COLUMN lease_expires_at timestamptz, ADD COLUMN last_heartbeat timestamptz;
"""

DELEGATIONS = """
CREATE TABLE delegations (
    delegation_id text PRIMARY KEY, caller_id uuid NOT NULL, callee_id uuid NOT NULL, task_preview text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'dispatched', 'in_progress', 'completed', 'failed', 'stuck')),
    last_heartbeat timestamptz, deadline timestamptz NOT NULL DEFAULT now() + interval '6 hours', result_preview text,
    error_detail text, retry_count integer NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), idempotency_key text);
CREATE INDEX delegations_in_flight ON delegations (last_heartbeat) WHERE status IN ('queued', 'dispatched', 'in_progress');
CREATE UNIQUE INDEX delegations_idempotency ON delegations (caller_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
"""

CLOACINA = """
CREATE TABLE task_executions (
    id uuid PRIMARY KEY, pipeline_execution_id uuid NOT NULL, task_name varchar NOT NULL, status varchar NOT NULL,
    started_at {time}, completed_at {time}, attempt integer NOT NULL DEFAULT 1, max_attempts integer NOT NULL DEFAULT 3,
    error_details text, trigger_rules text NOT NULL DEFAULT '{{"type": "Always"}}', task_configuration text NOT NULL DEFAULT '{{}}',
    retry_at {time}, last_error text, recovery_attempts integer NOT NULL DEFAULT 0, last_recovery_at {time}, claimed_by uuid,
    heartbeat_at {time}, created_at {time} NOT NULL DEFAULT {now}, updated_at {time} NOT NULL DEFAULT {now});
CREATE INDEX task_executions_claims ON task_executions (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE TABLE execution_events (
    id uuid PRIMARY KEY, pipeline_execution_id uuid NOT NULL, task_execution_id uuid, event_type varchar NOT NULL,
    event_data text DEFAULT '{{}}', worker_id varchar, created_at {time} NOT NULL, sequence_num bigserial);
CREATE TABLE task_outbox (id bigserial PRIMARY KEY, task_execution_id uuid NOT NULL, created_at {time} NOT NULL);
"""

ID = "00000000-0000-4000-8000-0000000000aa"
RUNNER = "00000000-0000-4000-8000-0000000c0ffe"
ZONED, NAIVE = "now()", "timezone('UTC', now())"


@dataclass(frozen=True)
class System:
    """`submit`, `age`, `dispatch` and `finish` are its own programs' statements: a new task; a claim (of `owner`) that is long
    silent; whose a task is to be; a worker that hands in. `row` reads what a recovery changes."""

    profile: str
    table: str
    schema: str
    submit: str
    row: str
    running: tuple  # of `row`, all these
    recovered: tuple
    completed: tuple
    finish: str
    age: str
    changes: tuple = ()  # to the profile: short waits
    environment: tuple = ()  # the same, where the system has variables
    options: tuple = ()  # of `work`
    owner: str = "anna"
    dispatch: str = ""
    again: tuple = ()  # what an operator has to say before another worker may
    late: int = 4  # the exit code of a hand-in that comes after the recovery
    takes_the_living: bool = False  # its rule is a limit: a worker that beats is no excuse


def foundry(schema, now, old, seconds):
    silent = (("after   = \"300s\"", f'after = "{seconds}s"'), ('beat      = "30s"', 'beat = "200ms"'))
    return System(
        "foundry", "foundry_tasks", schema,
        submit=f"INSERT INTO foundry_tasks (task_id, task_type) VALUES ('{ID}', 'render')",
        row="SELECT status, claimed_by IS NULL, claimed_at IS NULL FROM foundry_tasks",
        running=("claimed", "f", "f"), recovered=("pending", "t", "t"), completed=("completed", "f", "f"),
        finish=f"UPDATE foundry_tasks SET status = 'completed', updated_at = {now} WHERE task_id = '{ID}'",
        age=f"INSERT INTO worker_heartbeats (worker_id, status, last_seen) VALUES ('anna', 'active', {old})",
        changes=silent,
    )


FOUNDRY = {
    "postgres": foundry(FOUNDRY_POSTGRES, NAIVE, f"{NAIVE} - interval '400 s'", 1),
    "mariadb": foundry(FOUNDRY_MARIADB, "utc_timestamp()", "utc_timestamp() - INTERVAL 400 SECOND", 2),
}
AGE = {
    name: replace(system, changes=(("after   = \"6h\"", 'after = "1s"'),), takes_the_living=True)
    for name, system in FOUNDRY.items()
}

LEASES = System(
    "seedcore", "tasks", SEEDCORE,
    submit=f"INSERT INTO tasks (id, status, type, description) VALUES ('{ID}', 'queued', 'graph', 'embed it')",
    row="SELECT status, attempts, owner_id IS NULL, lease_expires_at IS NULL, coalesce(error, '') FROM tasks",
    running=("running", "0", "f", "f", ""),
    recovered=("queued", "1", "t", "t", " | reaper: lease expired or owner dead"),
    completed=("completed", "1", "f", "t", " | reaper: lease expired or owner dead"),
    finish=f"UPDATE tasks SET status = 'completed', lease_expires_at = NULL WHERE id = '{ID}'",
    age=f"UPDATE tasks SET lease_expires_at = now() - interval '1 s' WHERE id = '{ID}'",
    environment=(("TASK_LEASE_S", "1"),),
)

SILENT_AGENT = System(
    "delegations", "delegations", DELEGATIONS,
    submit=f"INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('{ID}', '{ID}', '{RUNNER}', 'sum')",
    row="SELECT status, retry_count, regexp_replace(coalesce(error_detail, ''), '[0-9]+', 'N'), coalesce(result_preview, '') <> ''"
        " FROM delegations",
    running=("in_progress", "0", "", "f"), recovered=("stuck", "0", "no heartbeat for Ns", "f"),
    completed=("completed", "1", "no heartbeat for Ns", "t"),
    finish=f"UPDATE delegations SET status = 'completed', result_preview = 'mine', updated_at = now() WHERE delegation_id = '{ID}'",
    age="UPDATE delegations SET last_heartbeat = now() - interval '45.2 s', updated_at = now()",
    environment=(("DELEGATION_STUCK_THRESHOLD_S", "1"),),
    owner=RUNNER, dispatch="UPDATE delegations SET callee_id = '{worker}'", again=("retry", ID), late=0,
)

# Strictly by the deadline that the caller gave; failed is for ever.
DEADLINE = replace(
    SILENT_AGENT, submit=SILENT_AGENT.submit.replace("task_preview)", "task_preview, deadline)").replace(
        "'sum')", "'sum', now() + interval '2 s')"),
    recovered=("failed", "0", "deadline exceeded by sweeper", "f"), environment=(), takes_the_living=True,
)


def cloacina(time, now):
    return System(
        "cloacina", "task_executions", CLOACINA.format(time=time, now=now),
        submit=f"INSERT INTO task_executions (id, pipeline_execution_id, task_name, status) VALUES ('{ID}', '{ID}', 'load', 'Ready')",
        row="SELECT status, recovery_attempts, attempt, claimed_by IS NULL, heartbeat_at IS NULL FROM task_executions",
        running=("Running", "0", "1", "f", "f"), recovered=("Ready", "1", "1", "t", "t"), completed=("Completed", "1", "1", "t", "t"),
        finish=f"UPDATE task_executions SET status = 'Completed', claimed_by = NULL, heartbeat_at = NULL, completed_at = {now},"
               f" updated_at = {now} WHERE id = '{ID}'",
        age=f"UPDATE task_executions SET heartbeat_at = {now} - interval '61 s'",
        changes=(('after       = "60s"', 'after = "1s"'), ('beat        = "10s"', 'beat = "200ms"'),
                 ('start_grace = "60s"', 'start_grace = "200ms"')),
        owner=RUNNER,
    )


ZONED_CLOACINA, NAIVE_CLOACINA = cloacina("timestamptz", ZONED), cloacina("timestamp", NAIVE)
