DELETE FROM reclaim_tasks
WHERE state IN ('completed', 'failed', 'cancelled') AND finished_at < UTC_TIMESTAMP(6) - INTERVAL :older_than MICROSECOND
ORDER BY finished_at
LIMIT :count
