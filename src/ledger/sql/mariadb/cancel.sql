-- The token is burnt; a worker that holds the task learns it by its next beat.
UPDATE reclaim_tasks SET
	state = 'cancelled', token = token + 1 + CAST(FLOOR(RAND() * 1048576) AS SIGNED), lease_until = NULL,
	finished_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6)
WHERE id = :id AND state = :state
