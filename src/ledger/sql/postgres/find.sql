SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint, {columns}
FROM (SELECT {every} FROM {relation} WHERE {claims}) AS t{join}
WHERE ({bound}) AND {after}
ORDER BY {order}
LIMIT :limit::bigint
