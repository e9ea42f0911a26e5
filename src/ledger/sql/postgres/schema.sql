-- Our own ledger. Rows leave room beside them, and no index has a column that beats write: a beat stays in its page.
SELECT pg_advisory_xact_lock(hashtext('reclaim schema'));
DO $$ BEGIN
	IF to_regnamespace('reclaim') IS NULL THEN
		CREATE SCHEMA reclaim;
	END IF;
END $$;

CREATE TABLE IF NOT EXISTS reclaim.schema (
	version integer NOT NULL,
	at      timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS reclaim.tasks (
	id              text PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 255),
	queue           text NOT NULL DEFAULT 'default',
	kind            text NOT NULL DEFAULT '',
	state           text NOT NULL DEFAULT 'ready'
	                CHECK (state IN ('ready', 'running', 'completed', 'failed', 'cancelled', 'stuck')),
	priority        integer NOT NULL DEFAULT 0, -- higher first
	payload         text,                       -- JSON
	idempotency_key text,
	owner           text,                       -- who holds or held it: a worker's id or a name
	token           bigint NOT NULL DEFAULT 0,  -- the fence: grows by a random step with every claim
	attempts        integer NOT NULL DEFAULT 0, -- executions begun
	max_attempts    integer NOT NULL DEFAULT 25,
	recoveries      integer NOT NULL DEFAULT 0,
	created_at      timestamptz NOT NULL,
	updated_at      timestamptz NOT NULL,
	due_at          timestamptz NOT NULL,
	claimed_at      timestamptz,
	beat_at         timestamptz,                -- the last renewal of its own lease
	lease_until     timestamptz,                -- its own lease; a registered worker's claims share the worker's
	deadline        timestamptz,
	span            interval,                   -- the deadline as asked for: what a retry gets again
	finished_at     timestamptz,
	progress        text,                       -- JSON, as the worker last told
	result          text,                       -- JSON
	error           text,
	closed_token    bigint,                     -- the last token handed in, and with which verb
	closed_as       text
) WITH (fillfactor = 70);

CREATE INDEX IF NOT EXISTS tasks_ready ON reclaim.tasks (priority DESC, due_at)
	WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS tasks_ready_queue ON reclaim.tasks (queue, priority DESC, due_at)
	WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS tasks_running ON reclaim.tasks (claimed_at NULLS FIRST, id)
	WHERE state = 'running';
CREATE INDEX IF NOT EXISTS tasks_owner ON reclaim.tasks (owner)
	WHERE state = 'running';
CREATE INDEX IF NOT EXISTS tasks_deadline ON reclaim.tasks (deadline)
	WHERE deadline IS NOT NULL AND state IN ('ready', 'stuck');
CREATE INDEX IF NOT EXISTS tasks_stuck ON reclaim.tasks (updated_at)
	WHERE state = 'stuck';
CREATE INDEX IF NOT EXISTS tasks_finished ON reclaim.tasks (finished_at)
	WHERE state IN ('completed', 'failed', 'cancelled');
CREATE UNIQUE INDEX IF NOT EXISTS tasks_key ON reclaim.tasks (queue, idempotency_key)
	WHERE idempotency_key IS NOT NULL;

CREATE TABLE IF NOT EXISTS reclaim.workers (
	id             text PRIMARY KEY,            -- one incarnation; never used again
	name           text NOT NULL,
	state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped', 'lost')),
	registered_at  timestamptz NOT NULL,
	seen_at        timestamptz NOT NULL,
	lease_until    timestamptz NOT NULL,        -- good for every claim it holds
	host           text,
	boot           text,
	pid            bigint,
	pid_namespace  bigint,
	time_namespace bigint,
	start_time     bigint,
	slot           bigint,                      -- its byte in the lock file
	lock_inode     bigint
) WITH (fillfactor = 50);

CREATE INDEX IF NOT EXISTS workers_active ON reclaim.workers (id) WHERE state = 'active';

-- A hint for those who wait for work, one for each transaction; ALTER DATABASE … SET reclaim.notify = 'off' ends it.
CREATE OR REPLACE FUNCTION reclaim.tell_ready() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('reclaim.notify', true) IS DISTINCT FROM 'off' THEN
		PERFORM pg_notify('reclaim_ready', '');
	END IF;
	RETURN NULL;
END $$;
DO $$ BEGIN
	IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'reclaim.tasks'::regclass AND tgname = 'tell_new') THEN
		CREATE TRIGGER tell_new AFTER INSERT ON reclaim.tasks
			FOR EACH STATEMENT EXECUTE FUNCTION reclaim.tell_ready();
	END IF;
	IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'reclaim.tasks'::regclass AND tgname = 'tell_again') THEN
		CREATE TRIGGER tell_again AFTER UPDATE ON reclaim.tasks
			FOR EACH ROW WHEN (new.state = 'ready' AND old.state <> 'ready') EXECUTE FUNCTION reclaim.tell_ready();
	END IF;
END $$;
