SELECT id, token FROM reclaim.tasks WHERE owner = :id AND state = 'running'
