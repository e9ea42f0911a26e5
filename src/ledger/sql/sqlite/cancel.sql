-- The token is burnt; a worker that holds the task learns it by its next beat.
UPDATE reclaim_tasks SET
	state = 'cancelled', token = token + 1 + (random() & 1048575), lease_until = NULL,
	finished_at = reclaim_now(), updated_at = reclaim_now()
WHERE id = :id AND state = :state
