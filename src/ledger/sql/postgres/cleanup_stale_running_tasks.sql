-- The emergency without our program: by the age of updated_at alone, oldest first, audited. Returns the rows changed.
CREATE OR REPLACE FUNCTION cleanup_stale_running_tasks(
	stale_minutes integer DEFAULT 15, max_attempts integer DEFAULT 3) RETURNS integer LANGUAGE sql AS $$
WITH stale AS MATERIALIZED (
	SELECT id, attempts, owner_id, updated_at, attempts >= cleanup_stale_running_tasks.max_attempts AS spent
	FROM {relation}
	WHERE status = 'running'
	  AND updated_at < statement_timestamp() - cleanup_stale_running_tasks.stale_minutes * interval '1 minute'
	ORDER BY updated_at
	FOR NO KEY UPDATE SKIP LOCKED),
requeued AS (
	UPDATE {relation} AS t SET
		status = 'queued', attempts = t.attempts + 1, owner_id = NULL, lease_expires_at = NULL,
		error = coalesce(t.error, '') || ' | requeued by admin: stale RUNNING', updated_at = statement_timestamp()
	FROM stale AS s WHERE t.id = s.id AND NOT s.spent
	RETURNING t.id),
failed AS (
	UPDATE {relation} AS t SET
		status = 'failed',
		error = coalesce(t.error, '') || ' | failed by admin: max requeues exceeded', updated_at = statement_timestamp()
	FROM stale AS s WHERE t.id = s.id AND s.spent
	RETURNING t.id),
told AS (
	INSERT INTO reclaim.events
		(at, ledger, task, act, rule, from_state, to_state, from_native, to_native, owner, age, attempts, reason, actor)
	SELECT statement_timestamp(), {ledger}, id::text, 'recover', 'cleanup', 'running',
	       CASE WHEN spent THEN 'failed' ELSE 'ready' END, 'running', CASE WHEN spent THEN 'failed' ELSE 'queued' END,
	       owner_id, statement_timestamp() - updated_at, attempts,
	       CASE WHEN spent THEN 'Failed by admin: untouched for ' ELSE 'Requeued by admin: untouched for ' END
	       || date_trunc('second', statement_timestamp() - updated_at), session_user
	FROM stale)
SELECT (SELECT count(*) FROM requeued)::integer + (SELECT count(*) FROM failed)::integer
$$;
