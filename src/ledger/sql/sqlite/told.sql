SELECT seq FROM reclaim_events
WHERE ledger = :ledger AND task = :task AND act = :act AND rule IS :rule AND token IS :token
LIMIT 1
