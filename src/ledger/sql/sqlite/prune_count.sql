SELECT
	(SELECT count(*) FROM reclaim_tasks
	 WHERE state IN ('completed', 'failed', 'cancelled') AND finished_at < reclaim_now() - :older_than),
	(SELECT count(*) FROM reclaim_events WHERE ledger = :ledger AND at < reclaim_now() - :older_than)
