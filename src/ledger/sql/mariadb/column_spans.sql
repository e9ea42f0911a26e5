SELECT reclaim_claimed, reclaim_finished
FROM (
  SELECT {claimed} AS reclaim_claimed, {finished} AS reclaim_finished
  FROM {relation} WHERE {claimed} IS NOT NULL AND {finished} IS NOT NULL AND {completed} LIMIT 1000000
) AS r
ORDER BY reclaim_finished DESC
LIMIT :limit
