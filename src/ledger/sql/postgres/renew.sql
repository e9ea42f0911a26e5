-- A renewal never shortens.
UPDATE reclaim.tasks SET
	lease_until = CASE WHEN :lease::float8 IS NULL THEN lease_until
	              ELSE greatest(lease_until, statement_timestamp() + :lease::float8 * interval '1 microsecond') END,
	beat_at = CASE WHEN :lease::float8 IS NULL THEN beat_at ELSE statement_timestamp() END,
	progress = coalesce(:progress::text, progress)
WHERE id = :id AND token = :token AND state = 'running'
RETURNING (extract(epoch FROM lease_until) * 1000000)::bigint
