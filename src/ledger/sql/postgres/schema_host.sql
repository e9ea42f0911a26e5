-- The audit and the turn rows: of all our tables these two stand beside a host's ledger too.
SELECT pg_advisory_xact_lock(hashtext('reclaim schema'));
DO $$ BEGIN
	IF to_regnamespace('reclaim') IS NULL THEN
		CREATE SCHEMA reclaim;
	END IF;
END $$;

CREATE TABLE IF NOT EXISTS reclaim.events (
	seq         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	at          timestamptz NOT NULL,
	ledger      text NOT NULL,
	task        text NOT NULL,
	act         text NOT NULL,   -- complete, fail, release, recover, deadline, cancel, retry, …
	rule        text,            -- of a recovery
	from_state  text,
	to_state    text,
	from_native text,
	to_native   text,
	owner       text,
	token       text,
	age         interval,
	attempts    bigint,
	recoveries  bigint,
	reason      text,
	actor       text NOT NULL
);

CREATE INDEX IF NOT EXISTS events_task ON reclaim.events (ledger, task);

CREATE TABLE IF NOT EXISTS reclaim.ledgers (
	name        text PRIMARY KEY,
	turn        bigint NOT NULL DEFAULT 0,
	next_at     timestamptz NOT NULL DEFAULT 'epoch', -- nobody needs to sweep before
	sweeper     text,
	last_at     timestamptz,
	last_result text,            -- JSON
	valve_until timestamptz,
	outage_at   timestamptz,     -- when the last outage ended, and how long silence waits after it
	outage_wait interval
) WITH (fillfactor = 70);
