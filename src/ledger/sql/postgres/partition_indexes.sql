-- On a partitioned table no index can be made without locking it: each partition gets its own, and they are joined.
WITH parts AS MATERIALIZED (
	SELECT t.relid, t.parentrelid, t.isleaf, t.level, n.oid AS schema_id, n.nspname, c.relname,
	       CASE WHEN t.level = 0 THEN :name ELSE left(:name, 50) || '_' || t.relid::oid END AS index
	FROM pg_catalog.pg_partition_tree(to_regclass(:id)) AS t
	JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(:id) AND relkind = 'p')),
steps AS (
	SELECT 0 AS step, p.level AS place, format('DROP INDEX CONCURRENTLY %I.%I', p.nspname, p.index) AS sql
	FROM parts AS p
	JOIN pg_catalog.pg_class AS i ON i.relname = p.index AND i.relnamespace = p.schema_id
	JOIN pg_catalog.pg_index AS x ON x.indexrelid = i.oid AND NOT x.indisvalid
	WHERE p.isleaf
	UNION ALL
	SELECT 1, level, format('CREATE INDEX %sIF NOT EXISTS %I ON %s%I.%I (%s)%s', CASE WHEN isleaf THEN 'CONCURRENTLY ' ELSE '' END,
		index, CASE WHEN isleaf THEN '' ELSE 'ONLY ' END, nspname, relname, :on::text, :where::text)
	FROM parts
	UNION ALL
	SELECT 2, -p.level, format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I', q.nspname, q.index, p.nspname, p.index)
	FROM parts AS p JOIN parts AS q ON q.relid = p.parentrelid)
SELECT sql FROM steps ORDER BY step, place
