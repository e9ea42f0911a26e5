-- A fresh budget, a fresh deadline of the same span, a burnt token.
UPDATE reclaim.tasks SET
	state = 'ready', token = token + 1 + floor(random() * 1048576)::bigint, attempts = 0, recoveries = 0,
	owner = NULL, claimed_at = NULL, beat_at = NULL, lease_until = NULL, finished_at = NULL,
	result = NULL, progress = NULL, due_at = statement_timestamp(), deadline = statement_timestamp() + span,
	updated_at = statement_timestamp(), closed_token = NULL, closed_as = NULL
WHERE id = :id AND state = :state
