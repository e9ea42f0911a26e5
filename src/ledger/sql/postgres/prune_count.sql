SELECT
	(SELECT count(*) FROM reclaim.tasks
	 WHERE state IN ('completed', 'failed', 'cancelled')
	   AND finished_at < statement_timestamp() - :older_than::float8 * interval '1 microsecond'),
	(SELECT count(*) FROM reclaim.events
	 WHERE ledger = :ledger AND at < statement_timestamp() - :older_than::float8 * interval '1 microsecond')
