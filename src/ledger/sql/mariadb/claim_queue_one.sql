-- I1: a registered worker's own row must be active, and stays so until the claim is committed.
SELECT id INTO @reclaim_found
FROM reclaim_tasks FORCE INDEX (reclaim_tasks_ready_queue)
WHERE state = 'ready' AND due_at <= UTC_TIMESTAMP(6) AND queue = :queue
  AND (deadline IS NULL OR deadline >= UTC_TIMESTAMP(6))
  AND (:lease IS NOT NULL
       OR EXISTS (SELECT 1 FROM reclaim_workers WHERE id = :owner AND state = 'active' LOCK IN SHARE MODE))
ORDER BY priority DESC, due_at
LIMIT 1
FOR UPDATE SKIP LOCKED
-- then
UPDATE reclaim_tasks FORCE INDEX (PRIMARY) SET
	state = 'running',
	owner = :owner,
	token = token + 1 + CAST(FLOOR(RAND() * 1048576) AS SIGNED),
	attempts = attempts + 1,
	claimed_at = UTC_TIMESTAMP(6),
	beat_at = NULL,
	lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND,
	updated_at = UTC_TIMESTAMP(6)
WHERE id = @reclaim_found AND state = 'ready'
-- then
SELECT id, token, queue, kind, payload, attempts, max_attempts,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', lease_until),
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', deadline),
	priority,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due_at)
FROM reclaim_tasks WHERE id = @reclaim_found
