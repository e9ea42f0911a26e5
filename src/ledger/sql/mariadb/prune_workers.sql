DELETE FROM reclaim_workers
WHERE state <> 'active' AND seen_at < UTC_TIMESTAMP(6) - INTERVAL :older_than MICROSECOND
  AND NOT EXISTS (SELECT 1 FROM reclaim_tasks AS t WHERE t.owner = reclaim_workers.id AND t.state = 'running')
