UPDATE reclaim_tasks SET
	state = 'failed', error = :error, lease_until = NULL,
	finished_at = reclaim_now(), updated_at = reclaim_now(),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
