SELECT seq FROM reclaim_events
WHERE ledger = :ledger AND task = :task AND act = 'report' AND rule = :rule AND token IS :token
LIMIT 1
