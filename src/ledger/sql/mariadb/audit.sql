-- Oldest first behind `after`, or (after NULL) the newest `limit`, oldest first. `=` finds the index, but no spaces at
-- the end.
SELECT * FROM (
	SELECT seq, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) AS at, task, act, rule, from_state, to_state, from_native,
	       to_native, owner, token, age, attempts, recoveries, reason, actor
	FROM reclaim_events
	WHERE ledger = :ledger
	  AND (:task IS NULL OR (task = :task AND CAST(task AS BINARY) = CAST(:task AS BINARY)))
	  AND seq > coalesce(:after, 0)
	ORDER BY CASE WHEN :after IS NULL THEN -seq ELSE seq END
	LIMIT :limit) AS e
ORDER BY seq
