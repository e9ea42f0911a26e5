-- I1: a registered worker's own row must be active, and stays so until the claim is committed.
SELECT JSON_ARRAYAGG(f.id) INTO @reclaim_found
FROM (
	SELECT id FROM reclaim_tasks FORCE INDEX (reclaim_tasks_ready_queue)
	WHERE state = 'ready' AND due_at <= UTC_TIMESTAMP(6) AND queue = :queue
	  AND (deadline IS NULL OR deadline >= UTC_TIMESTAMP(6))
	  AND (:lease IS NOT NULL
	       OR EXISTS (SELECT 1 FROM reclaim_workers WHERE id = :owner AND state = 'active' LOCK IN SHARE MODE))
	ORDER BY priority DESC, due_at
	LIMIT :count
	FOR UPDATE SKIP LOCKED) AS f
-- then
UPDATE JSON_TABLE(@reclaim_found, '$[*]'
	COLUMNS (id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$')) AS f
STRAIGHT_JOIN reclaim_tasks AS t FORCE INDEX (PRIMARY) ON t.id = f.id
SET
	t.state = 'running',
	t.owner = :owner,
	t.token = t.token + 1 + CAST(FLOOR(RAND() * 1048576) AS SIGNED),
	t.attempts = t.attempts + 1,
	t.claimed_at = UTC_TIMESTAMP(6),
	t.beat_at = NULL,
	t.lease_until = UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND,
	t.updated_at = UTC_TIMESTAMP(6)
WHERE t.state = 'ready'
-- then
SELECT t.id, t.token, t.queue, t.kind, t.payload, t.attempts, t.max_attempts,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t.lease_until),
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t.deadline),
	t.priority,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', t.due_at)
FROM JSON_TABLE(@reclaim_found, '$[*]'
	COLUMNS (id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$')) AS f
STRAIGHT_JOIN reclaim_tasks AS t FORCE INDEX (PRIMARY) ON t.id = f.id
