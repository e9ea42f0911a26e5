-- Our own ledger. Times are microseconds since 1970 in UTC.
CREATE TABLE IF NOT EXISTS reclaim_schema (
	version INTEGER NOT NULL,
	at      INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS reclaim_tasks (
	id              TEXT PRIMARY KEY NOT NULL CHECK (length(CAST(id AS BLOB)) BETWEEN 1 AND 255),
	queue           TEXT NOT NULL DEFAULT 'default',
	kind            TEXT NOT NULL DEFAULT '',
	state           TEXT NOT NULL DEFAULT 'ready'
	                CHECK (state IN ('ready', 'running', 'completed', 'failed', 'cancelled', 'stuck')),
	priority        INTEGER NOT NULL DEFAULT 0, -- higher first
	payload         TEXT,                       -- JSON
	idempotency_key TEXT,
	owner           TEXT,                       -- who holds or held it: a worker's id or a name
	token           INTEGER NOT NULL DEFAULT 0, -- the fence: grows by a random step with every claim
	attempts        INTEGER NOT NULL DEFAULT 0, -- executions begun
	max_attempts    INTEGER NOT NULL DEFAULT 25,
	recoveries      INTEGER NOT NULL DEFAULT 0,
	created_at      INTEGER NOT NULL,
	updated_at      INTEGER NOT NULL,
	due_at          INTEGER NOT NULL,
	claimed_at      INTEGER,
	beat_at         INTEGER,                    -- the last renewal of its own lease
	lease_until     INTEGER,                    -- its own lease; a registered worker's claims share the worker's
	deadline        INTEGER,
	span            INTEGER,                    -- the deadline as asked for, a duration: what a retry gets again
	finished_at     INTEGER,
	progress        TEXT,                       -- JSON, as the worker last told
	result          TEXT,                       -- JSON
	error           TEXT,
	closed_token    INTEGER,                    -- the last token handed in, and with which verb
	closed_as       TEXT
) STRICT;

-- No index on a column that beats write.
CREATE INDEX IF NOT EXISTS reclaim_tasks_ready ON reclaim_tasks (priority DESC, due_at)
	WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS reclaim_tasks_ready_queue ON reclaim_tasks (queue, priority DESC, due_at)
	WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS reclaim_tasks_running ON reclaim_tasks (claimed_at, id)
	WHERE state = 'running';
CREATE INDEX IF NOT EXISTS reclaim_tasks_owner ON reclaim_tasks (owner)
	WHERE state = 'running';
CREATE INDEX IF NOT EXISTS reclaim_tasks_deadline ON reclaim_tasks (deadline)
	WHERE deadline IS NOT NULL AND state IN ('ready', 'stuck');
CREATE INDEX IF NOT EXISTS reclaim_tasks_stuck ON reclaim_tasks (updated_at)
	WHERE state = 'stuck';
CREATE INDEX IF NOT EXISTS reclaim_tasks_finished ON reclaim_tasks (finished_at)
	WHERE state IN ('completed', 'failed', 'cancelled');
CREATE UNIQUE INDEX IF NOT EXISTS reclaim_tasks_key ON reclaim_tasks (queue, idempotency_key)
	WHERE idempotency_key IS NOT NULL;

CREATE TABLE IF NOT EXISTS reclaim_workers (
	id             TEXT PRIMARY KEY NOT NULL,   -- one incarnation; never used again
	name           TEXT NOT NULL,
	state          TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped', 'lost')),
	registered_at  INTEGER NOT NULL,
	seen_at        INTEGER NOT NULL,
	lease_until    INTEGER NOT NULL,            -- good for every claim it holds
	host           TEXT,
	boot           TEXT,
	pid            INTEGER,
	pid_namespace  INTEGER,
	time_namespace INTEGER,
	start_time     INTEGER,
	slot           INTEGER,                     -- its byte in the lock file
	lock_inode     INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS reclaim_workers_active ON reclaim_workers (id) WHERE state = 'active';
