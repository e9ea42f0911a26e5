SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), {columns}
FROM (SELECT {every} FROM {relation} WHERE {where}) AS t{join}
ORDER BY {order}
LIMIT :limit
