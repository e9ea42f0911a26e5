UPDATE reclaim.tasks AS t SET
	state = 'failed', error = given.error, lease_until = NULL,
	finished_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = t.token, closed_as = 'fail'
FROM unnest(:id::text[], :token::bigint[], :state::text[], :error::text[])
	WITH ORDINALITY AS given (id, token, state, error, place)
WHERE t.id = given.id AND t.token = given.token AND t.state = given.state
RETURNING given.place
