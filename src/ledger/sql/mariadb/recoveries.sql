-- No subqueries that depend on a task: the engine remembers their answers by it, and takes a space at its end for none.
SELECT count(CASE WHEN c.seq > coalesce(c.retried, 0) AND c.act <> 'retry'
	AND (:within IS NULL OR c.at > UTC_TIMESTAMP(6) - INTERVAL :within MICROSECOND) THEN 1 END)
FROM (SELECT j.place, e.seq, e.act, e.at, max(CASE WHEN e.act = 'retry' THEN e.seq END) OVER (PARTITION BY j.place) AS retried
	FROM JSON_TABLE(:tasks, '$[*]' COLUMNS (place FOR ORDINALITY,
		task VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) AS j
	LEFT JOIN reclaim_events AS e ON e.ledger = :ledger
		AND e.task = j.task AND concat(e.task, '.') = concat(j.task, '.')
		AND (e.act = 'retry' OR (e.act IN ('recover', 'deadline') AND e.to_state = 'ready'))) AS c
GROUP BY c.place
ORDER BY c.place
