DELETE FROM reclaim.workers
WHERE state <> 'active' AND seen_at < statement_timestamp() - :older_than::float8 * interval '1 microsecond'
  AND NOT EXISTS (SELECT 1 FROM reclaim.tasks t WHERE t.owner = workers.id AND t.state = 'running')
