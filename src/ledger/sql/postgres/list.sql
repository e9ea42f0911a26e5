SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint, {columns}
FROM {relation} AS t{join}
WHERE {where}
ORDER BY {order}
LIMIT :limit::bigint
