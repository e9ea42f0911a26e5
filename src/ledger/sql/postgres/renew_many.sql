-- A renewal never shortens.
UPDATE reclaim.tasks AS t SET
	lease_until = CASE WHEN given.lease IS NULL THEN lease_until
	              ELSE greatest(lease_until, statement_timestamp() + given.lease * interval '1 microsecond') END,
	beat_at = CASE WHEN given.lease IS NULL THEN beat_at ELSE statement_timestamp() END,
	progress = coalesce(given.progress, t.progress)
FROM unnest(:id::text[], :token::bigint[], :lease::float8[], :progress::text[])
	WITH ORDINALITY AS given (id, token, lease, progress, place)
WHERE t.id = given.id AND t.token = given.token AND t.state = 'running'
RETURNING given.place
