-- A worker whose row somebody is writing is alive.
UPDATE {relation} SET {set}
WHERE {key} AND ctid = ANY (ARRAY(
	SELECT ctid FROM {relation}
	WHERE {key} AND {fence}
	FOR NO KEY UPDATE SKIP LOCKED))
