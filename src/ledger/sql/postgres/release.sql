-- The attempt is given back.
UPDATE reclaim.tasks SET
	state = 'ready', attempts = attempts - 1, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = token, closed_as = 'release'
WHERE id = :id AND token = :token AND state = :state
