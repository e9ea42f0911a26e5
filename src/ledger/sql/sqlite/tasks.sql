SELECT id, state, token, owner, attempts, max_attempts, recoveries, claimed_at, closed_token, closed_as, reclaim_now()
FROM reclaim_tasks WHERE id IN (SELECT value FROM json_each(:ids))
