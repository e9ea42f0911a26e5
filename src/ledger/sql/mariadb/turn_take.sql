UPDATE reclaim_ledgers SET
	turn = turn + 1, next_at = UTC_TIMESTAMP(6) + INTERVAL :interval MICROSECOND, sweeper = :sweeper
WHERE name = :ledger AND (next_at <= UTC_TIMESTAMP(6) OR :anyway)
-- then
SELECT turn FROM reclaim_ledgers WHERE name = :ledger
