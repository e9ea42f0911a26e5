SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint, {columns}
FROM (SELECT {every} FROM {relation} WHERE {where}) AS t{join}
ORDER BY {order}
LIMIT :limit::bigint
