-- The token is burnt; a worker that holds the task learns it by its next beat.
UPDATE reclaim.tasks SET
	state = 'cancelled', token = token + 1 + floor(random() * 1048576)::bigint, lease_until = NULL,
	finished_at = statement_timestamp(), updated_at = statement_timestamp()
WHERE id = :id AND state = :state
