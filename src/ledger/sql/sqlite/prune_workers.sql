DELETE FROM reclaim_workers
WHERE state <> 'active' AND seen_at < reclaim_now() - :older_than
  AND NOT EXISTS (SELECT 1 FROM reclaim_tasks t WHERE t.owner = reclaim_workers.id AND t.state = 'running')
