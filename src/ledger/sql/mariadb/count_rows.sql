SELECT count(*) FROM (SELECT 1 FROM {relation} LIMIT :limit) AS r
