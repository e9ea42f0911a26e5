-- The attempt is given back.
UPDATE reclaim.tasks AS t SET
	state = 'ready', attempts = attempts - 1, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = t.token, closed_as = 'release'
FROM unnest(:id::text[], :token::bigint[], :state::text[])
	WITH ORDINALITY AS given (id, token, state, place)
WHERE t.id = given.id AND t.token = given.token AND t.state = given.state
RETURNING given.place
