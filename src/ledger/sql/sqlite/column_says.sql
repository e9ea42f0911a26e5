SELECT 'default', x.dflt_value FROM pragma_table_xinfo({table}, coalesce({schema}, 'main')) AS x
WHERE x.name = {column} COLLATE NOCASE AND x.dflt_value IS NOT NULL
UNION ALL
SELECT 'limit', s.sql FROM sqlite_schema AS s WHERE s.name = {table} COLLATE NOCASE AND s.type = 'table' AND s.sql IS NOT NULL
