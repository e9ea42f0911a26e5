SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint, {columns}
FROM (SELECT {every} FROM {relation} WHERE {key}) AS t{join}
