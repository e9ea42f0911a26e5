SELECT reclaim_now(), {columns}
FROM (SELECT {every} FROM {relation} WHERE {where}) AS t{join}
ORDER BY {order}
LIMIT :limit
