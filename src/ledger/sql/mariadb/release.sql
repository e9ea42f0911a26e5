-- The attempt is given back.
UPDATE reclaim_tasks FORCE INDEX (PRIMARY) SET
	state = 'ready', attempts = attempts - 1, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6),
	closed_token = token, closed_as = 'release'
WHERE id = :id AND token = :token AND state = :state
