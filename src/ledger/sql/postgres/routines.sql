-- What a word before a parenthesis may be, if it is not the engine's own, which everybody may use; and the sequence that is
-- its argument. By the catalog: who may not use a schema can't ask by its name either.
WITH word AS (
	SELECT CASE WHEN strpos(:name, '.') > 0 THEN split_part(:name, '.', 1) END AS schema, substr(:name, strpos(:name, '.') + 1) AS name),
sequence AS (
	SELECT parse_ident(CASE WHEN w.name IN ('nextval', 'currval', 'setval') THEN nullif(:argument, '') END) AS parts,
		CASE w.name WHEN 'nextval' THEN 'USAGE' WHEN 'currval' THEN 'SELECT' ELSE 'UPDATE' END AS rights FROM word AS w),
used AS (
	SELECT n.oid AS schema_id, n.nspname, 'EXECUTE' AS rights,
		format('%s %I.%I(%s)', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, n.nspname, p.proname,
			oidvectortypes(p.proargtypes)) AS thing,
		has_function_privilege(p.oid, 'EXECUTE') AS given, NOT p.prosecdef AND l.lanpltrusted AS by_caller
	FROM word AS w
	JOIN pg_catalog.pg_proc AS p ON p.proname IN (w.name, lower(w.name))
	JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
	JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
	WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
		AND CASE WHEN w.schema IS NULL THEN pg_function_is_visible(p.oid) ELSE n.nspname IN (w.schema, lower(w.schema)) END
	UNION ALL
	SELECT n.oid, n.nspname, s.rights, format('SEQUENCE %I.%I', n.nspname, c.relname), has_sequence_privilege(c.oid, s.rights), false
	FROM sequence AS s
	JOIN pg_catalog.pg_class AS c ON c.relname = s.parts[array_length(s.parts, 1)] AND c.relkind = 'S'
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE CASE array_length(s.parts, 1) WHEN 1 THEN pg_table_is_visible(c.oid) ELSE n.nspname = s.parts[1] END)
SELECT nspname AS schema, rights, thing,
	CASE WHEN NOT given THEN format('GRANT %s ON %s TO %I', rights, thing, current_user) END AS grant,
	CASE WHEN NOT has_schema_privilege(schema_id, 'USAGE') THEN format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) END AS schema_grant,
	by_caller::int AS by_caller
FROM used ORDER BY thing
