UPDATE reclaim_ledgers SET last_at = reclaim_now(), last_result = :last_result, valve_until = :valve_until
WHERE name = :ledger AND turn = :turn
