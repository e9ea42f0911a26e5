-- I1: a registered worker's claim needs its own active row, in this very statement.
UPDATE reclaim_tasks SET
	state = 'running',
	owner = :owner,
	token = token + 1 + (random() & 1048575),
	attempts = attempts + 1,
	claimed_at = reclaim_now(),
	beat_at = NULL,
	lease_until = reclaim_now() + :lease,
	updated_at = reclaim_now()
WHERE id IN (
		SELECT id FROM reclaim_tasks
		WHERE state = 'ready' AND due_at <= reclaim_now() AND queue = :queue
		  AND (deadline IS NULL OR deadline >= reclaim_now())
		ORDER BY priority DESC, due_at
		LIMIT :count)
  AND (:lease IS NOT NULL
       OR EXISTS (SELECT 1 FROM reclaim_workers WHERE id = :owner AND state = 'active'))
RETURNING id, token, queue, kind, payload, attempts, max_attempts, lease_until, deadline, priority, due_at
