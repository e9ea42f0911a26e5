-- Our own ledger. Times are UTC. Texts are told apart byte for byte, spaces at their ends included.
CREATE TABLE IF NOT EXISTS reclaim_schema (
	version INT NOT NULL,
	at      DATETIME(6) NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS reclaim_tasks (
	id              VARCHAR(255) NOT NULL CHECK (id <> ''),
	queue           VARCHAR(255) NOT NULL DEFAULT 'default',
	kind            VARCHAR(255) NOT NULL DEFAULT '',
	state           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT 'ready'
	                CHECK (state IN ('ready', 'running', 'completed', 'failed', 'cancelled', 'stuck')),
	priority        INT NOT NULL DEFAULT 0,      -- higher first
	payload         LONGTEXT,                    -- JSON
	idempotency_key VARCHAR(255),
	owner           VARCHAR(255),                -- who holds or held it: a worker's id or a name
	token           BIGINT NOT NULL DEFAULT 0,   -- the fence: grows by a random step with every claim
	attempts        INT NOT NULL DEFAULT 0,      -- executions begun
	max_attempts    INT NOT NULL DEFAULT 25,
	recoveries      INT NOT NULL DEFAULT 0,
	created_at      DATETIME(6) NOT NULL,
	updated_at      DATETIME(6) NOT NULL,
	due_at          DATETIME(6) NOT NULL,
	claimed_at      DATETIME(6),
	beat_at         DATETIME(6),                 -- the last renewal of its own lease
	lease_until     DATETIME(6),                 -- its own lease; a registered worker's claims share the worker's
	deadline        DATETIME(6),
	span            BIGINT,                      -- the deadline as asked for, microseconds: what a retry gets again
	finished_at     DATETIME(6),
	progress        LONGTEXT,                    -- JSON, as the worker last told
	result          LONGTEXT,                    -- JSON
	error           LONGTEXT,
	closed_token    BIGINT,                      -- the last token handed in, and with which verb
	closed_as       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin,
	PRIMARY KEY (id),
	-- No index on a column that beats write.
	UNIQUE KEY reclaim_tasks_key (queue, idempotency_key),
	KEY reclaim_tasks_ready (state, priority DESC, due_at),
	KEY reclaim_tasks_ready_queue (state, queue, priority DESC, due_at),
	KEY reclaim_tasks_running (state, claimed_at, id),
	KEY reclaim_tasks_owner (state, owner),
	KEY reclaim_tasks_deadline (state, deadline),
	KEY reclaim_tasks_finished (finished_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS reclaim_workers (
	id             VARCHAR(255) NOT NULL,        -- one incarnation; never used again
	name           VARCHAR(255) NOT NULL,
	state          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT 'active'
	               CHECK (state IN ('active', 'stopped', 'lost')),
	registered_at  DATETIME(6) NOT NULL,
	seen_at        DATETIME(6) NOT NULL,
	lease_until    DATETIME(6) NOT NULL,         -- good for every claim it holds
	host           VARCHAR(255),
	boot           VARCHAR(64),
	pid            BIGINT,
	pid_namespace  BIGINT,
	time_namespace BIGINT,
	start_time     BIGINT,
	slot           BIGINT,                       -- its byte in the lock file
	lock_inode     BIGINT,
	PRIMARY KEY (id),
	KEY reclaim_workers_active (state)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
