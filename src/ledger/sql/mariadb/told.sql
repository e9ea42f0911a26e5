SELECT seq FROM reclaim_events
WHERE ledger = :ledger AND task = :task AND act = :act AND rule <=> :rule AND token <=> :token
LIMIT 1
