UPDATE reclaim.tasks SET
	state = 'completed', result = :result, error = NULL, lease_until = NULL,
	finished_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = token, closed_as = 'complete'
WHERE id = :id AND token = :token AND state = :state
