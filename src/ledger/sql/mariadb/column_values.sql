-- What differs in a byte is another state.
SELECT reclaim_value, count(*), count(reclaim_claimed), count(reclaim_finished), count(nullif(reclaim_error, ''))
FROM (
  SELECT {column} AS reclaim_value, {claimed} AS reclaim_claimed, {finished} AS reclaim_finished, CAST({error} AS CHAR) AS reclaim_error
  FROM {relation} LIMIT 1000000
) AS r
WHERE reclaim_value IS NOT NULL
GROUP BY CAST(reclaim_value AS BINARY)
ORDER BY 2 DESC
LIMIT :limit
