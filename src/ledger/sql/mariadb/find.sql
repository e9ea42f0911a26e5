SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), {columns}
FROM (SELECT {every} FROM {relation} WHERE {claims}) AS t{join}
WHERE ({bound}) AND {after}
ORDER BY {order}
LIMIT :limit
