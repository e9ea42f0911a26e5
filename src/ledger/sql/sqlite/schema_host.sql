-- The audit and the turn rows: of all our tables these two stand beside a host's ledger too.
CREATE TABLE IF NOT EXISTS reclaim_events (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	at          INTEGER NOT NULL,
	ledger      TEXT NOT NULL,
	task        TEXT NOT NULL,
	act         TEXT NOT NULL,   -- complete, fail, release, recover, deadline, cancel, retry, …
	rule        TEXT,            -- of a recovery
	from_state  TEXT,
	to_state    TEXT,
	from_native TEXT,
	to_native   TEXT,
	owner       TEXT,
	token       TEXT,
	age         INTEGER,         -- microseconds
	attempts    INTEGER,
	recoveries  INTEGER,
	reason      TEXT,
	actor       TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS reclaim_events_task ON reclaim_events (ledger, task);

CREATE TABLE IF NOT EXISTS reclaim_ledgers (
	name        TEXT PRIMARY KEY NOT NULL,
	turn        INTEGER NOT NULL DEFAULT 0,
	next_at     INTEGER NOT NULL DEFAULT 0,  -- nobody needs to sweep before
	sweeper     TEXT,
	last_at     INTEGER,
	last_result TEXT,                        -- JSON
	valve_until INTEGER,
	outage_at   INTEGER,                     -- when the last outage ended, and how long silence waits after it
	outage_wait INTEGER
) STRICT;
