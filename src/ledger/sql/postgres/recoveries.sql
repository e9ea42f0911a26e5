SELECT (SELECT count(*) FROM reclaim.events AS e
	WHERE e.ledger = :ledger AND e.task = j.task AND e.act IN ('recover', 'deadline') AND e.to_state = 'ready'
	  AND (:within::bigint IS NULL OR e.at > statement_timestamp() - :within::bigint * interval '1 microsecond')
	  AND e.seq > coalesce((SELECT max(r.seq) FROM reclaim.events AS r
		WHERE r.ledger = :ledger AND r.task = j.task AND r.act = 'retry'), 0))
FROM json_array_elements_text(:tasks::json) WITH ORDINALITY AS j (task, place)
ORDER BY j.place
