-- The audit and the turn rows: of all our tables these two stand beside a host's ledger too.
CREATE TABLE IF NOT EXISTS reclaim_events (
	seq         BIGINT NOT NULL AUTO_INCREMENT,
	at          DATETIME(6) NOT NULL,
	ledger      VARCHAR(255) NOT NULL,
	task        VARCHAR(1024) NOT NULL,
	act         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- complete, fail, release, recover, deadline, cancel, retry, …
	rule        VARCHAR(255),        -- of a recovery
	from_state  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
	to_state    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
	from_native VARCHAR(255),
	to_native   VARCHAR(255),
	owner       TEXT,
	token       TEXT,
	age         BIGINT,              -- microseconds
	attempts    BIGINT,
	recoveries  BIGINT,
	reason      LONGTEXT,
	actor       VARCHAR(255) NOT NULL,
	PRIMARY KEY (seq),
	KEY reclaim_events_task (ledger(64), task(255))
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reclaim_ledgers (
	name        VARCHAR(255) NOT NULL,
	turn        BIGINT NOT NULL DEFAULT 0,
	next_at     DATETIME(6) NOT NULL DEFAULT '1970-01-01', -- nobody needs to sweep before
	sweeper     VARCHAR(255),
	last_at     DATETIME(6),
	last_result LONGTEXT,                                  -- JSON
	valve_until DATETIME(6),
	outage_at   DATETIME(6),                               -- when the last outage ended,
	outage_wait BIGINT,                                    -- and how long silence waits after it
	PRIMARY KEY (name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
