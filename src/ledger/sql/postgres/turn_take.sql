UPDATE reclaim.ledgers SET
	turn = turn + 1, next_at = statement_timestamp() + :interval::float8 * interval '1 microsecond',
	sweeper = :sweeper
WHERE name = :ledger AND (next_at <= statement_timestamp() OR :anyway::int <> 0)
RETURNING turn
