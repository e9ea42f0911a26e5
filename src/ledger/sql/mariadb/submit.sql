-- A known idempotency key changes nothing and returns no row; an id that exists is refused, because it can't be NULL.
INSERT INTO reclaim_tasks
	(id, queue, kind, payload, idempotency_key, created_at, updated_at, due_at, deadline, span,
	 max_attempts, priority)
VALUES
	(:id, :queue, :kind, :payload, :key, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),
	 UTC_TIMESTAMP(6) + INTERVAL :delay MICROSECOND, UTC_TIMESTAMP(6) + INTERVAL :deadline MICROSECOND, :deadline,
	 :max_attempts, :priority)
ON DUPLICATE KEY UPDATE
	id = CASE WHEN idempotency_key = VALUES(idempotency_key) AND queue = VALUES(queue) THEN reclaim_tasks.id END
-- then
SELECT id FROM reclaim_tasks WHERE id = :id
