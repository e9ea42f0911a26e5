SELECT 'default', c.COLUMN_DEFAULT FROM information_schema.COLUMNS AS c
WHERE c.TABLE_SCHEMA = coalesce({schema}, DATABASE()) AND c.TABLE_NAME = {table} AND c.COLUMN_NAME = {column} AND c.COLUMN_DEFAULT IS NOT NULL
UNION ALL
SELECT 'limit', c.COLUMN_TYPE FROM information_schema.COLUMNS AS c
WHERE c.TABLE_SCHEMA = coalesce({schema}, DATABASE()) AND c.TABLE_NAME = {table} AND c.COLUMN_NAME = {column} AND c.DATA_TYPE = 'enum'
UNION ALL
SELECT 'limit', k.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS AS k
WHERE k.CONSTRAINT_SCHEMA = coalesce({schema}, DATABASE()) AND k.TABLE_NAME = {table}
