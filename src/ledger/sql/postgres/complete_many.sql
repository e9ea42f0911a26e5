UPDATE reclaim.tasks AS t SET
	state = 'completed', result = given.result, error = NULL, lease_until = NULL,
	finished_at = statement_timestamp(), updated_at = statement_timestamp(),
	closed_token = t.token, closed_as = 'complete'
FROM unnest(:id::text[], :token::bigint[], :state::text[], :result::text[])
	WITH ORDINALITY AS given (id, token, state, result, place)
WHERE t.id = given.id AND t.token = given.token AND t.state = given.state
RETURNING given.place
