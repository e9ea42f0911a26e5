SELECT turn, next_at, sweeper, last_at, last_result, valve_until, outage_at, outage_wait, reclaim_now()
FROM reclaim_ledgers WHERE name = :ledger
