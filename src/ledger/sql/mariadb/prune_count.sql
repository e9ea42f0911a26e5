SELECT
	(SELECT count(*) FROM reclaim_tasks
	 WHERE state IN ('completed', 'failed', 'cancelled')
	   AND finished_at < UTC_TIMESTAMP(6) - INTERVAL :older_than MICROSECOND),
	(SELECT count(*) FROM reclaim_events
	 WHERE ledger = :ledger AND at < UTC_TIMESTAMP(6) - INTERVAL :older_than MICROSECOND)
