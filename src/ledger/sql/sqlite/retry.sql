-- A fresh budget, a fresh deadline of the same span, a burnt token.
UPDATE reclaim_tasks SET
	state = 'ready', token = token + 1 + (random() & 1048575), attempts = 0, recoveries = 0,
	owner = NULL, claimed_at = NULL, beat_at = NULL, lease_until = NULL, finished_at = NULL,
	result = NULL, progress = NULL, due_at = reclaim_now(), deadline = reclaim_now() + span,
	updated_at = reclaim_now(), closed_token = NULL, closed_as = NULL
WHERE id = :id AND state = :state
