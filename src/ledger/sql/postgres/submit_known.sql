SELECT id FROM reclaim.tasks WHERE queue = :queue AND idempotency_key = :key
