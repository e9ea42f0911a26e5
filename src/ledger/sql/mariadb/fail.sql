UPDATE reclaim_tasks FORCE INDEX (PRIMARY) SET
	state = 'failed', error = :error, lease_until = NULL,
	finished_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
