SELECT (SELECT count(*) FROM reclaim_events AS e
	WHERE e.ledger = :ledger AND e.task = j.task AND CAST(e.task AS BINARY) = CAST(j.task AS BINARY)
	  AND e.act IN ('recover', 'deadline') AND e.to_state = 'ready'
	  AND (:within IS NULL OR e.at > UTC_TIMESTAMP(6) - INTERVAL :within MICROSECOND)
	  AND e.seq > coalesce((SELECT max(r.seq) FROM reclaim_events AS r
		WHERE r.ledger = :ledger AND r.task = j.task AND CAST(r.task AS BINARY) = CAST(j.task AS BINARY)
		  AND r.act = 'retry'), 0))
FROM JSON_TABLE(:tasks, '$[*]' COLUMNS (place FOR ORDINALITY,
	task VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')) AS j
ORDER BY j.place
