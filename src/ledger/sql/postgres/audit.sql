-- Oldest first behind `after`, or (after NULL) the newest `limit`, oldest first.
SELECT * FROM (
	SELECT seq, (extract(epoch FROM at) * 1000000)::bigint, task, act, rule, from_state, to_state, from_native,
	       to_native, owner, token, (extract(epoch FROM age) * 1000000)::bigint, attempts, recoveries, reason, actor
	FROM reclaim.events
	WHERE ledger = :ledger AND (:task::text IS NULL OR task = :task::text)
	  AND seq > coalesce(:after::bigint, 0)
	ORDER BY CASE WHEN :after::bigint IS NULL THEN -seq ELSE seq END
	LIMIT :limit::bigint) AS e
ORDER BY seq
