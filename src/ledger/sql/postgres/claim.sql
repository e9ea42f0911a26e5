-- I1: a registered worker's claim needs its own active row, in this very statement. Rows are locked first and then
-- changed by their version alone: a predicate repeated outside may be planned as a scan of everything that is ready.
WITH due AS MATERIALIZED (
	SELECT ctid FROM reclaim.tasks
	WHERE state = 'ready' AND due_at <= statement_timestamp()
	  AND (deadline IS NULL OR deadline >= statement_timestamp())
	  AND (:lease::float8 IS NOT NULL
	       OR EXISTS (SELECT 1 FROM reclaim.workers w WHERE w.id = :owner::text AND w.state = 'active'))
	ORDER BY priority DESC, due_at
	LIMIT :count::bigint
	FOR NO KEY UPDATE SKIP LOCKED)
UPDATE reclaim.tasks AS t SET
	state = 'running',
	owner = :owner::text,
	token = t.token + 1 + floor(random() * 1048576)::bigint,
	attempts = t.attempts + 1,
	claimed_at = statement_timestamp(),
	beat_at = NULL,
	lease_until = statement_timestamp() + :lease::float8 * interval '1 microsecond',
	updated_at = statement_timestamp()
WHERE t.ctid = ANY (ARRAY(SELECT due.ctid FROM due))
RETURNING t.id, t.token, t.queue, t.kind, t.payload, t.attempts, t.max_attempts,
	(extract(epoch FROM t.lease_until) * 1000000)::bigint, (extract(epoch FROM t.deadline) * 1000000)::bigint,
	t.priority, (extract(epoch FROM t.due_at) * 1000000)::bigint
