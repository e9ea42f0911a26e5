SELECT count(e.seq) FROM json_each(:tasks) AS j LEFT JOIN reclaim_events AS e
	ON e.ledger = :ledger AND e.task = j.value AND e.act IN ('recover', 'deadline') AND e.to_state = 'ready'
	AND (:within IS NULL OR e.at > reclaim_now() - :within)
	AND e.seq > coalesce((SELECT max(r.seq) FROM reclaim_events AS r
		WHERE r.ledger = :ledger AND r.task = j.value AND r.act = 'retry'), 0)
GROUP BY j.key ORDER BY j.key
