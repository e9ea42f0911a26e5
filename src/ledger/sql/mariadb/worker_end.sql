-- A row that somebody is writing is alive.
SELECT 1 FROM {relation} WHERE {key} FOR UPDATE SKIP LOCKED
-- then
UPDATE {relation} SET {set}
WHERE {key} AND {fence}
