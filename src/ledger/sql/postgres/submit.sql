-- A known idempotency key changes nothing and returns no row.
INSERT INTO reclaim.tasks
	(id, queue, kind, payload, idempotency_key, created_at, updated_at, due_at, deadline, span,
	 max_attempts, priority)
VALUES
	(:id, :queue, :kind, :payload, :key, statement_timestamp(), statement_timestamp(),
	 statement_timestamp() + :delay::float8 * interval '1 microsecond',
	 statement_timestamp() + :deadline::float8 * interval '1 microsecond',
	 :deadline::float8 * interval '1 microsecond', :max_attempts, :priority)
ON CONFLICT (queue, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING id
