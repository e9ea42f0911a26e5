DELETE FROM reclaim_events WHERE seq IN (
	SELECT seq FROM reclaim_events
	WHERE ledger = :ledger AND at < reclaim_now() - :older_than
	ORDER BY seq
	LIMIT :count)
