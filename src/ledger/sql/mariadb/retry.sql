-- A fresh budget, a fresh deadline of the same span, a burnt token.
UPDATE reclaim_tasks SET
	state = 'ready', token = token + 1 + CAST(FLOOR(RAND() * 1048576) AS SIGNED), attempts = 0, recoveries = 0,
	owner = NULL, claimed_at = NULL, beat_at = NULL, lease_until = NULL, finished_at = NULL,
	result = NULL, progress = NULL, due_at = UTC_TIMESTAMP(6),
	deadline = UTC_TIMESTAMP(6) + INTERVAL span MICROSECOND,
	updated_at = UTC_TIMESTAMP(6), closed_token = NULL, closed_as = NULL
WHERE id = :id AND state = :state
