-- Written last: without this row the tables are not all there.
INSERT INTO reclaim.schema (version, at)
SELECT 1, statement_timestamp() WHERE NOT EXISTS (SELECT 1 FROM reclaim.schema);
