-- Only an active worker beats; a lost one learns it by no row.
UPDATE reclaim_workers SET
	seen_at = greatest(seen_at, UTC_TIMESTAMP(6)),
	lease_until = greatest(lease_until, UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND)
WHERE id = :id AND state = 'active'
-- then
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', lease_until) FROM reclaim_workers WHERE id = :id
