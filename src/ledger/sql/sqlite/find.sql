SELECT reclaim_now(), {columns}
FROM (SELECT {every} FROM {relation} WHERE {claims}) AS t{join}
WHERE ({bound}) AND {after}
ORDER BY {order}
LIMIT :limit
