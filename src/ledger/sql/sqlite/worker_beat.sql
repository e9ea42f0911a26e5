-- Only an active worker beats; a lost one learns it by no row.
UPDATE reclaim_workers SET
	seen_at = max(seen_at, reclaim_now()),
	lease_until = max(lease_until, reclaim_now() + :lease)
WHERE id = :id AND state = 'active'
RETURNING lease_until
