SELECT reclaim_now(), {columns}
FROM (SELECT {every} FROM {relation} WHERE {key}) AS t{join}
