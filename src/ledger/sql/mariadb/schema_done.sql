-- Written last: without this row the tables are not all there.
INSERT INTO reclaim_schema (version, at)
SELECT 1, UTC_TIMESTAMP(6) FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM reclaim_schema AS s);
