UPDATE reclaim.tasks SET
	state = 'failed', error = :error, lease_until = NULL,
	finished_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
