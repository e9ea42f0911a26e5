-- A row that somebody is writing is alive: it is not found.
SELECT 1 FROM {relation} WHERE {key} AND {fence} FOR UPDATE SKIP LOCKED
