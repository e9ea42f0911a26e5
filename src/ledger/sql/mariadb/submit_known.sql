SELECT id FROM reclaim_tasks WHERE queue = :queue AND idempotency_key = :key
