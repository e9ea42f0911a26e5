SELECT DISTINCT format('GRANT USAGE ON SEQUENCE %I.%I TO sweeper', n.nspname, s.relname)
FROM pg_catalog.pg_attrdef AS f
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
	AND d.refclassid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class AS s ON s.oid = d.refobjid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = f.adrelid
JOIN pg_catalog.pg_namespace AS m ON m.oid = t.relnamespace
WHERE m.nspname = split_part(:id, '.', 1) AND t.relname = substr(:id, strpos(:id, '.') + 1)
ORDER BY 1
