DELETE FROM reclaim.events WHERE ctid = ANY (ARRAY(
	SELECT ctid FROM reclaim.events
	WHERE ledger = :ledger AND at < statement_timestamp() - :older_than::float8 * interval '1 microsecond'
	ORDER BY seq
	LIMIT :count::bigint
	FOR UPDATE SKIP LOCKED))
