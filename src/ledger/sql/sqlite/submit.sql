-- A known idempotency key changes nothing and returns no row.
INSERT INTO reclaim_tasks
	(id, queue, kind, payload, idempotency_key, created_at, updated_at, due_at, deadline, span,
	 max_attempts, priority)
VALUES
	(:id, :queue, :kind, :payload, :key, reclaim_now(), reclaim_now(), reclaim_now() + :delay,
	 reclaim_now() + :deadline, :deadline, :max_attempts, :priority)
ON CONFLICT (queue, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING id
