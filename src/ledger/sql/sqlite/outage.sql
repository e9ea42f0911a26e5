-- The longer of two outages that overlap counts.
UPDATE reclaim_ledgers SET outage_at = reclaim_now(), outage_wait = :wait
WHERE name = :ledger
  AND (outage_at IS NULL OR outage_at + outage_wait < reclaim_now() + :wait)
