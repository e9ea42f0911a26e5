SELECT id, token FROM reclaim_tasks WHERE owner = :id AND state = 'running'
