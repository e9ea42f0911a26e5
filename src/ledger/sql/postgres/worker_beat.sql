-- Only an active worker beats; a lost one learns it by no row.
UPDATE reclaim.workers SET
	seen_at = greatest(seen_at, statement_timestamp()),
	lease_until = greatest(lease_until, statement_timestamp() + :lease::float8 * interval '1 microsecond')
WHERE id = :id AND state = 'active'
RETURNING (extract(epoch FROM lease_until) * 1000000)::bigint
