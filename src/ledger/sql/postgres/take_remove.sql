-- Locked first and then deleted by its place alone; a row that somebody holds, or refers to, is left alone.
WITH reclaim_free AS MATERIALIZED (
	SELECT tableoid AS reclaim_table, ctid AS reclaim_row FROM {relation}
	WHERE {key} AND {fence}
	FOR UPDATE SKIP LOCKED)
DELETE FROM {relation} USING reclaim_free
WHERE ctid = reclaim_row AND tableoid = reclaim_table
