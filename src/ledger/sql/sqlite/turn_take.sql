UPDATE reclaim_ledgers SET
	turn = turn + 1, next_at = reclaim_now() + :interval, sweeper = :sweeper
WHERE name = :ledger AND (next_at <= reclaim_now() OR :anyway)
RETURNING turn
