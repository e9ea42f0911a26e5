-- Written last: without this row the tables are not all there.
INSERT INTO reclaim_schema (version, at)
SELECT 1, reclaim_now() WHERE NOT EXISTS (SELECT 1 FROM reclaim_schema);
