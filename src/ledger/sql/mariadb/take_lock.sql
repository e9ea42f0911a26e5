-- By its key first: a fence would lock every row that it looks at.
SELECT 1 FROM {relation} WHERE {key} FOR UPDATE SKIP LOCKED
-- then
SELECT 1 FROM {relation} WHERE {key} AND {fence} FOR UPDATE
