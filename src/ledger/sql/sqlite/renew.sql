-- A renewal never shortens.
UPDATE reclaim_tasks SET
	lease_until = CASE WHEN :lease IS NULL THEN lease_until
	              ELSE max(coalesce(lease_until, 0), reclaim_now() + :lease) END,
	beat_at = CASE WHEN :lease IS NULL THEN beat_at ELSE reclaim_now() END,
	progress = coalesce(:progress, progress)
WHERE id = :id AND token = :token AND state = 'running'
RETURNING lease_until
