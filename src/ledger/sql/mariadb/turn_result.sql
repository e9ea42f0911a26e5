UPDATE reclaim_ledgers SET
	last_at = UTC_TIMESTAMP(6), last_result = :last_result,
	valve_until = TIMESTAMP'1970-01-01 00:00:00' + INTERVAL :valve_until MICROSECOND
WHERE name = :ledger AND turn = :turn
