-- A row that somebody is writing is left alone. Locked by its key first: a change would lock every row that it looks at.
SELECT 1 FROM {relation} WHERE {key} FOR UPDATE SKIP LOCKED
-- then
UPDATE {relation} SET {set}
WHERE {key} AND {fence}
