SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint, {columns}
FROM (SELECT * FROM {relation} AS r WHERE {where}) AS t{join}
ORDER BY {order}
LIMIT :limit::bigint
