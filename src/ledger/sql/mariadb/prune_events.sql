DELETE FROM reclaim_events
WHERE ledger = :ledger AND at < UTC_TIMESTAMP(6) - INTERVAL :older_than MICROSECOND
ORDER BY seq
LIMIT :count
