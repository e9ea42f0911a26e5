UPDATE reclaim_tasks SET
	state = 'ready', error = :error, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = reclaim_now() + :delay, updated_at = reclaim_now(),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
