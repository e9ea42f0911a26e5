SELECT seq FROM reclaim_events
WHERE ledger = :ledger AND task = :task AND CAST(task AS BINARY) = CAST(:task AS BINARY)
  AND act = :act AND rule <=> :rule AND CAST(token AS BINARY) <=> CAST(:token AS BINARY)
LIMIT 1
