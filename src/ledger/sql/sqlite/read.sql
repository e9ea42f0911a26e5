SELECT reclaim_now(), {columns}
FROM {relation} AS t{join}
WHERE {key}
