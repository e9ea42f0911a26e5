SELECT {column}, count(*) AS reclaim_count
FROM (SELECT {column} FROM {relation} LIMIT 1000000) AS r
WHERE {column} IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC
LIMIT :limit
