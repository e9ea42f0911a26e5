SELECT reclaim_value, count(*), count(reclaim_claimed), count(reclaim_finished), count(nullif(reclaim_error, ''))
FROM (
  SELECT {column} AS reclaim_value, {claimed} AS reclaim_claimed, {finished} AS reclaim_finished, CAST({error} AS TEXT) AS reclaim_error
  FROM {relation} LIMIT 1000000
) AS r
WHERE reclaim_value IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC
LIMIT :limit
