UPDATE reclaim.ledgers SET last_at = statement_timestamp(), last_result = :last_result,
	valve_until = timestamptz 'epoch' + :valve_until::float8 * interval '1 microsecond'
WHERE name = :ledger AND turn = :turn
