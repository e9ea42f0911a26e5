-- The longer of two outages that overlap counts.
UPDATE reclaim.ledgers SET
	outage_at = statement_timestamp(), outage_wait = :wait::float8 * interval '1 microsecond'
WHERE name = :ledger
  AND (outage_at IS NULL
       OR outage_at + outage_wait < statement_timestamp() + :wait::float8 * interval '1 microsecond')
