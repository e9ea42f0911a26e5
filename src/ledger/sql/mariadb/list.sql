SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), {columns}
FROM {relation} AS t{join}
WHERE {where}
ORDER BY {order}
LIMIT :limit
