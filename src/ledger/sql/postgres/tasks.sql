SELECT id, state, token, owner, attempts, max_attempts, recoveries,
	(extract(epoch FROM claimed_at) * 1000000)::bigint, closed_token, closed_as,
	(extract(epoch FROM statement_timestamp()) * 1000000)::bigint
FROM reclaim.tasks WHERE id = ANY (ARRAY(SELECT json_array_elements_text(:ids::json)))
