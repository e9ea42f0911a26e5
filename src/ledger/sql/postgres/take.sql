-- Locked first and then changed by its place alone; the lock is one that a child row's insert does not mind.
WITH reclaim_free AS MATERIALIZED (
	SELECT tableoid AS reclaim_table, ctid AS reclaim_row FROM {relation}
	WHERE {key} AND {fence}
	FOR NO KEY UPDATE SKIP LOCKED)
UPDATE {relation} SET {set}
FROM reclaim_free
WHERE ctid = reclaim_row AND tableoid = reclaim_table
