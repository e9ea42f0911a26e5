UPDATE reclaim_tasks FORCE INDEX (PRIMARY) SET
	state = 'ready', error = :error, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = UTC_TIMESTAMP(6) + INTERVAL :delay MICROSECOND, updated_at = UTC_TIMESTAMP(6),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
