DELETE FROM reclaim_tasks WHERE id IN (
	SELECT id FROM reclaim_tasks
	WHERE state IN ('completed', 'failed', 'cancelled') AND finished_at < reclaim_now() - :older_than
	ORDER BY finished_at
	LIMIT :count)
