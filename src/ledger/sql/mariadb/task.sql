SELECT state, token, owner, attempts, max_attempts, recoveries,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', claimed_at), closed_token, closed_as,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))
FROM reclaim_tasks WHERE id = :id
