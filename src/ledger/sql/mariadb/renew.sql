-- A renewal never shortens.
UPDATE reclaim_tasks FORCE INDEX (PRIMARY) SET
	lease_until = CASE WHEN :lease IS NULL THEN lease_until
	              ELSE greatest(coalesce(lease_until, '1970-01-01'), UTC_TIMESTAMP(6) + INTERVAL :lease MICROSECOND) END,
	beat_at = CASE WHEN :lease IS NULL THEN beat_at ELSE UTC_TIMESTAMP(6) END,
	progress = coalesce(:progress, progress)
WHERE id = :id AND token = :token AND state = 'running'
-- then
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', lease_until) FROM reclaim_tasks WHERE id = :id
