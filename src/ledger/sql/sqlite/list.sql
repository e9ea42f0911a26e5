SELECT reclaim_now(), {columns}
FROM {relation} AS t{join}
WHERE {where}
ORDER BY {order}
LIMIT :limit
