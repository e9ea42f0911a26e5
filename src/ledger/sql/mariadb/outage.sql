-- The longer of two outages that overlap counts.
UPDATE reclaim_ledgers SET outage_at = UTC_TIMESTAMP(6), outage_wait = :wait
WHERE name = :ledger
  AND (outage_at IS NULL
       OR outage_at + INTERVAL outage_wait MICROSECOND < UTC_TIMESTAMP(6) + INTERVAL :wait MICROSECOND)
