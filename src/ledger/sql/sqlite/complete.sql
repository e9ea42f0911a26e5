UPDATE reclaim_tasks SET
	state = 'completed', result = :result, error = NULL, lease_until = NULL,
	finished_at = reclaim_now(), updated_at = reclaim_now(),
	closed_token = token, closed_as = 'complete'
WHERE id = :id AND token = :token AND state = :state
