UPDATE reclaim.tasks AS t SET
	state = 'ready', error = given.error, owner = NULL, claimed_at = NULL, lease_until = NULL,
	due_at = statement_timestamp() + given.delay * interval '1 microsecond', updated_at = statement_timestamp(),
	closed_token = t.token, closed_as = 'fail'
FROM unnest(:id::text[], :token::bigint[], :state::text[], :error::text[], :delay::float8[])
	WITH ORDINALITY AS given (id, token, state, error, delay, place)
WHERE t.id = given.id AND t.token = given.token AND t.state = given.state
RETURNING given.place
