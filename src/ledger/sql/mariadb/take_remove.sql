-- Locked by its key first: a row that somebody is writing is left alone.
SELECT 1 FROM {relation} WHERE {key} FOR UPDATE SKIP LOCKED
-- then
DELETE FROM {relation} WHERE {key} AND {fence}
