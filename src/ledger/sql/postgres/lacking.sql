-- By the catalog: who may not use a schema can't ask by its name either. Where some columns are given, the others are named.
WITH tables AS (
	SELECT c.oid, n.oid AS schema_id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name, string_to_array(:rights, ', ') AS words
	FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = split_part(:id, '.', 1) AND c.relname = substr(:id, strpos(:id, '.') + 1)
		AND c.relkind IN ('r', 'p', 'v', 'm', 'f')),
words AS (
	SELECT t.oid, t.name, w.place, w.word,
		CASE WHEN w.word = 'DELETE' THEN NULL WHEN NOT has_any_column_privilege(t.oid, w.word) THEN NULL
		ELSE (SELECT coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), '') FROM pg_catalog.pg_attribute AS a
			WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
				AND NOT has_column_privilege(t.oid, a.attnum, w.word)) END AS columns
	FROM tables AS t, unnest(t.words) WITH ORDINALITY AS w(word, place)
	WHERE NOT has_table_privilege(t.oid, w.word)),
lacking AS (
	SELECT 0 AS step, 0 AS partly, 'USAGE' AS rights, format('SCHEMA %I', nspname) AS thing
	FROM tables WHERE NOT has_schema_privilege(schema_id, 'USAGE')
	UNION ALL
	SELECT 1, 0, string_agg(word, ', ' ORDER BY place), name FROM words WHERE columns IS NULL GROUP BY name
	UNION ALL
	SELECT 2, 1, string_agg(format('%s (%s)', word, columns), ', ' ORDER BY place), name FROM words WHERE columns <> '' GROUP BY name
	UNION ALL
	SELECT DISTINCT 3, 0, 'USAGE', format('SEQUENCE %I.%I', m.nspname, s.relname)
	FROM tables AS t
	JOIN pg_catalog.pg_attrdef AS f ON f.adrelid = t.oid
	JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
		AND d.refclassid = 'pg_catalog.pg_class'::regclass
	JOIN pg_catalog.pg_class AS s ON s.oid = d.refobjid
	JOIN pg_catalog.pg_namespace AS m ON m.oid = s.relnamespace
	WHERE 'INSERT' = ANY (t.words) AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') END)
SELECT rights || ' on ' || thing AS what, format('GRANT %s ON %s TO %I', rights, thing, current_user) AS grant, partly
FROM lacking ORDER BY step, thing
