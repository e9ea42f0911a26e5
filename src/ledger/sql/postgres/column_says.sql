WITH at AS (
  SELECT a.attrelid, a.attnum, a.atttypid, coalesce(nullif(t.typbasetype, 0), t.oid) AS base
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  WHERE n.nspname = {schema} AND c.relname = {table} AND a.attname = {column}
)
SELECT 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM at JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = at.attrelid AND d.adnum = at.attnum
UNION ALL
SELECT 'limit', pg_catalog.pg_get_constraintdef(k.oid)
FROM at JOIN pg_catalog.pg_constraint AS k ON k.contype = 'c' AND (k.conrelid = at.attrelid OR k.contypid = at.atttypid)
UNION ALL
SELECT 'limit', 'enum(' || string_agg(pg_catalog.quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) || ')'
FROM at JOIN pg_catalog.pg_enum AS e ON e.enumtypid = at.base HAVING count(*) > 0
