DELETE FROM reclaim.tasks WHERE ctid = ANY (ARRAY(
	SELECT ctid FROM reclaim.tasks
	WHERE state IN ('completed', 'failed', 'cancelled')
	  AND finished_at < statement_timestamp() - :older_than::float8 * interval '1 microsecond'
	ORDER BY finished_at
	LIMIT :count::bigint
	FOR UPDATE SKIP LOCKED))
