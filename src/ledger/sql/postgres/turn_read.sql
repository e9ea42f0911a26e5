SELECT turn, (extract(epoch FROM next_at) * 1000000)::bigint, sweeper,
	(extract(epoch FROM last_at) * 1000000)::bigint, last_result,
	(extract(epoch FROM valve_until) * 1000000)::bigint, (extract(epoch FROM outage_at) * 1000000)::bigint,
	(extract(epoch FROM outage_wait) * 1000000)::bigint,
	(extract(epoch FROM statement_timestamp()) * 1000000)::bigint
FROM reclaim.ledgers WHERE name = :ledger
