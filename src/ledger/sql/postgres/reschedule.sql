UPDATE reclaim.tasks SET
	state = 'ready', error = :error, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = statement_timestamp() + :delay::float8 * interval '1 microsecond', updated_at = statement_timestamp(),
	closed_token = token, closed_as = 'fail'
WHERE id = :id AND token = :token AND state = :state
